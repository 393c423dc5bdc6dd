/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the spool, by accounting; under a lock, since it is read on another thread than the
 * spool's. Sums wrap: a probe may claim any traffic.
 */
#pragma once

#include "stats.h"

#include <stdbool.h>
#include <stdint.h>

struct spool_state {
	uint64_t bodies; /* waiting to be shipped */
	uint64_t lines;
	uint64_t traffic_bytes;
	uint64_t data_bytes;  /* gzipped */
	int64_t oldest_ms;    /* the oldest body's since_ms; 0: there is none */
	uint64_t max_bytes;   /* what the spool may take on disk */
	uint64_t used_bytes;  /* the file's pages in use, the ledger's and dead letters' too */
	uint64_t quota_bytes; /* of these: beyond it the oldest bodies go */
	uint64_t dead_bodies; /* dead letters */
	uint64_t dead_lines;
	uint64_t dead_traffic_bytes;
	uint64_t evicted_bodies; /* since the open: over the quota */
	uint64_t evicted_lines;
	uint64_t evicted_traffic_bytes;
	uint64_t dead_evicted_bodies; /* since the open: dead letters over their bound, or damaged
				       */
	uint64_t dead_evicted_lines;
	uint64_t dead_evicted_traffic_bytes;
	uint64_t dead_damaged;   /* since the open: how often they were put aside as damaged */
	uint64_t replayed_lines; /* since the open: dead letters that became bodies again */
	uint64_t replayed_traffic_bytes;
	uint64_t corrupt_files; /* since the open: moved aside, and what had been in them */
	uint64_t corrupt_lines;
	uint64_t corrupt_traffic_bytes;
	int64_t corrupt_s;        /* Unix time, of the last one's name */
	uint64_t room_bytes;      /* on the disk, of the file and its WAL, taken at the open */
	uint64_t room_want_bytes; /* and asked for */
};

struct spool_sums {
	uint64_t n;
	uint64_t lines;
	uint64_t traffic_bytes;
	uint64_t data_bytes;
	int64_t last_id;
};

struct spool_totals {
	struct spool_sums bodies;
	struct spool_sums dead;
};

/* last_id stays. */
void spool_sums_add(struct spool_sums *sums, const struct spool_sums *more);
void spool_sums_sub(struct spool_sums *sums, const struct spool_sums *less);

struct spool_account;
struct spool_account *spool_account_new(uint64_t max_bytes, uint64_t quota_bytes);
void spool_account_free(struct spool_account *account);

void spool_account_found(struct spool_account *account, const struct spool_totals *totals);
void spool_account_added(struct spool_account *account, const struct spool_sums *more);
void spool_account_evicted(struct spool_account *account, const struct spool_sums *gone);

/* A body left; what of it was refused, and what is a body again. n is 0 where there is nothing. */
struct spool_settled {
	struct spool_sums gone;
	struct spool_sums dead;
	bool is_dead_kept; /* among the dead letters, where dead_evicted made room */
	struct spool_sums dead_evicted;
	struct spool_sums rest;
};
void spool_account_settled(struct spool_account *account, const struct spool_settled *settled);
/* Dead letters became bodies. */
void spool_account_replayed(struct spool_account *account, const struct spool_sums *moved);
/* All dead letters are gone: they were put aside, within the file. */
void spool_account_dead_damaged(struct spool_account *account);
/* All is gone: the file was moved aside. */
void spool_account_corrupt(struct spool_account *account, int64_t unix_s);
void spool_account_room(struct spool_account *account, uint64_t bytes, uint64_t want_bytes);

void spool_account_used(struct spool_account *account, uint64_t bytes);
void spool_account_oldest(struct spool_account *account, int64_t since_ms);
void spool_account_read(struct spool_account *account, struct spool_state *ret);
/* Into the gauges of /metrics. */
void spool_state_show(const struct spool_state *state, struct stats *stats);
/* On the spool's own thread: what is there, for the transaction that is about to change it. */
void spool_account_totals(const struct spool_account *account, struct spool_totals *ret);
void spool_totals_settle(struct spool_totals *totals, const struct spool_settled *settled);
