/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_ALIGN 8

struct item {
	uint64_t sequence;
	uint64_t row_bytes;
	uint32_t len;
	bool is_sent;
	uint8_t data[];
};
static_assert(sizeof(struct item) % ITEM_ALIGN == 0, "items follow each other");

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
	size_t n_unsent;
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
	return (sizeof(struct item) + len + ITEM_ALIGN - 1) / ITEM_ALIGN * ITEM_ALIGN;
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

	ring->n_unsent -= !item_at(ring, ring->head)->is_sent;
	if (next < ring->head)
		ring->is_wrapped = false;
	ring->head = next;
	ring->n--;
}

static void count_evicted(struct ring *ring, uint64_t row_bytes)
{
	ring->stats.evicted_datagrams++;
	ring->stats.evicted_bytes += row_bytes;
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
	size_t size;

	if (item->len > UINT32_MAX || item_size(item->len) > ring->cap) {
		count_evicted(ring, item->row_bytes);
		return;
	}
	size = item_size(item->len);
	while (!find_room(ring, size)) {
		count_evicted(ring, item_at(ring, ring->head)->row_bytes);
		drop_oldest(ring);
	}
	place = item_at(ring, ring->tail);
	place->sequence = item->sequence;
	place->row_bytes = item->row_bytes;
	place->len = (uint32_t)item->len;
	place->is_sent = false;
	memcpy(place->data, item->data, item->len);
	ring->tail += size;
	ring->n++;
	ring->n_unsent++;
}

bool ring_next_unsent(struct ring *ring, struct ring_item *ret)
{
	const struct item *item;
	size_t at = ring->head;

	if (ring->n_unsent == 0)
		return false;
	while (item_at(ring, at)->is_sent)
		at = step(ring, at);
	item = item_at(ring, at);
	*ret = (struct ring_item){
		.sequence = item->sequence,
		.data = item->data,
		.len = item->len,
		.row_bytes = item->row_bytes,
	};
	return true;
}

void ring_mark_sent(struct ring *ring, uint64_t sequence)
{
	size_t at = ring->head;

	for (size_t i = 0; i < ring->n; i++, at = step(ring, at)) {
		struct item *item = item_at(ring, at);

		if (item->sequence != sequence)
			continue;
		ring->n_unsent -= !item->is_sent;
		item->is_sent = true;
		return;
	}
}

void ring_release(struct ring *ring, uint64_t sequence)
{
	while (ring->n > 0 && item_at(ring, ring->head)->sequence <= sequence)
		drop_oldest(ring);
}

uint64_t ring_oldest(const struct ring *ring, uint64_t next)
{
	return ring->n > 0 ? item_at(ring, ring->head)->sequence : next;
}

const struct ring_stats *ring_stats(const struct ring *ring)
{
	return &ring->stats;
}
