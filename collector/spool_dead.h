/* SPDX-License-Identifier: Apache-2.0 */
/* The dead letters: to look at, and back among the bodies (spool.h). */
#pragma once

#include "err.h"
#include "spool_account.h"
#include "spool_db.h"
#include "spool_terms.h"

/* The oldest with an id above after. 1: given (free(ret->data)); 0: none; -errno. */
int spool_dead_next(struct spool_db *db, int64_t after, struct spool_dead *ret);
int spool_dead_last_id(struct spool_db *db, int64_t *ret);

/*
 * Are they damaged? Then they are put aside as the table "dead_damaged", and new ones begun; the
 * bodies stay. No page of theirs is freed, since it may be another's as well; so this is done once
 * in the life of a file. 1: done; 0: they are sound, or it was done before; -errno.
 */
int spool_dead_put_aside(
	struct spool_db *db, struct spool_account *account, char err[static ERR_LEN]);

/*
 * In one transaction, some of those up to this id become bodies of now_ms, the oldest first.
 * quota_bytes: of the file's pages in use; they are not evicted for. *ret_last_id: the last one's
 * as a body, where there are any. 1: there are more; 0: no more; -ENOSPC; other -errno.
 */
int spool_dead_replay(struct spool_db *db, struct spool_account *account, uint64_t quota_bytes,
	int64_t up_to, int64_t now_ms, int64_t *ret_last_id, char err[static ERR_LEN]);
