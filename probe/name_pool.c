/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: texts of any length lie one behind the other. What is dropped leaves a gap, and once the
 * end is reached those that live move together. Each knows its own slot, so that the move is one
 * walk; whoever refers to a name does so by its slot, which stays.
 */
#include "name_pool.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_LEN     3    /* slot and length before the text; a NUL is behind it */
#define N_BUCKETS    2048 /* a power of two */
#define ENTRY_LEN(n) (HEAD_LEN + (n) + 1)

struct slot {
	uint32_t n_refs; /* 0: free */
	uint16_t at;     /* of its entry in bytes */
	uint16_t next;   /* slot of the same bucket, or the next free one; 0: none */
};
static_assert(NAME_POOL_BYTES <= UINT16_MAX + 1, "a place is 16 bits");

struct name_pool {
	uint64_t seed;
	size_t used;
	size_t dead;         /* of these, without references */
	uint16_t n_slots;    /* that were ever used: memory is touched only as names come */
	uint16_t first_free; /* of these */
	uint16_t buckets[N_BUCKETS];
	struct slot slots[NAME_POOL_NAMES_MAX + 1]; /* the first is none */
	uint8_t bytes[NAME_POOL_BYTES];
};

struct name_pool *name_pool_new(uint64_t hash_seed)
{
	struct name_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->seed = hash_seed;
	return pool;
}

void name_pool_free(struct name_pool *pool)
{
	free(pool);
}

static const uint8_t *entry_of(const struct name_pool *pool, uint16_t ref)
{
	return pool->bytes + pool->slots[ref].at;
}

static size_t entry_text_len(const uint8_t *entry)
{
	return entry[2];
}

static uint16_t *bucket_of(struct name_pool *pool, const void *text, size_t len)
{
	return &pool->buckets[hash_bytes(text, len, pool->seed) & (N_BUCKETS - 1)];
}

static uint16_t find(const struct name_pool *pool, uint16_t ref, const char *text, size_t len)
{
	for (; ref; ref = pool->slots[ref].next) {
		const uint8_t *entry = entry_of(pool, ref);

		if (entry_text_len(entry) == len && memcmp(entry + HEAD_LEN, text, len) == 0)
			return ref;
	}
	return 0;
}

static void compact(struct name_pool *pool)
{
	size_t to = 0;

	for (size_t from = 0, len; from < pool->used; from += len) {
		const uint8_t *entry = pool->bytes + from;
		uint16_t ref = (uint16_t)(entry[0] << 8 | entry[1]);
		struct slot *slot = &pool->slots[ref];

		len = ENTRY_LEN(entry_text_len(entry));
		/* A slot may have been used again since, for an entry elsewhere. */
		if (slot->n_refs == 0 || slot->at != from)
			continue;
		memmove(pool->bytes + to, entry, len);
		slot->at = (uint16_t)to;
		to += len;
	}
	pool->used = to;
	pool->dead = 0;
}

static bool make_room(struct name_pool *pool, size_t len)
{
	if (pool->used + len <= NAME_POOL_BYTES)
		return true;
	if (pool->used - pool->dead + len > NAME_POOL_BYTES)
		return false;
	compact(pool);
	return true;
}

static uint16_t take_slot(struct name_pool *pool)
{
	uint16_t ref = pool->first_free;

	if (ref)
		pool->first_free = pool->slots[ref].next;
	else if (pool->n_slots < NAME_POOL_NAMES_MAX)
		ref = ++pool->n_slots;
	return ref;
}

static uint16_t add(struct name_pool *pool, uint16_t *bucket, const char *text, size_t len)
{
	uint8_t *entry;
	uint16_t ref;

	if (!make_room(pool, ENTRY_LEN(len)))
		return 0;
	ref = take_slot(pool);
	if (!ref)
		return 0;
	pool->slots[ref] = (struct slot){.n_refs = 1, .at = (uint16_t)pool->used, .next = *bucket};
	*bucket = ref;
	entry = pool->bytes + pool->used;
	entry[0] = (uint8_t)(ref >> 8);
	entry[1] = (uint8_t)ref;
	entry[2] = (uint8_t)len;
	memcpy(entry + HEAD_LEN, text, len + 1);
	pool->used += ENTRY_LEN(len);
	return ref;
}

uint16_t name_pool_take(struct name_pool *pool, const char *text)
{
	size_t len = strlen(text);
	uint16_t *bucket = bucket_of(pool, text, len);
	uint16_t ref = find(pool, *bucket, text, len);

	assert(len > 0 && len < ADDR_HOST_LEN);
	if (!ref)
		return add(pool, bucket, text, len);
	name_pool_hold(pool, ref);
	return ref;
}

void name_pool_hold(struct name_pool *pool, uint16_t ref)
{
	if (ref)
		pool->slots[ref].n_refs++;
}

static void remove_name(struct name_pool *pool, uint16_t ref)
{
	const uint8_t *entry = entry_of(pool, ref);
	uint16_t *at = bucket_of(pool, entry + HEAD_LEN, entry_text_len(entry));

	while (*at != ref)
		at = &pool->slots[*at].next;
	*at = pool->slots[ref].next;
	pool->slots[ref].next = pool->first_free;
	pool->first_free = ref;
	pool->dead += ENTRY_LEN(entry_text_len(entry));
}

void name_pool_drop(struct name_pool *pool, uint16_t ref)
{
	if (!ref)
		return;
	assert(pool->slots[ref].n_refs > 0);
	if (--pool->slots[ref].n_refs == 0)
		remove_name(pool, ref);
}

const char *name_pool_text(const struct name_pool *pool, uint16_t ref)
{
	return ref ? (const char *)entry_of(pool, ref) + HEAD_LEN : NULL;
}
