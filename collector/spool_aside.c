/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_aside.h"

#include "bytes.h"
#include "spool_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_OFFSET 68 /* PRAGMA application_id, big-endian (sqlite.org/fileformat.html, 1.3) */

bool spool_aside_is_ours(const char *path)
{
	uint8_t id[4];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_ours;

	if (fd < 0)
		return false;
	is_ours = pread(fd, id, sizeof(id), ID_OFFSET) == sizeof(id) &&
		  bytes_be32(id) == SPOOL_SETUP_APPLICATION_ID;
	close(fd);
	return is_ours;
}

void spool_aside_name(const char *path, int64_t unix_s, char *ret, size_t size)
{
	snprintf(ret, size, "%s.corrupt-%lld", path, (long long)unix_s);
}

/* What was moved in the same second stays: then the name is taken, and this is tried again. */
static int move(const char *from, const char *to)
{
	if (access(to, F_OK) == 0)
		return -EEXIST;
	return rename(from, to) < 0 ? -errno : 0;
}

/*
 * The file first: were the machine to stop in between, a file without its WAL would look like a
 * good one of some time ago, while a WAL without its file is nothing.
 */
int spool_aside_move(const char *path, int64_t unix_s, char err[static ERR_LEN])
{
	char to[PATH_MAX], wal[PATH_MAX + 8], wal_to[PATH_MAX + 8];
	int r;

	spool_aside_name(path, unix_s, to, sizeof(to));
	snprintf(wal, sizeof(wal), "%s-wal", path);
	snprintf(wal_to, sizeof(wal_to), "%s-wal", to);
	r = move(path, to);
	if (r == 0)
		r = move(wal, wal_to);
	if (r == 0 || r == -ENOENT)
		return 0;
	snprintf(err, ERR_LEN, "--spool: it is damaged, and cannot be moved aside to '%.80s': %s",
		to, strerror(-r));
	return r;
}
