/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sqlite's settings, and why:
 * - locking_mode=EXCLUSIVE before the first read: the lock on the file is then held until the
 * close, idle or not, so that a second collector is told at its start; and no -shm file is needed
 * (sqlite.org/wal.html, section 8, "Use of WAL Without Shared-Memory").
 * - journal_mode=WAL, synchronous=FULL: one fsync a commit, and what was committed is there after a
 * power cut.
 * - wal_autocheckpoint: bounds the WAL at about that and one transaction.
 * - SQLITE_FCNTL_PERSIST_WAL, and no journal_size_limit: the WAL keeps its room when it is closed
 * or checkpointed, so that a disk that others fill does not stop the next commit.
 * - secure_delete=OFF (Debian builds it on): deleting would write every freed page as zeros,
 * through the WAL.
 * - auto_vacuum=NONE: the file's free pages are the next bodies' room; moving pages costs twice.
 * - max_page_count: sqlite's own end of the file, above the quota by which bodies are evicted.
 * - temp_store=MEMORY: the collector's root file system is read-only.
 */
#include "spool_db.h"

#include "clock.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define APPLICATION_ID 0x6e737470 /* "nstp" */
#define SCHEMA_VERSION 2          /* 2: body.since_ms */

static const char schema[] =
	"CREATE TABLE body (id INTEGER PRIMARY KEY AUTOINCREMENT, lines INTEGER NOT NULL,"
	" traffic_bytes INTEGER NOT NULL, since_ms INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE TABLE dead (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, reason TEXT NOT NULL,"
	" lines INTEGER NOT NULL, traffic_bytes INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE TABLE boot (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE observer (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

/* Numbers stand before the data: reading them does not follow the body's pages. */
static const char *const statements[SPOOL_N_STATEMENTS] = {
	[SPOOL_BEGIN] = "BEGIN IMMEDIATE",
	[SPOOL_COMMIT] = "COMMIT",
	[SPOOL_ROLLBACK] = "ROLLBACK",
	[SPOOL_ADD_BODY] = ("INSERT INTO body (lines, traffic_bytes, since_ms, data)"
			    " VALUES (?1, ?2, ?3, ?4)"),
	[SPOOL_NEXT_BODY] = ("SELECT id, lines, traffic_bytes, since_ms, data FROM body"
			     " WHERE id > ?1 ORDER BY id LIMIT 1"),
	[SPOOL_NEWEST_BODY] = ("SELECT id, lines, traffic_bytes, since_ms, data FROM body"
			       " WHERE id > ?1 ORDER BY id DESC LIMIT 1"),
	[SPOOL_OLDEST_BODY] = "SELECT since_ms FROM body ORDER BY id LIMIT 1",
	[SPOOL_SIZE_OF_BODY] =
		"SELECT id, lines, traffic_bytes, length(data) FROM body WHERE id = ?1",
	[SPOOL_LIST_BODIES] =
		("SELECT id, lines, traffic_bytes, length(data) FROM body WHERE id <> ?1"
		 " ORDER BY id"),
	[SPOOL_DELETE_BODY] = "DELETE FROM body WHERE id = ?1",
	[SPOOL_EVICT_BODIES] = "DELETE FROM body WHERE id <= ?2 AND id <> ?1",
	[SPOOL_BURY_BODY] = ("INSERT INTO dead (status, reason, lines, traffic_bytes, data)"
			     " SELECT ?2, ?3, lines, traffic_bytes, data FROM body WHERE id = ?1"),
	[SPOOL_ADD_DEAD] = ("INSERT INTO dead (lines, status, reason, traffic_bytes, data)"
			    " VALUES (?1, ?2, ?3, ?4, ?5)"),
	[SPOOL_LIST_DEAD] =
		("SELECT id, lines, traffic_bytes, length(data) FROM dead WHERE id <> ?1"
		 " ORDER BY id"),
	[SPOOL_EVICT_DEAD] = "DELETE FROM dead WHERE id <= ?2 AND id <> ?1",
	[SPOOL_PUT_BOOT] = "REPLACE INTO boot (key, value) VALUES (?1, ?2)",
	[SPOOL_PUT_OBSERVER] = "REPLACE INTO observer (key, value) VALUES (?1, ?2)",
	[SPOOL_DELETE_BOOT] = "DELETE FROM boot WHERE key = ?1",
	[SPOOL_DELETE_OBSERVER] = "DELETE FROM observer WHERE key = ?1",
	[SPOOL_LIST_BOOTS] = "SELECT key, value FROM boot",
	[SPOOL_LIST_OBSERVERS] = "SELECT key, value FROM observer",
	[SPOOL_COUNT_PAGES] = "PRAGMA page_count",
	[SPOOL_COUNT_FREE_PAGES] = "PRAGMA freelist_count",
};

struct spool_db {
	sqlite3 *sqlite;
	sqlite3_stmt *statements[SPOOL_N_STATEMENTS];
};

static int errno_of(sqlite3 *db)
{
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

int spool_db_fail(struct spool_db *db, const char *what, char err[static ERR_LEN])
{
	snprintf(err, ERR_LEN, "%s: %s", what, sqlite3_errmsg(db->sqlite));
	return errno_of(db->sqlite);
}

void spool_db_bind(struct spool_db *db, enum spool_statement which, int at, int64_t value)
{
	sqlite3_bind_int64(db->statements[which], at, value);
}

void spool_db_bind_data(
	struct spool_db *db, enum spool_statement which, int at, const void *data, size_t len)
{
	sqlite3_bind_blob64(db->statements[which], at, data, len, SQLITE_STATIC);
}

void spool_db_bind_text(
	struct spool_db *db, enum spool_statement which, int at, const char *text, size_t len)
{
	sqlite3_bind_text64(db->statements[which], at, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

void spool_db_end(struct spool_db *db, enum spool_statement which)
{
	sqlite3_reset(db->statements[which]);
	sqlite3_clear_bindings(db->statements[which]);
}

int spool_db_step(struct spool_db *db, enum spool_statement which)
{
	int r = sqlite3_step(db->statements[which]);

	if (r == SQLITE_ROW)
		return 1;
	r = r == SQLITE_DONE ? 0 : errno_of(db->sqlite);
	spool_db_end(db, which);
	return r;
}

int spool_db_run(struct spool_db *db, enum spool_statement which)
{
	int r = spool_db_step(db, which);

	if (r <= 0)
		return r;
	spool_db_end(db, which);
	return 0;
}

int64_t spool_db_number(struct spool_db *db, enum spool_statement which, int at)
{
	return sqlite3_column_int64(db->statements[which], at);
}

/* sqlite3_column_blob first: asked in this order neither converts
 * (sqlite.org/c3ref/column_blob.html). */
const void *spool_db_data(struct spool_db *db, enum spool_statement which, int at, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(db->statements[which], at);

	*ret_len = (size_t)sqlite3_column_bytes(db->statements[which], at);
	return data;
}

int64_t spool_db_last_id(struct spool_db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

/* An error may have ended the transaction already. */
void spool_db_roll_back(struct spool_db *db)
{
	if (!sqlite3_get_autocommit(db->sqlite))
		spool_db_run(db, SPOOL_ROLLBACK);
}

/* ":memory:", "file:..." and "" mean something to sqlite that they do not mean here. */
static char *plain_path(const char *path)
{
	size_t len = strlen(path) + 3;
	char *plain = malloc(len);

	if (plain)
		snprintf(plain, len, "%s%s", path[0] == '/' ? "" : "./", path);
	return plain;
}

static int check_path(const char *path, char err[static ERR_LEN])
{
	struct stat st;

	if (path[0] == '\0') {
		snprintf(err, ERR_LEN, "--spool: ''; expected a file");
		return -EINVAL;
	}
	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode)) {
		snprintf(err, ERR_LEN, "--spool: '%s' is a directory; expected a file", path);
		return -EISDIR;
	}
	snprintf(err, ERR_LEN, "--spool: '%s' is no regular file; expected a file", path);
	return -EINVAL;
}

static int open_file(struct spool_db *db, const char *path, char err[static ERR_LEN])
{
	char *plain = plain_path(path);
	int r, reason;

	if (!plain) {
		snprintf(err, ERR_LEN, "--spool: out of memory");
		return -ENOMEM;
	}
	/* NOMUTEX: one thread at a time owns the spool, and hands it over through a lock. */
	r = sqlite3_open_v2(plain, &db->sqlite,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	free(plain);
	if (r == SQLITE_OK && sqlite3_db_readonly(db->sqlite, "main") == 0)
		return 0;
	reason = r == SQLITE_OK ? EACCES : sqlite3_system_errno(db->sqlite);
	if (reason == 0)
		reason = r == SQLITE_NOMEM ? ENOMEM : EIO;
	snprintf(err, ERR_LEN, "--spool: '%s': %s; expected a file that can be written", path,
		strerror(reason));
	return -reason;
}

static int query_number(struct spool_db *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st;
	int r = sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL);

	if (r == SQLITE_OK) {
		r = sqlite3_step(st);
		if (r == SQLITE_ROW)
			*ret = sqlite3_column_int64(st, 0);
	}
	sqlite3_finalize(st);
	return r == SQLITE_ROW ? 0 : errno_of(db->sqlite);
}

static int refuse(struct spool_db *db, int r, const char *path, char err[static ERR_LEN])
{
	if (r == -EBUSY)
		snprintf(err, ERR_LEN, "--spool: '%s' is in use by another collector", path);
	else if (r == -EBADMSG)
		snprintf(err, ERR_LEN,
			"--spool: '%s' is no nstats spool, or damaged; "
			"expected a new file or a spool",
			path);
	else
		snprintf(err, ERR_LEN, "--spool: '%s': %s", path, sqlite3_errmsg(db->sqlite));
	return r;
}

/* Before anything is changed: whose file is it? Version 0: nobody's, and empty. */
static int check_owner(
	struct spool_db *db, const char *path, int64_t *ret_version, char err[static ERR_LEN])
{
	int64_t id = 0, version = 0, tables = 0;
	int r = query_number(db, "PRAGMA application_id", &id);

	if (r == 0)
		r = query_number(db, "PRAGMA user_version", &version);
	if (r == 0)
		r = query_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r == 0 && id != APPLICATION_ID && (id != 0 || version != 0 || tables != 0))
		r = -EBADMSG;
	if (r < 0)
		return refuse(db, r, path, err);
	if (version > SCHEMA_VERSION) {
		snprintf(err, ERR_LEN,
			"--spool: '%s' is of version %lld; expected %d or older: it was written by "
			"a newer nstats",
			path, (long long)version, SCHEMA_VERSION);
		return -EPROTONOSUPPORT;
	}
	*ret_version = version;
	return 0;
}

static int exec(struct spool_db *db, const char *sql)
{
	if (sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return errno_of(db->sqlite);
}

static int configure(struct spool_db *db, uint64_t file_bytes, uint64_t wal_bytes)
{
	char sql[512];
	int on = 1;
	int r;

	snprintf(sql, sizeof(sql),
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=%llu;"
		"PRAGMA journal_size_limit=-1; PRAGMA secure_delete=OFF; PRAGMA temp_store=MEMORY;"
		"PRAGMA max_page_count=%llu",
		(unsigned long long)(wal_bytes / SPOOL_DB_PAGE_BYTES),
		(unsigned long long)(file_bytes / SPOOL_DB_PAGE_BYTES));
	r = exec(db, sql);
	sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	return r;
}

/* In one transaction, the file's marks included: a half-made schema is never seen. */
static int create(struct spool_db *db)
{
	char marks[128];
	int r = exec(db, "BEGIN IMMEDIATE");

	snprintf(marks, sizeof(marks), "PRAGMA application_id=%d; PRAGMA user_version=%d",
		APPLICATION_ID, SCHEMA_VERSION);
	if (r == 0)
		r = exec(db, schema);
	if (r == 0)
		r = exec(db, marks);
	if (r == 0)
		r = exec(db, "COMMIT");
	return r;
}

/*
 * To version 2. A column that is added has its default without a row being rewritten: what is in
 * the file counts from now on.
 */
static int migrate(struct spool_db *db)
{
	char sql[160];
	int r = exec(db, "BEGIN IMMEDIATE");

	snprintf(sql, sizeof(sql),
		"ALTER TABLE body ADD COLUMN since_ms INTEGER NOT NULL DEFAULT %lld;"
		"PRAGMA user_version=%d",
		(long long)clock_wall_ms(), SCHEMA_VERSION);
	if (r == 0)
		r = exec(db, sql);
	if (r == 0)
		r = exec(db, "COMMIT");
	return r;
}

static int prepare(struct spool_db *db)
{
	int i;

	for (i = 0; i < SPOOL_N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(db->sqlite, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &db->statements[i], NULL) != SQLITE_OK)
			return errno_of(db->sqlite);
	return 0;
}

static int set_up(struct spool_db *db, const char *path, uint64_t file_bytes, uint64_t wal_bytes,
	char err[static ERR_LEN])
{
	int64_t version = 0;
	int r = exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096;"
			 "PRAGMA auto_vacuum=NONE");

	if (r < 0)
		return refuse(db, r, path, err);
	r = check_owner(db, path, &version, err);
	if (r < 0)
		return r;
	r = configure(db, file_bytes, wal_bytes);
	if (r == 0 && version == 0)
		r = create(db);
	else if (r == 0 && version < SCHEMA_VERSION)
		r = migrate(db);
	if (r == 0)
		r = prepare(db);
	if (r < 0)
		return refuse(db, r, path, err);
	return 0;
}

int spool_db_open(const char *path, uint64_t file_bytes, uint64_t wal_bytes, struct spool_db **ret,
	char err[static ERR_LEN])
{
	struct spool_db *db;
	int r = check_path(path, err);

	if (r < 0)
		return r;
	db = calloc(1, sizeof(*db));
	if (!db) {
		snprintf(err, ERR_LEN, "--spool: out of memory");
		return -ENOMEM;
	}
	r = open_file(db, path, err);
	if (r == 0)
		r = set_up(db, path, file_bytes, wal_bytes, err);
	if (r < 0) {
		spool_db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

void spool_db_close(struct spool_db *db)
{
	int i;

	if (!db)
		return;
	for (i = 0; i < SPOOL_N_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sqlite);
	free(db);
}
