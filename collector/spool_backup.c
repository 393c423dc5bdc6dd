/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_backup.h"

#include "spool_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_PAGES 256 /* 1 MiB, a few milliseconds */

struct spool_backup {
	char *path; /* NULL: it has no name */
	int fd;     /* of one without a name, else -1 */
	sqlite3 *to;
	sqlite3_backup *sqlite;
	uint64_t bytes;
	bool is_whole;
};

static int create_file(const char *path, char err[static ERR_LEN])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	if (r == -EEXIST)
		snprintf(err, ERR_LEN, "backup: '%.160s' exists; expected a new file", path);
	else if (r < 0)
		snprintf(err, ERR_LEN, "backup: '%.160s': %s", path, strerror(-r));
	return r;
}

static int fail(struct spool_backup *backup, char err[static ERR_LEN])
{
	snprintf(err, ERR_LEN, "backup: %s", sqlite3_errmsg(backup->to));
	return spool_sqlite_errno(backup->to);
}

/* Without a journal: what is not whole is deleted anyway. */
static int open_both(struct spool_backup *backup, struct spool_db *db, char err[static ERR_LEN])
{
	int r = sqlite3_open_v2(
		backup->path, &backup->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_exec(backup->to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=FULL",
			NULL, NULL, NULL);
	if (r != SQLITE_OK)
		return fail(backup, err);
	backup->sqlite = sqlite3_backup_init(backup->to, "main", db->sqlite, "main");
	return backup->sqlite ? 0 : fail(backup, err);
}

/* Of a file that was just created. Takes fd. */
static int begin(struct spool_db *db, const char *path, int fd, struct spool_backup **ret,
	char err[static ERR_LEN])
{
	struct spool_backup *backup = calloc(1, sizeof(*backup));
	int r;

	if (backup)
		backup->path = strdup(path);
	if (!backup || !backup->path) {
		snprintf(err, ERR_LEN, "backup: out of memory");
		unlink(path);
		if (fd >= 0)
			close(fd);
		free(backup);
		return -ENOMEM;
	}
	backup->fd = fd;
	r = open_both(backup, db, err);
	if (r < 0) {
		spool_backup_end(backup);
		return r;
	}
	*ret = backup;
	return 0;
}

int spool_backup_begin(
	struct spool_db *db, const char *path, struct spool_backup **ret, char err[static ERR_LEN])
{
	int r = create_file(path, err);

	return r < 0 ? r : begin(db, path, -1, ret, err);
}

/* sqlite opens by name only, so that it has one for as long as that takes. */
int spool_backup_begin_unnamed(struct spool_db *db, const char *beside, struct spool_backup **ret,
	char err[static ERR_LEN])
{
	char path[PATH_MAX];
	int fd, r;

	snprintf(path, sizeof(path), "%s.copy-XXXXXX", beside);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		snprintf(err, ERR_LEN, "backup: '%.160s': %s", path, strerror(-r));
		return r;
	}
	r = begin(db, path, fd, ret, err);
	if (r < 0)
		return r;
	unlink(path);
	free((*ret)->path);
	(*ret)->path = NULL;
	return 0;
}

/* After the last page sqlite syncs the file; what is left is that the connection closes well. */
int spool_backup_step(struct spool_backup *backup, char err[static ERR_LEN])
{
	int r = sqlite3_backup_step(backup->sqlite, STEP_PAGES);

	if (r == SQLITE_OK)
		return 1;
	backup->bytes = (uint64_t)sqlite3_backup_pagecount(backup->sqlite) * SPOOL_DB_PAGE_BYTES;
	if (r == SQLITE_DONE)
		r = sqlite3_backup_finish(backup->sqlite);
	else
		sqlite3_backup_finish(backup->sqlite);
	backup->sqlite = NULL;
	if (r != SQLITE_OK)
		return fail(backup, err);
	backup->is_whole = true;
	return 0;
}

uint64_t spool_backup_bytes(const struct spool_backup *backup)
{
	return backup->bytes;
}

int spool_backup_file(struct spool_backup *backup)
{
	int fd = backup->is_whole ? backup->fd : -1;

	if (fd >= 0)
		backup->fd = -1;
	return fd;
}

void spool_backup_end(struct spool_backup *backup)
{
	if (!backup)
		return;
	if (backup->sqlite)
		sqlite3_backup_finish(backup->sqlite);
	sqlite3_close(backup->to);
	if (backup->path && !backup->is_whole)
		unlink(backup->path);
	if (backup->fd >= 0)
		close(backup->fd);
	free(backup->path);
	free(backup);
}
