/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table over an array of slots. Slots with an answer stand in a list by use, from
 * which the oldest is taken when a new address needs room; a slot whose answer is awaited stands in
 * no list and is never taken.
 */
#include "name_cache.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct slot {
	struct addr addr;
	uint8_t state; /* enum name_cache_state */
	uint32_t next; /* in the bucket */
	uint32_t older;
	uint32_t newer;
	int64_t expires_ms;
	char *name;
};

struct name_cache {
	uint64_t seed;
	size_t cap;
	size_t n;
	uint32_t mask;
	uint32_t oldest;
	uint32_t newest;
	uint32_t *buckets;
	struct slot *slots;
};

struct name_cache *name_cache_new(size_t cap, uint64_t hash_seed)
{
	struct name_cache *c = calloc(1, sizeof(*c));
	size_t n_buckets = 1;

	assert(cap > 0 && cap < NONE / 2);
	if (!c)
		return NULL;
	while (n_buckets < cap)
		n_buckets *= 2;
	*c = (struct name_cache){.seed = hash_seed,
		.cap = cap,
		.mask = (uint32_t)n_buckets - 1,
		.oldest = NONE,
		.newest = NONE};
	c->buckets = malloc(n_buckets * sizeof(*c->buckets));
	c->slots = calloc(cap, sizeof(*c->slots));
	if (!c->buckets || !c->slots) {
		name_cache_free(c);
		return NULL;
	}
	memset(c->buckets, 0xff, n_buckets * sizeof(*c->buckets));
	return c;
}

void name_cache_free(struct name_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->slots && i < c->n; i++)
		free(c->slots[i].name);
	free(c->slots);
	free(c->buckets);
	free(c);
}

static uint32_t *bucket_of(struct name_cache *c, const struct addr *addr)
{
	return &c->buckets[(uint32_t)hash_bytes(addr, sizeof(*addr), c->seed) & c->mask];
}

/* Its slot, or NONE. */
static uint32_t find(struct name_cache *c, const struct addr *addr)
{
	uint32_t i = *bucket_of(c, addr);

	while (i != NONE && !addr_equal(&c->slots[i].addr, addr))
		i = c->slots[i].next;
	return i;
}

static void unlist(struct name_cache *c, struct slot *slot)
{
	*(slot->older == NONE ? &c->oldest : &c->slots[slot->older].newer) = slot->newer;
	*(slot->newer == NONE ? &c->newest : &c->slots[slot->newer].older) = slot->older;
}

static void list_newest(struct name_cache *c, struct slot *slot)
{
	uint32_t i = (uint32_t)(slot - c->slots);

	slot->older = c->newest;
	slot->newer = NONE;
	*(c->newest == NONE ? &c->oldest : &c->slots[c->newest].newer) = i;
	c->newest = i;
}

static void unhash(struct name_cache *c, struct slot *slot)
{
	uint32_t *at = bucket_of(c, &slot->addr);

	while (&c->slots[*at] != slot)
		at = &c->slots[*at].next;
	*at = slot->next;
}

/* A slot that is in no list and no bucket, or NULL. */
static struct slot *take(struct name_cache *c)
{
	struct slot *slot;

	if (c->n < c->cap)
		return &c->slots[c->n++];
	if (c->oldest == NONE)
		return NULL;
	slot = &c->slots[c->oldest];
	unlist(c, slot);
	unhash(c, slot);
	free(slot->name);
	return slot;
}

/* The address's slot, in no list; a new one where it has none. */
static struct slot *claim(struct name_cache *c, const struct addr *addr)
{
	uint32_t i = find(c, addr);
	struct slot *slot;
	uint32_t *bucket;

	if (i != NONE) {
		slot = &c->slots[i];
		if (slot->state != NAME_CACHE_ASKED)
			unlist(c, slot);
		return slot;
	}
	slot = take(c);
	if (!slot)
		return NULL;
	bucket = bucket_of(c, addr);
	*slot = (struct slot){.addr = *addr, .next = *bucket};
	*bucket = (uint32_t)(slot - c->slots);
	return slot;
}

enum name_cache_state name_cache_get(
	struct name_cache *c, const struct addr *addr, int64_t now_ms, const char **ret_name)
{
	uint32_t i = find(c, addr);
	struct slot *slot;

	*ret_name = NULL;
	if (i == NONE)
		return NAME_CACHE_ABSENT;
	slot = &c->slots[i];
	*ret_name = slot->name;
	if (slot->state == NAME_CACHE_ASKED)
		return NAME_CACHE_ASKED;
	if (now_ms >= slot->expires_ms)
		return NAME_CACHE_ABSENT;
	unlist(c, slot);
	list_newest(c, slot);
	return slot->state;
}

bool name_cache_ask(struct name_cache *c, const struct addr *addr, int64_t now_ms)
{
	struct slot *slot = claim(c, addr);

	if (!slot)
		return false;
	slot->state = NAME_CACHE_ASKED;
	slot->expires_ms = now_ms;
	return true;
}

/* Without memory for the name it is as if there were none. Takes name. */
static void put(
	struct name_cache *c, const struct addr *addr, char *name, int64_t ttl_ms, int64_t now_ms)
{
	struct slot *slot = claim(c, addr);

	if (!slot) {
		free(name);
		return;
	}
	if (ttl_ms < NAME_CACHE_TTL_MIN_MS)
		ttl_ms = NAME_CACHE_TTL_MIN_MS;
	if (ttl_ms > NAME_CACHE_TTL_MAX_MS)
		ttl_ms = NAME_CACHE_TTL_MAX_MS;
	free(slot->name);
	slot->name = name;
	slot->state = name ? NAME_CACHE_NAME : NAME_CACHE_NEGATIVE;
	slot->expires_ms = now_ms + ttl_ms;
	list_newest(c, slot);
}

void name_cache_put(struct name_cache *c, const struct addr *addr, const char *name, int64_t ttl_ms,
	int64_t now_ms)
{
	put(c, addr, strndup(name, ADDR_HOST_LEN - 1), ttl_ms, now_ms);
}

void name_cache_put_negative(
	struct name_cache *c, const struct addr *addr, int64_t ttl_ms, int64_t now_ms)
{
	put(c, addr, NULL, ttl_ms, now_ms);
}

size_t name_cache_count(const struct name_cache *c)
{
	return c->n;
}
