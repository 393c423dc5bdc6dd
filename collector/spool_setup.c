/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sqlite's settings, and why:
 * - locking_mode=EXCLUSIVE before the first read: the lock on the file is then held until the
 * close, idle or not, so that a second collector is told at its start; and no -shm file is needed
 * (sqlite.org/wal.html, section 8, "Use of WAL Without Shared-Memory").
 * - journal_mode=WAL, synchronous=FULL: one fsync a commit, and what was committed is there after a
 * power cut.
 * - wal_autocheckpoint: as much as the WAL's room allows (spool_room).
 * - SQLITE_FCNTL_PERSIST_WAL, and no journal_size_limit at a close, nor one below the WAL's room
 * while it is open (spool_room): the WAL keeps its room when it is closed or checkpointed, so that
 * a disk that others fill does not stop the next commit.
 * - secure_delete=OFF (Debian builds it on): deleting would write every freed page as zeros,
 * through the WAL.
 * - auto_vacuum=NONE: the file's free pages are the next bodies' room; moving pages costs twice.
 * - max_page_count: sqlite's own end of the file, above the quota by which bodies are evicted.
 * - temp_store=MEMORY: the collector's root file system is read-only.
 */
#include "spool_setup.h"

#include "clock.h"
#include "spool_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA_VERSION 5 /* 2: body.since_ms; 3: total; 4: series; 5: longer values in it */

/*
 * total is one row: what the sums over body and dead would say, and whether it is over: closed in
 * good order. Each transaction keeps it, so that a start reads no more than a page of a backlog.
 */
#define TOTAL_TABLE                                                                                \
	"CREATE TABLE total (is_clean INTEGER NOT NULL, bodies INTEGER NOT NULL, lines INTEGER "   \
	"NOT NULL, traffic_bytes INTEGER NOT NULL, data_bytes INTEGER NOT NULL, dead INTEGER NOT " \
	"NULL, dead_lines INTEGER NOT NULL, dead_traffic_bytes INTEGER NOT NULL, dead_data_bytes " \
	"INTEGER NOT NULL);"

#define SERIES_TABLE                                                                               \
	"CREATE TABLE series (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"

#define DEAD_TABLE                                                                                 \
	"CREATE TABLE dead (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, reason TEXT NOT "     \
	"NULL, lines INTEGER NOT NULL, traffic_bytes INTEGER NOT NULL, data BLOB NOT NULL);"

static const char schema[] =
	"CREATE TABLE body (id INTEGER PRIMARY KEY AUTOINCREMENT, lines INTEGER NOT NULL,"
	" traffic_bytes INTEGER NOT NULL, since_ms INTEGER NOT NULL, data BLOB NOT "
	"NULL);" DEAD_TABLE
	"CREATE TABLE boot (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE observer (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT "
	"ROWID;" SERIES_TABLE TOTAL_TABLE "INSERT INTO total VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0);";

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
	return r == SQLITE_ROW ? 0 : spool_sqlite_errno(db->sqlite);
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
	if (r == 0 && id != SPOOL_SETUP_APPLICATION_ID && (id != 0 || version != 0 || tables != 0))
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
	return spool_sqlite_errno(db->sqlite);
}

static int configure(struct spool_db *db, const struct spool_setup *setup)
{
	char sql[512];
	int on = 1;
	int r;

	snprintf(sql, sizeof(sql),
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		"PRAGMA journal_size_limit=-1; PRAGMA secure_delete=OFF; PRAGMA temp_store=MEMORY;"
		"PRAGMA max_page_count=%llu",
		(unsigned long long)(setup->max_bytes / SPOOL_DB_PAGE_BYTES));
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
		SPOOL_SETUP_APPLICATION_ID, SCHEMA_VERSION);
	if (r == 0)
		r = exec(db, schema);
	if (r == 0)
		r = exec(db, marks);
	if (r == 0)
		r = exec(db, "COMMIT");
	return r;
}

/*
 * A column that is added has its default without a row being rewritten: what is in the file counts
 * from now on.
 */
static int migrate(struct spool_db *db, int64_t from_version)
{
	char sql[160];
	int r = exec(db, "BEGIN IMMEDIATE");

	if (r == 0 && from_version < 2) {
		snprintf(sql, sizeof(sql),
			"ALTER TABLE body ADD COLUMN since_ms INTEGER NOT NULL DEFAULT %lld",
			(long long)clock_wall_ms());
		r = exec(db, sql);
	}
	if (r == 0 && from_version < 3) {
		snprintf(sql, sizeof(sql), "INSERT INTO total VALUES (0, %d, 0, 0, 0, 0, 0, 0, 0)",
			SPOOL_SETUP_UNCOUNTED);
		r = exec(db, TOTAL_TABLE);
		if (r == 0)
			r = exec(db, sql);
	}
	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", SCHEMA_VERSION);
	if (r == 0 && from_version < 4)
		r = exec(db, SERIES_TABLE);
	if (r == 0)
		r = exec(db, sql);
	if (r == 0)
		r = exec(db, "COMMIT");
	return r;
}

/* With the file's marks in the file itself, not in its WAL: spool_aside reads them there. */
static int make_schema(struct spool_db *db, int64_t version)
{
	int r;

	if (version == SCHEMA_VERSION)
		return 0;
	r = version == 0 ? create(db) : migrate(db, version);
	return r == 0 ? exec(db, "PRAGMA wal_checkpoint(PASSIVE)") : r;
}

static int set_up(struct spool_db *db, const struct spool_setup *setup, char err[static ERR_LEN])
{
	int64_t version = 0;
	int r = exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096;"
			 "PRAGMA auto_vacuum=NONE");

	if (r < 0)
		return refuse(db, r, setup->path, err);
	r = check_owner(db, setup->path, &version, err);
	if (r < 0)
		return r;
	r = configure(db, setup);
	if (r == 0)
		r = make_schema(db, version);
	if (r == 0)
		r = spool_sqlite_prepare(db);
	if (r < 0)
		return refuse(db, r, setup->path, err);
	return 0;
}

int spool_setup_renew_dead(struct spool_db *db)
{
	return exec(db, "ALTER TABLE dead RENAME TO dead_damaged;" DEAD_TABLE);
}

int spool_setup_open(
	const struct spool_setup *setup, struct spool_db **ret, char err[static ERR_LEN])
{
	struct spool_db *db;
	int r = check_path(setup->path, err);

	if (r < 0)
		return r;
	db = calloc(1, sizeof(*db));
	if (!db) {
		snprintf(err, ERR_LEN, "--spool: out of memory");
		return -ENOMEM;
	}
	db->max_bytes = setup->max_bytes;
	r = open_file(db, setup->path, err);
	if (r == 0)
		r = set_up(db, setup, err);
	if (r < 0) {
		if (r == -EBADMSG)
			spool_db_abandon(db);
		else
			spool_db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}
