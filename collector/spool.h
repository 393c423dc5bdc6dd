/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffer on disk: sqlite, one connection, one owning thread at a time. A row is one gzipped
 * request body with its lines and the traffic that they account for; the ledger stands beside it
 * and is committed with it. Each PRAGMA in spool.c has its reason there.
 *
 * When the quota is reached the oldest bodies go, before the transaction begins, and are counted.
 */
#pragma once

#include "err.h"
#include "ledger.h"
#include "spool_account.h"
#include "spool_terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool_batch {
	struct spool_body *bodies;
	size_t n_bodies;
	struct ledger_entry *entries;
	size_t n_entries;
	int64_t since_ms; /* Unix time: the end of the oldest interval in it */
};

struct spool;

/*
 * Creates the file, its schema and its room. Refuses with a sentence: a directory, a file that is
 * no database, one that another collector holds, one of a newer version. max_bytes is the file's
 * quota.
 */
int spool_open(const char *path, uint64_t max_bytes, struct spool **ret, char err[static ERR_LEN]);
void spool_close(struct spool *spool);

/* Each stored ledger entry to fn, for ledger_load. */
int spool_load_ledger(struct spool *spool, bool (*fn)(void *ctx, const struct ledger_entry *entry),
	void *ctx, char err[static ERR_LEN]);

/* All or nothing. 0 or -errno (-ENOSPC, -EIO, ...). */
int spool_commit(struct spool *spool, const struct spool_batch *batch, char err[static ERR_LEN]);

/* The oldest body with an id above after. 1: given, ret->data freed with free(3); 0: none; -errno.
 */
int spool_next(
	struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN]);

/* The newest one with an id above after; else as spool_next. */
int spool_newest(
	struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN]);

/*
 * In one transaction: the body leaves, what is dead stands among the dead letters, which are
 * bounded, and the rest behind all other bodies. 1: done; 0: there is no such body any more, which
 * then was counted as evicted, and nothing is done; -errno.
 */
int spool_settle(struct spool *spool, int64_t id, const struct spool_outcome *outcome,
	char err[static ERR_LEN]);

/* spool_settle of a body that was delivered, or refused, as a whole. 0, also without it; -errno. */
int spool_delete(struct spool *spool, int64_t id, char err[static ERR_LEN]);
int spool_reject(
	struct spool *spool, int64_t id, int status, const char *reason, char err[static ERR_LEN]);

/* Kept by accounting, no query. */
void spool_state(const struct spool *spool, struct spool_state *ret);
