/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is made longer by sqlite's own hand: a descriptor of ours, once closed, would take
 * sqlite's lock on the file with it (fcntl(2)). On the WAL there is no lock. What counts is written
 * or fallocated, never a hole. SQLITE_FCNTL_CHUNK_SIZE: a checkpoint cuts the file to its pages,
 * rounded up to chunks (os_unix.c, unixTruncate); with the room as the chunk it keeps the room.
 * Beyond the room a chunk is a page, since rounding up would make a hole.
 */
#include "spool_room.h"

#include "spool_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MARGIN_PAGES 16 /* for what a delete may add to a tree */

static uint64_t whole_pages(uint64_t bytes)
{
	return bytes / SPOOL_DB_PAGE_BYTES * SPOOL_DB_PAGE_BYTES;
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Between what there is and what is wanted: as much as the disk gives without being full. */
static uint64_t affordable(
	const char *path, uint64_t have, uint64_t want, enum spool_room_greed greed)
{
	struct statvfs disk;
	uint64_t half;

	if (have >= want)
		return want;
	if (statvfs(path, &disk) < 0)
		return have;
	half = (uint64_t)disk.f_bavail * disk.f_frsize / 2;
	if (want - have <= half)
		return whole_pages(want);
	return greed == SPOOL_ROOM_HALF ? whole_pages(have + half) : have;
}

/* NULL: no memory. free(3). */
static char *wal_path(const char *path)
{
	size_t len = strlen(path) + sizeof("-wal");
	char *wal = malloc(len);

	if (wal)
		snprintf(wal, len, "%s-wal", path);
	return wal;
}

struct spool_room spool_room_now(const char *path)
{
	char *wal = wal_path(path);
	struct spool_room now = {.file_bytes = size_of(path), .wal_bytes = wal ? size_of(wal) : 0};

	free(wal);
	return now;
}

static void set_chunk(struct spool_db *db, uint64_t bytes)
{
	int chunk = (int)bytes;

	sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
}

static uint64_t take_wal(const char *path, uint64_t want, enum spool_room_greed greed)
{
	char *wal = wal_path(path);
	uint64_t have;
	int fd;

	if (!wal)
		return 0;
	fd = open(wal, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0) {
		uint64_t most = affordable(wal, size_of(wal), want, greed);

		/* Where it fails the WAL is what it was: its size says so. */
		(void)posix_fallocate(fd, 0, (off_t)most);
		close(fd);
	}
	have = size_of(wal);
	free(wal);
	return have < want ? have : want;
}

static int lengthen(struct spool_db *db, uint64_t bytes)
{
	sqlite3_int64 hint = (sqlite3_int64)bytes;

	if (sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_SIZE_HINT, &hint) != SQLITE_OK)
		return -ENOSPC;
	return 0;
}

/* A file whose pages fill it already needs no room, and none is kept when it is cut. */
static uint64_t take_file(
	struct spool_db *db, const char *path, uint64_t want, enum spool_room_greed greed)
{
	uint64_t have = size_of(path);
	uint64_t pages = 0;
	uint64_t most = affordable(path, have, whole_pages(want), greed);

	if (spool_db_count(db, SPOOL_COUNT_PAGES, &pages) < 0 ||
		pages * SPOOL_DB_PAGE_BYTES >= want)
		return want;
	set_chunk(db, SPOOL_DB_PAGE_BYTES);
	if (lengthen(db, most) < 0)
		most = whole_pages(size_of(path));
	if (most <= pages * SPOOL_DB_PAGE_BYTES)
		return have < want ? have : want;
	db->room_bytes = most;
	return most;
}

/*
 * One that a large commit made longer, or that is from a time of a larger --spool-max, is cut by
 * the first commit after it was emptied: until then what it holds must stay, or a recovery would
 * take its beginning for all. spool_db_close lifts the limit.
 */
static void limit_wal(struct spool_db *db, const char *path, uint64_t bytes)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit=%llu", (unsigned long long)bytes);
	sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
	if (spool_room_now(path).wal_bytes > bytes)
		(void)spool_room_empty_wal(db);
}

void spool_room_take(struct spool_db *db, const char *path, const struct spool_room *want,
	enum spool_room_greed greed, struct spool_room *ret_have)
{
	uint64_t pages;

	db->room_bytes = 0;
	ret_have->wal_bytes = take_wal(path, want->wal_bytes, greed);
	ret_have->file_bytes = take_file(db, path, want->file_bytes, greed);
	pages = ret_have->wal_bytes / 2 / SPOOL_DB_PAGE_BYTES;
	sqlite3_wal_autocheckpoint(db->sqlite, pages > 0 ? (int)pages : 1);
	(void)spool_room_reserve(db, 0);
	limit_wal(db, path, want->wal_bytes);
}

/* Within the room the room is the chunk, also after a failure. */
static int reserve(struct spool_db *db, uint64_t used_bytes, uint64_t bytes)
{
	uint64_t room = db->room_bytes;
	int r;

	if (bytes <= room) {
		set_chunk(db, room);
		return lengthen(db, room);
	}
	set_chunk(db, SPOOL_DB_PAGE_BYTES);
	r = lengthen(db, bytes);
	if (r < 0 && used_bytes <= room)
		set_chunk(db, room);
	return r;
}

int spool_room_reserve(struct spool_db *db, uint64_t more)
{
	uint64_t pages = 0, free_pages = 0, bytes;
	int r = spool_db_count(db, SPOOL_COUNT_PAGES, &pages);

	if (r == 0)
		r = spool_db_count(db, SPOOL_COUNT_FREE_PAGES, &free_pages);
	if (r < 0)
		return r;
	bytes = (pages + MARGIN_PAGES) * SPOOL_DB_PAGE_BYTES;
	if (more > free_pages)
		bytes += (more - free_pages) * SPOOL_DB_PAGE_BYTES;
	if (bytes > db->max_bytes)
		bytes = whole_pages(db->max_bytes);
	r = reserve(db, pages * SPOOL_DB_PAGE_BYTES, bytes);
	return more <= free_pages ? 0 : r;
}

bool spool_room_empty_wal(struct spool_db *db)
{
	int in_wal = 0, in_file = 0;
	int r = sqlite3_wal_checkpoint_v2(
		db->sqlite, "main", SQLITE_CHECKPOINT_PASSIVE, &in_wal, &in_file);

	return r == SQLITE_OK && in_wal > 0 && in_file == in_wal;
}
