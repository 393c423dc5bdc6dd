/* SPDX-License-Identifier: Apache-2.0 */
#include "series_slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE      UINT32_MAX
#define SLOTS_MIN 1024

bool series_slots_init(struct series_slots *slots, size_t n, uint32_t cap_max)
{
	size_t n_buckets = SLOTS_MIN;

	while (n_buckets < n)
		n_buckets *= 2;
	*slots = (struct series_slots){
		.cap_max = cap_max, .free = NONE, .mask = (uint32_t)n_buckets - 1};
	for (size_t i = 0; i < SERIES_N_QUEUES; i++)
		slots->queues[i].first = slots->queues[i].last = NONE;
	slots->buckets = malloc(n_buckets * sizeof(*slots->buckets));
	if (!slots->buckets)
		return false;
	memset(slots->buckets, 0xff, n_buckets * sizeof(*slots->buckets));
	return true;
}

void series_slots_done(struct series_slots *slots)
{
	free(slots->buckets);
	free(slots->slots);
}

static uint32_t index_of(const struct series_slots *slots, const struct series_slot *slot)
{
	return (uint32_t)(slot - slots->slots);
}

static struct series_slot *at(const struct series_slots *slots, uint32_t i)
{
	return i == NONE ? NULL : &slots->slots[i];
}

struct series_slot *series_slots_find(const struct series_slots *slots, uint64_t hash)
{
	uint32_t i = slots->buckets[hash & slots->mask];

	while (i != NONE && slots->slots[i].hash != hash)
		i = slots->slots[i].next;
	return at(slots, i);
}

static bool grow(struct series_slots *slots)
{
	uint32_t cap = slots->cap ? 2 * slots->cap : SLOTS_MIN;
	struct series_slot *grown = reallocarray(slots->slots, cap, sizeof(*grown));

	if (!grown)
		return false;
	slots->slots = grown;
	slots->cap = cap;
	return true;
}

static struct series_slot *take(struct series_slots *slots)
{
	struct series_slot *slot = at(slots, slots->free);

	if (slot) {
		slots->free = slot->next;
		return slot;
	}
	if (slots->n == slots->cap && (slots->cap >= slots->cap_max || !grow(slots)))
		return NULL;
	return &slots->slots[slots->n++];
}

struct series_slot *series_slots_add(struct series_slots *slots, uint64_t hash)
{
	struct series_slot *slot = take(slots);
	uint32_t *bucket = &slots->buckets[hash & slots->mask];

	if (!slot)
		return NULL;
	*slot = (struct series_slot){.hash = hash, .next = *bucket};
	*bucket = index_of(slots, slot);
	return slot;
}

void series_slots_drop(struct series_slots *slots, struct series_slot *slot)
{
	uint32_t i = index_of(slots, slot);
	uint32_t *link = &slots->buckets[slot->hash & slots->mask];

	assert(slot->is_over && !slot->is_queued[SERIES_FRESH] && !slot->is_queued[SERIES_PATIENT]);
	while (*link != i)
		link = &slots->slots[*link].next;
	*link = slot->next;
	slot->next = slots->free;
	slots->free = i;
}

void series_slots_push(
	struct series_slots *slots, struct series_slot *slot, enum series_queue queue)
{
	struct series_slot *last = at(slots, slots->queues[queue].last);
	uint32_t i = index_of(slots, slot);

	if (slot->is_queued[queue])
		return;
	slot->is_queued[queue] = true;
	slot->next_queued[queue] = NONE;
	*(last ? &last->next_queued[queue] : &slots->queues[queue].first) = i;
	slots->queues[queue].last = i;
}

struct series_slot *series_slots_pop(struct series_slots *slots, enum series_queue queue)
{
	struct series_slot *slot = &slots->slots[slots->queues[queue].first];

	slots->queues[queue].first = slot->next_queued[queue];
	if (slots->queues[queue].first == NONE)
		slots->queues[queue].last = NONE;
	slot->is_queued[queue] = false;
	return slot;
}

const struct series_slot *series_slots_first(
	const struct series_slots *slots, enum series_queue queue)
{
	return at(slots, slots->queues[queue].first);
}

const struct series_slot *series_slots_next(
	const struct series_slots *slots, const struct series_slot *slot, enum series_queue queue)
{
	return at(slots, slot->next_queued[queue]);
}
