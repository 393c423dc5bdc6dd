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

/*
 * Once, after the open. Where the disk has less than is missing, half of what it has is taken.
 * *ret_have: what there is now, at most `want`.
 */
void spool_room_take(struct spool_db *db, const char *path, const struct spool_room *want,
	struct spool_room *ret_have);

/*
 * Before a transaction that may use that many more pages: they are taken on the disk
 * now. Committed without them, they would fill a WAL that cannot be emptied into the file, and then
 * not even a delete could be committed. 0, or -ENOSPC: nothing has changed.
 */
int spool_room_reserve(struct spool_db *db, uint64_t more);
