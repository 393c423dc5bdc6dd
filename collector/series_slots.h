/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where series.c keeps what it remembers: a chained hash table over an array of slots, and two
 * queues of those whose entry is not written yet. What is fresh goes with its batch whole, of what
 * has time each batch takes the first; a slot may stand in both.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum series_queue {
	SERIES_FRESH,
	SERIES_PATIENT,
	SERIES_N_QUEUES,
};

struct series_slot {
	uint64_t hash;
	uint16_t pod;
	uint16_t workload;
	uint16_t day; /* of the last batch that brought it, since 1970; until 2149 */
	bool is_over; /* a free one is */
	bool is_queued[SERIES_N_QUEUES];
	uint32_t next; /* in the bucket, or among the free ones */
	uint32_t next_queued[SERIES_N_QUEUES];
};

struct series_slots {
	struct series_slot *slots;
	uint32_t n; /* ever used, so some of them are free */
	uint32_t cap;
	uint32_t cap_max;
	uint32_t free;
	uint32_t *buckets;
	uint32_t mask;
	struct {
		uint32_t first;
		uint32_t last;
	} queues[SERIES_N_QUEUES];
};

/* n: about as many as there will be. cap_max: no more than that, roughly, for it grows by doubling.
 * False: no memory; done takes it all the same. */
bool series_slots_init(struct series_slots *slots, size_t n, uint32_t cap_max);
void series_slots_done(struct series_slots *slots);

/* A slot stays where it is until the next add. */
struct series_slot *series_slots_find(const struct series_slots *slots, uint64_t hash);
/* A hash that is not in it; the rest is zero. NULL: cap_max, or no memory. */
struct series_slot *series_slots_add(struct series_slots *slots, uint64_t hash);
/* One that is over and in no queue. */
void series_slots_drop(struct series_slots *slots, struct series_slot *slot);

/* What stands in that queue already keeps its place. */
void series_slots_push(
	struct series_slots *slots, struct series_slot *slot, enum series_queue queue);
/* Of a queue that is not empty. */
struct series_slot *series_slots_pop(struct series_slots *slots, enum series_queue queue);
/* From the first to the last; NULL: none, or no more. */
const struct series_slot *series_slots_first(
	const struct series_slots *slots, enum series_queue queue);
const struct series_slot *series_slots_next(
	const struct series_slots *slots, const struct series_slot *slot, enum series_queue queue);
