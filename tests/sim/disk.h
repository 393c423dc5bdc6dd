/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's volume, in memory; fake_spool.c is what stands on it. A commit takes effect whole
 * or not at all; a crash keeps what was committed. A commit that was reported as failed may turn
 * out to have reached the disk after all, if nothing was written since: an fsync(2) that fails says
 * nothing about the data.
 */
#pragma once

#include "spool.h"

enum disk_where {
	DISK_SPOOL,
	DISK_EVICTED, /* over the quota; kept here for the books */
	DISK_DEAD,    /* dead letters */
	N_DISK_WHERES,
};

void disk_begin(void);
void disk_end(void);

void disk_commit(const struct spool_batch *batch);
/* This commit failed, as far as anybody knows. */
void disk_fail(const struct spool_batch *batch);
/* The power was cut. */
void disk_crash(void);

size_t disk_count(enum disk_where where);
/* By id. */
const struct spool_body *disk_body(enum disk_where where, size_t i);

/* Of those in the spool. Gives its data. */
struct spool_body disk_copy(size_t i);
void disk_move(size_t i, enum disk_where where);
/* The body leaves; what is dead of it and the rest stay. All at once. */
void disk_settle(size_t i, const struct spool_outcome *outcome);

/* False: fn returned false. */
bool disk_each_entry(bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx);
