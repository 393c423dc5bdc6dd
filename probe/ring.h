/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed datagrams, byte for byte as sent, oldest first, in one block of fixed size. When it is
 * full the oldest goes, counted. Pure: it neither sends nor knows the time.
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
};

struct ring_stats {
	uint64_t evicted_datagrams;
	uint64_t evicted_bytes; /* traffic: row_bytes of what went before it was released */
};

struct ring;
struct ring *ring_new(size_t cap_bytes);
void ring_free(struct ring *ring);

/* Sequences rise by one. Copies the datagram; evicts as many of the oldest as it needs. */
void ring_push(struct ring *ring, const struct ring_item *item);

/* The first not marked as sent; false: none. Holds until the next call that changes the ring. */
bool ring_next_unsent(struct ring *ring, struct ring_item *ret);
void ring_mark_sent(struct ring *ring, uint64_t sequence);

/* Everything up to and with this sequence has arrived where it is kept. */
void ring_release(struct ring *ring, uint64_t sequence);

/* Lowest sequence kept; `next` (what will be pushed next) where the ring is empty. */
uint64_t ring_oldest(const struct ring *ring, uint64_t next);
const struct ring_stats *ring_stats(const struct ring *ring);
