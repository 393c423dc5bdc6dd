/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's file from its open to its close: its room, its totals, the mark that it was closed in
 * good order; and what becomes of one that is damaged.
 */
#pragma once

#include "err.h"
#include "spool_account.h"
#include "spool_db.h"

struct spool_file {
	char *path;
	uint64_t max_bytes;
	struct spool_account *account;
	struct spool_db *db; /* NULL: damaged and moved aside, and no new one begun yet */
	int64_t given_id;    /* the last one that left: perhaps under way; -1: none */
	int64_t retry_ms;    /* monotonic: not before this the open is tried again */
	int64_t room_ms;     /* monotonic: not before this missing room is asked for again */
	uint64_t wal_bytes;  /* of the WAL's room, what there is */
	bool is_as_it_is;    /* takes no room beyond what there is */
	bool is_room_missing;
	bool is_check_due;
};

int spool_file_open(struct spool_file *file, char err[static ERR_LEN]);
void spool_file_close(struct spool_file *file);

/*
 * After a transaction that failed with r: is there more room for it now? To be asked once, and then
 * the transaction is to be tried once more.
 */
bool spool_file_relieve(struct spool_file *file, int r);

/* Before each use of db. 0 or -errno. */
int spool_file_ready(struct spool_file *file, char err[static ERR_LEN]);
/* After each, with its result, which is returned: -EBADMSG is damage. */
int spool_file_after(struct spool_file *file, int r, char err[static ERR_LEN]);

/* How old the oldest body is, and how much is in use. Without an answer the last one stays. */
void spool_file_note(struct spool_file *file);

/* Of pages in use, above which bodies are evicted; of dead letters' data; of a transaction. */
uint64_t spool_file_quota(uint64_t max_bytes);
uint64_t spool_file_dead_max(const struct spool_file *file);
uint64_t spool_file_transaction_max(const struct spool_file *file);
