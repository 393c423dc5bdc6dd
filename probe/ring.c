/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_ALIGN 8

struct item {
	uint64_t sequence;
	uint64_t row_bytes;
	int64_t due_ms;
	uint32_t tries;
	uint16_t len;
	bool is_acknowledged; /* and waits for those before it */
	uint8_t data[];
};
static_assert(alignof(struct item) <= ITEM_ALIGN, "items follow each other");

/*
 * Items lie in one piece each, from head to tail; where the next did not fit behind the last, it
 * went to the start of the block, and `end` is where the older ones stop.
 */
struct ring {
	size_t cap;
	size_t head;
	size_t tail;
	size_t end;
	bool is_wrapped;
	size_t n;
	struct ring_stats stats;
	uint8_t *block;
};

struct ring *ring_new(size_t cap_bytes)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->cap = cap_bytes / ITEM_ALIGN * ITEM_ALIGN;
	ring->block = malloc(ring->cap ? ring->cap : ITEM_ALIGN);
	if (!ring->block) {
		ring_free(ring);
		return NULL;
	}
	return ring;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	free(ring->block);
	free(ring);
}

static size_t item_size(size_t len)
{
	return (offsetof(struct item, data) + len + ITEM_ALIGN - 1) / ITEM_ALIGN * ITEM_ALIGN;
}

static struct item *item_at(const struct ring *ring, size_t at)
{
	return (struct item *)(void *)(ring->block + at);
}

/* The place behind an item: its successor's, or tail. */
static size_t step(const struct ring *ring, size_t at)
{
	at += item_size(item_at(ring, at)->len);
	return ring->is_wrapped && at == ring->end ? 0 : at;
}

static void drop_oldest(struct ring *ring)
{
	size_t next = step(ring, ring->head);

	if (next < ring->head)
		ring->is_wrapped = false;
	ring->head = next;
	ring->n--;
}

/* So that the oldest is always one that still waits. */
static void drop_acknowledged(struct ring *ring)
{
	while (ring->n > 0 && item_at(ring, ring->head)->is_acknowledged)
		drop_oldest(ring);
}

static void evict(struct ring *ring)
{
	ring->stats.evicted_datagrams++;
	ring->stats.evicted_bytes += item_at(ring, ring->head)->row_bytes;
	drop_oldest(ring);
	drop_acknowledged(ring);
}

/* Moves tail to where size bytes are free in one piece. */
static bool find_room(struct ring *ring, size_t size)
{
	if (ring->n == 0) {
		ring->head = ring->tail = 0;
		ring->is_wrapped = false;
	}
	if (ring->is_wrapped)
		return ring->head - ring->tail >= size;
	if (ring->cap - ring->tail >= size)
		return true;
	if (ring->head < size)
		return false;
	ring->end = ring->tail;
	ring->tail = 0;
	ring->is_wrapped = true;
	return true;
}

void ring_push(struct ring *ring, const struct ring_item *item)
{
	struct item *place;
	size_t size = item_size(item->len);

	if (item->len > UINT16_MAX || size > ring->cap) {
		ring->stats.evicted_datagrams++;
		ring->stats.evicted_bytes += item->row_bytes;
		return;
	}
	while (!find_room(ring, size))
		evict(ring);
	place = item_at(ring, ring->tail);
	place->sequence = item->sequence;
	place->row_bytes = item->row_bytes;
	place->due_ms = item->due_ms;
	place->tries = item->tries;
	place->len = (uint16_t)item->len;
	place->is_acknowledged = false;
	memcpy(place->data, item->data, item->len);
	ring->tail += size;
	ring->n++;
}

bool ring_has_room(const struct ring *ring, size_t len)
{
	size_t size = item_size(len);

	if (ring->n == 0)
		return size <= ring->cap;
	if (ring->is_wrapped)
		return ring->head - ring->tail >= size;
	return ring->cap - ring->tail >= size || ring->head >= size;
}

void ring_make_room(struct ring *ring, size_t len)
{
	while (ring->n > 0 && !ring_has_room(ring, len))
		evict(ring);
}

static bool may_go(const struct item *item, uint32_t max_tries)
{
	return !item->is_acknowledged && item->tries <= max_tries;
}

bool ring_next_due(
	const struct ring *ring, int64_t now_ms, uint32_t max_tries, struct ring_item *ret)
{
	size_t at = ring->head;

	for (size_t i = 0; i < ring->n; i++, at = step(ring, at)) {
		const struct item *item = item_at(ring, at);

		if (!may_go(item, max_tries) || item->due_ms > now_ms)
			continue;
		*ret = (struct ring_item){
			.sequence = item->sequence,
			.data = item->data,
			.len = item->len,
			.row_bytes = item->row_bytes,
			.due_ms = item->due_ms,
			.tries = item->tries,
		};
		return true;
	}
	return false;
}

int64_t ring_due_ms(const struct ring *ring, uint32_t max_tries)
{
	int64_t due_ms = INT64_MAX;
	size_t at = ring->head;

	for (size_t i = 0; i < ring->n; i++, at = step(ring, at)) {
		const struct item *item = item_at(ring, at);

		if (may_go(item, max_tries) && item->due_ms < due_ms)
			due_ms = item->due_ms;
	}
	return due_ms;
}

static struct item *find(const struct ring *ring, uint64_t sequence)
{
	size_t at = ring->head;

	for (size_t i = 0; i < ring->n; i++, at = step(ring, at)) {
		struct item *item = item_at(ring, at);

		if (item->sequence == sequence)
			return item;
	}
	return NULL;
}

void ring_mark_sent(struct ring *ring, uint64_t sequence, int64_t due_ms)
{
	struct item *item = find(ring, sequence);

	if (!item)
		return;
	item->tries++;
	item->due_ms = due_ms;
}

void ring_hurry(struct ring *ring, int64_t now_ms, uint32_t max_tries)
{
	size_t at = ring->head;

	for (size_t i = 0; i < ring->n; i++, at = step(ring, at)) {
		struct item *item = item_at(ring, at);

		if (item->tries > max_tries)
			continue;
		if (item->due_ms > now_ms)
			item->due_ms = now_ms;
		if (item->tries > 1)
			item->tries = 1;
	}
}

bool ring_acknowledge(struct ring *ring, uint64_t sequence)
{
	struct item *item = find(ring, sequence);

	if (!item || item->is_acknowledged)
		return false;
	item->is_acknowledged = true;
	drop_acknowledged(ring);
	return true;
}

size_t ring_acknowledge_up_to(struct ring *ring, uint64_t sequence)
{
	size_t n = ring->n;

	while (ring->n > 0 && item_at(ring, ring->head)->sequence <= sequence)
		drop_oldest(ring);
	n -= ring->n;
	drop_acknowledged(ring);
	return n;
}

bool ring_is_empty(const struct ring *ring)
{
	return ring->n == 0;
}

uint64_t ring_waiting_bytes(const struct ring *ring)
{
	uint64_t bytes = 0;
	size_t at = ring->head;

	for (size_t i = 0; i < ring->n; i++, at = step(ring, at))
		if (!item_at(ring, at)->is_acknowledged)
			bytes += item_at(ring, at)->row_bytes;
	return bytes;
}

uint64_t ring_oldest(const struct ring *ring, uint64_t next)
{
	return ring->n > 0 ? item_at(ring, ring->head)->sequence : next;
}

const struct ring_stats *ring_stats(const struct ring *ring)
{
	return &ring->stats;
}
