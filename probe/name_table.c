/* SPDX-License-Identifier: Apache-2.0 */
#include "name_table.h"

#include "hash.h"
#include "name_pool.h"

#include <stdlib.h>
#include <string.h>

#define N_BUCKETS 1024 /* a power of two */
#define EVICT_MAX 64   /* at once, where names find no room */

/* Places are counted from 1; 0 is none, and the ring of all that are used hangs on it. */
struct entry {
	int64_t until_ms;
	struct addr addr;
	uint16_t name; /* 0: the place is free */
	uint16_t next; /* of the same bucket, or the next free one */
	uint16_t newer;
	uint16_t older;
};

struct name_table {
	struct name_pool *pool;
	uint64_t seed;
	uint16_t n_used;     /* places that ever were: memory is touched only as names come */
	uint16_t first_free; /* of these */
	uint16_t buckets[N_BUCKETS];
	struct entry
		entries[NAME_TABLE_ADDRS_MAX + 1]; /* [0].older is the newest, .newer the oldest */
};

struct name_table *name_table_new(uint64_t hash_seed)
{
	struct name_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->seed = hash_seed;
	table->pool = name_pool_new(hash_seed);
	if (!table->pool) {
		name_table_free(table);
		return NULL;
	}
	return table;
}

void name_table_free(struct name_table *table)
{
	if (!table)
		return;
	name_pool_free(table->pool);
	free(table);
}

static uint16_t *bucket_of(struct name_table *table, const struct addr *addr)
{
	return &table->buckets[hash_bytes(addr, sizeof(*addr), table->seed) & (N_BUCKETS - 1)];
}

static uint16_t find(struct name_table *table, const struct addr *addr)
{
	uint16_t i = *bucket_of(table, addr);

	while (i && !addr_equal(&table->entries[i].addr, addr))
		i = table->entries[i].next;
	return i;
}

static void unlink_use(struct name_table *table, uint16_t i)
{
	struct entry *entry = &table->entries[i];

	table->entries[entry->newer].older = entry->older;
	table->entries[entry->older].newer = entry->newer;
}

static void link_newest(struct name_table *table, uint16_t i)
{
	struct entry *ring = &table->entries[0];

	table->entries[i].newer = 0;
	table->entries[i].older = ring->older;
	table->entries[ring->older].newer = i;
	ring->older = i;
}

static void touch(struct name_table *table, uint16_t i)
{
	unlink_use(table, i);
	link_newest(table, i);
}

static void forget(struct name_table *table, uint16_t i)
{
	struct entry *entry = &table->entries[i];
	uint16_t *at = bucket_of(table, &entry->addr);

	while (*at != i)
		at = &table->entries[*at].next;
	*at = entry->next;
	unlink_use(table, i);
	name_pool_drop(table->pool, entry->name);
	*entry = (struct entry){.next = table->first_free};
	table->first_free = i;
}

/* Drops what was used least recently until the name has room. Flows may hold all that there is. */
static uint16_t take_name(struct name_table *table, const char *name)
{
	uint16_t ref = name_pool_take(table->pool, name);

	for (int i = 0; !ref && i < EVICT_MAX && table->entries[0].newer; i++) {
		forget(table, table->entries[0].newer);
		ref = name_pool_take(table->pool, name);
	}
	return ref;
}

static uint16_t take_place(struct name_table *table)
{
	uint16_t i;

	if (!table->first_free && table->n_used < NAME_TABLE_ADDRS_MAX)
		return ++table->n_used;
	if (!table->first_free)
		forget(table, table->entries[0].newer);
	i = table->first_free;
	table->first_free = table->entries[i].next;
	return i;
}

static uint16_t add(struct name_table *table, const struct addr *addr)
{
	uint16_t *bucket = bucket_of(table, addr);
	uint16_t i = take_place(table);

	table->entries[i] = (struct entry){.addr = *addr, .next = *bucket};
	*bucket = i;
	link_newest(table, i);
	return i;
}

static int64_t life_ms(uint32_t ttl_s)
{
	int64_t ms = (int64_t)ttl_s * 1000;

	if (ms < NAME_TABLE_LIFE_MIN_MS)
		return NAME_TABLE_LIFE_MIN_MS;
	return ms < NAME_TABLE_LIFE_MAX_MS ? ms : NAME_TABLE_LIFE_MAX_MS;
}

bool name_table_put(struct name_table *table, const struct addr *addr, const char *name,
	uint32_t ttl_s, int64_t now_ms)
{
	uint16_t ref = take_name(table, name);
	uint16_t i = find(table, addr);

	/* What it was called before is not true any more, even where the new name has no room. */
	if (i && (!ref || table->entries[i].name != ref)) {
		forget(table, i);
		i = 0;
	}
	if (!ref)
		return false;
	if (i)
		name_pool_drop(table->pool, ref); /* the entry has one */
	else
		i = add(table, addr);
	touch(table, i);
	table->entries[i].name = ref;
	table->entries[i].until_ms = now_ms + life_ms(ttl_s);
	return true;
}

uint16_t name_table_take(struct name_table *table, const struct addr *addr, int64_t now_ms)
{
	uint16_t i = find(table, addr);

	if (!i)
		return 0;
	if (now_ms > table->entries[i].until_ms) {
		forget(table, i);
		return 0;
	}
	touch(table, i);
	name_pool_hold(table->pool, table->entries[i].name);
	return table->entries[i].name;
}

void name_table_keep(
	struct name_table *table, const struct addr *addr, uint16_t ref, int64_t now_ms)
{
	uint16_t i = ref ? find(table, addr) : 0;

	if (!i || table->entries[i].name != ref)
		return;
	touch(table, i);
	if (table->entries[i].until_ms < now_ms + NAME_TABLE_LIFE_MIN_MS)
		table->entries[i].until_ms = now_ms + NAME_TABLE_LIFE_MIN_MS;
}

void name_table_drop(struct name_table *table, uint16_t ref)
{
	name_pool_drop(table->pool, ref);
}

const char *name_table_text(const struct name_table *table, uint16_t ref)
{
	return name_pool_text(table->pool, ref);
}
