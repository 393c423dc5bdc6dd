/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's room on its disk, taken at the start and kept, so that what others fill the disk with
 * stops neither a commit that fits into it nor the deleting of what was delivered.
 */
#pragma once

#include "spool_db.h"

struct spool_room {
	uint64_t file_bytes;
	uint64_t wal_bytes;
};

/* Where the disk has less than twice of what is missing. */
enum spool_room_greed {
	SPOOL_ROOM_HALF, /* half of what it has is taken */
	SPOOL_ROOM_ALL, /* nothing is: it is asked for again and again, and others live there too */
};

/* What the file and its WAL are as they are. */
struct spool_room spool_room_now(const char *path);

/*
 * After the open, and again while something is missing. *ret_have: what there is now, at most
 * `want`: a WAL that is longer is cut. From now on the WAL is emptied into the file when half of
 * its room is used, so that the other half is a transaction's.
 */
void spool_room_take(struct spool_db *db, const char *path, const struct spool_room *want,
	enum spool_room_greed greed, struct spool_room *ret_have);

/*
 * Before a transaction that may use that many more pages: they are taken on the disk
 * now. Committed without them, they would fill a WAL that cannot be emptied into the file, and then
 * not even a delete could be committed. 0, or -ENOSPC: nothing has changed.
 */
int spool_room_reserve(struct spool_db *db, uint64_t more);

/*
 * After a transaction for which the WAL had no room: empties it into the file, whose room was taken
 * before. Sqlite does so by itself only after a commit, of which there may be none any more. False:
 * there is no more room now than before.
 */
bool spool_room_empty_wal(struct spool_db *db);
