/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed datagrams, byte for byte as sent, oldest first, in one block of fixed size, each until it
 * is acknowledged. When the block is full the oldest goes, counted. Pure: it neither sends nor
 * knows the time; times are the caller's, monotonic ms.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_item {
	uint64_t sequence;
	const uint8_t *data;
	size_t len;
	uint64_t row_bytes; /* traffic that this datagram's rows account for */
	int64_t due_ms;     /* not sent before */
	uint32_t tries;     /* how often it was sent */
};

struct ring_stats {
	uint64_t evicted_datagrams;
	uint64_t evicted_bytes; /* traffic: row_bytes of what went unacknowledged */
};

struct ring;
struct ring *ring_new(size_t cap_bytes);
void ring_free(struct ring *ring);

/* Sequences rise by one. Copies the datagram; evicts as many of the oldest as it needs. */
void ring_push(struct ring *ring, const struct ring_item *item);
/* Would a datagram of this length evict none? */
bool ring_has_room(const struct ring *ring, size_t len);
/* Evicts now, so that it would: what is the oldest is known before the datagram is sealed. */
void ring_make_room(struct ring *ring, size_t len);

/*
 * The oldest that is due and was sent at most max_tries times; false: none. Holds until the next
 * call that changes the ring.
 */
bool ring_next_due(
	const struct ring *ring, int64_t now_ms, uint32_t max_tries, struct ring_item *ret);
/* When the first of them is due; INT64_MAX: there is none. */
int64_t ring_due_ms(const struct ring *ring, uint32_t max_tries);
void ring_mark_sent(struct ring *ring, uint64_t sequence, int64_t due_ms);
/* Those that were sent at most max_tries times are due now; further delays begin anew. */
void ring_hurry(struct ring *ring, int64_t now_ms, uint32_t max_tries);

/* This one is where it is kept. False: it is not here. */
bool ring_acknowledge(struct ring *ring, uint64_t sequence);
/* And so is everything up to and with this one. How many were still here. */
size_t ring_acknowledge_up_to(struct ring *ring, uint64_t sequence);

bool ring_is_empty(const struct ring *ring);
/* Traffic: row_bytes of what is not acknowledged. */
uint64_t ring_waiting_bytes(const struct ring *ring);
/* Lowest sequence kept; `next` (what will be pushed next) where the ring is empty. */
uint64_t ring_oldest(const struct ring *ring, uint64_t next);
const struct ring_stats *ring_stats(const struct ring *ring);
