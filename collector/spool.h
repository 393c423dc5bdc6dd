/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffer on disk: sqlite, one connection, one owning thread at a time. A row is one gzipped
 * request body with its lines and the traffic that they account for; the ledger stands beside it
 * and is committed with it. Each PRAGMA has its reason in spool_setup.c.
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

struct spool;

/*
 * Creates the file, its schema and its room. Refuses with a sentence: a directory, a file that is
 * no spool, one that another collector holds, one of a newer version. max_bytes: 7/8 bound the
 * file; 1/16 is the WAL's room, which a transaction with many entries may exceed. A spool that is
 * damaged is moved aside to "PATH.corrupt-<Unix time>" and a new one begun, here and in every call
 * below (which then fails); spool_state tells. Its ledger begins anew as well: a boot and an
 * observer stand in it again with the next batch that brings something of them, series as soon as
 * the pipeline notices. Where only its dead letters are damaged, they alone are put aside, within
 * the file as the table "dead_damaged", which keeps its room until the file is deleted; the call
 * then fails with -EAGAIN. A second time it is the file that goes.
 *
 * After a failed write or sync the batch is rolled back and the connection stays: opening the file
 * again would find the failed transaction in the WAL, whole perhaps, while it was answered for as
 * not committed.
 */
int spool_open(const char *path, uint64_t max_bytes, struct spool **ret, char err[static ERR_LEN]);
/* For a look into one that no collector holds: takes no room on its disk, which may be full. */
int spool_open_as_it_is(
	const char *path, uint64_t max_bytes, struct spool **ret, char err[static ERR_LEN]);
void spool_close(struct spool *spool);

/* Each stored entry to fn, for ledger_load and series_load. */
int spool_load_ledger(struct spool *spool, bool (*fn)(void *ctx, const struct ledger_entry *entry),
	void *ctx, char err[static ERR_LEN]);

/* All or nothing. 0 or -errno (-ENOSPC, -EIO, ...). */
int spool_commit(struct spool *spool, const struct spool_batch *batch, char err[static ERR_LEN]);

/* The oldest body with an id above after. 1: given, ret->data freed with free(3); 0: none; -errno.
 */
int spool_next(
	struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN]);

/* The newest one with an id above after, and above those that were replayed since the open: they
 * are not new. Else as spool_next. */
int spool_newest(
	struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN]);

/*
 * In one transaction: the body leaves, what is dead stands among the dead letters, which are
 * bounded, and the rest in the body's place: of its id, and as old as it was. 1: done; 0: there is
 * no such body any more, which then was counted as evicted, and nothing is done; -errno.
 */
int spool_settle(struct spool *spool, int64_t id, const struct spool_outcome *outcome,
	char err[static ERR_LEN]);

/* Was the file left without spool_close, and not checked since? Then the spool's thread calls
 * spool_check, each time a few milliseconds, while it returns 1: 0: all is well; -errno. */
bool spool_is_check_due(const struct spool *spool);
int spool_check(struct spool *spool, char err[static ERR_LEN]);

/* A copy at a new path, or without a name beside the spool where that is NULL, of some pages a
 * step; one at a time. begin: 0 or -errno; step: 1 and there are more; 0: it is whole, and of
 * *ret_bytes; -errno. file: gives the descriptor (close) of a whole one without a name, else -1. */
int spool_copy_begin(struct spool *spool, const char *path, char err[static ERR_LEN]);
int spool_copy_step(struct spool *spool, uint64_t *ret_bytes, char err[static ERR_LEN]);
int spool_copy_file(struct spool *spool);
void spool_copy_end(struct spool *spool);

/* The oldest dead letter with an id above after. 1: given, ret->data freed with free(3); 0: none;
 * -errno. */
int spool_next_dead(
	struct spool *spool, int64_t after, struct spool_dead *ret, char err[static ERR_LEN]);
/* The newest one's id, or -1. 0 or -errno. */
int spool_last_dead(struct spool *spool, int64_t *ret, char err[static ERR_LEN]);
/* Some of the dead letters up to this id become bodies again. 1: there are more; 0; -errno. */
int spool_replay(struct spool *spool, int64_t up_to, char err[static ERR_LEN]);

/* Of a batch: so that its transaction keeps to the room of the WAL. */
size_t spool_records_max(const struct spool *spool);

/* Kept by accounting, no query. */
void spool_state(const struct spool *spool, struct spool_state *ret);
