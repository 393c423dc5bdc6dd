/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_backup.h"

#include "spool_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_PAGES 256 /* 1 MiB, a few milliseconds */

struct spool_backup {
	char *path;
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

int spool_backup_begin(
	struct spool_db *db, const char *path, struct spool_backup **ret, char err[static ERR_LEN])
{
	struct spool_backup *backup = calloc(1, sizeof(*backup));
	int r;

	if (backup)
		backup->path = strdup(path);
	if (!backup || !backup->path) {
		snprintf(err, ERR_LEN, "backup: out of memory");
		free(backup);
		return -ENOMEM;
	}
	r = create_file(path, err);
	if (r < 0) {
		free(backup->path);
		free(backup);
		return r;
	}
	r = open_both(backup, db, err);
	if (r < 0) {
		spool_backup_end(backup);
		return r;
	}
	*ret = backup;
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

void spool_backup_end(struct spool_backup *backup)
{
	if (!backup)
		return;
	if (backup->sqlite)
		sqlite3_backup_finish(backup->sqlite);
	sqlite3_close(backup->to);
	if (!backup->is_whole)
		unlink(backup->path);
	free(backup->path);
	free(backup);
}
