/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include "settings.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct bodies {
	struct spool_body *list; /* by id */
	size_t n;
	size_t cap;
};

struct entries {
	struct ledger_entry *list;
	size_t n;
	size_t cap;
};

static struct {
	struct bodies bodies[N_DISK_WHERES];
	struct entries entries;
	int64_t last_id;
	/* Of a commit that failed, as far as anybody knows. */
	struct bodies ghost_bodies;
	struct entries ghost_entries;
} disk;

static void *grown(void *list, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return list;
	*cap = *cap ? *cap * 2 : 64;
	list = reallocarray(list, *cap, size);
	assert(list);
	return list;
}

static void bodies_add(struct bodies *bodies, struct spool_body body)
{
	bodies->list = grown(bodies->list, bodies->n, &bodies->cap, sizeof(body));
	bodies->list[bodies->n++] = body;
}

/* Gives its data. */
static struct spool_body bodies_take(struct bodies *bodies, size_t i)
{
	struct spool_body body = bodies->list[i];

	bodies->n--;
	memmove(&bodies->list[i], &bodies->list[i + 1], (bodies->n - i) * sizeof(*bodies->list));
	return body;
}

static void bodies_clear(struct bodies *bodies)
{
	for (size_t i = 0; i < bodies->n; i++)
		free(bodies->list[i].data);
	bodies->n = 0;
}

static struct spool_body body_copy(const struct spool_body *body)
{
	struct spool_body copy = *body;

	copy.data = malloc(body->len + 1);
	assert(copy.data);
	memcpy(copy.data, body->data, body->len);
	return copy;
}

/* Table, key and value in one piece of memory, at key. */
static struct ledger_entry entry_copy(const struct ledger_entry *entry)
{
	struct ledger_entry copy = *entry;
	uint8_t *at = malloc(entry->key_len + entry->value_len + 1);

	assert(at);
	memcpy(at, entry->key, entry->key_len);
	if (entry->value_len)
		memcpy(at + entry->key_len, entry->value, entry->value_len);
	copy.key = at;
	copy.value = at + entry->key_len;
	return copy;
}

static void entry_free(const struct ledger_entry *entry)
{
	free((void *)(uintptr_t)entry->key);
}

/* NULL: not there. */
static struct ledger_entry *entries_find(
	const struct entries *entries, const struct ledger_entry *entry)
{
	for (size_t i = 0; i < entries->n; i++) {
		struct ledger_entry *mine = &entries->list[i];

		if (strcmp(mine->table, entry->table) == 0 && mine->key_len == entry->key_len &&
			memcmp(mine->key, entry->key, entry->key_len) == 0)
			return mine;
	}
	return NULL;
}

/* Also one that says "delete". */
static void entries_put(struct entries *entries, const struct ledger_entry *entry)
{
	struct ledger_entry *mine = entries_find(entries, entry);
	struct ledger_entry copy = entry_copy(entry);

	if (mine) {
		entry_free(mine);
		*mine = copy;
		return;
	}
	entries->list = grown(entries->list, entries->n, &entries->cap, sizeof(copy));
	entries->list[entries->n++] = copy;
}

static void entries_obey(struct entries *entries, const struct ledger_entry *entry)
{
	struct ledger_entry *mine;

	if (entry->value_len > 0) {
		entries_put(entries, entry);
		return;
	}
	mine = entries_find(entries, entry);
	if (!mine)
		return;
	entry_free(mine);
	*mine = entries->list[--entries->n];
}

static void entries_clear(struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		entry_free(&entries->list[i]);
	entries->n = 0;
}

static void ghost_clear(void)
{
	bodies_clear(&disk.ghost_bodies);
	entries_clear(&disk.ghost_entries);
}

void disk_begin(void)
{
	for (size_t i = 0; i < N_DISK_WHERES; i++)
		bodies_clear(&disk.bodies[i]);
	entries_clear(&disk.entries);
	ghost_clear();
	disk.last_id = 0;
}

void disk_end(void)
{
	disk_begin();
	for (size_t i = 0; i < N_DISK_WHERES; i++)
		free(disk.bodies[i].list);
	free(disk.entries.list);
	free(disk.ghost_bodies.list);
	free(disk.ghost_entries.list);
	memset(&disk, 0, sizeof(disk));
}

static bool is_sabotaged(const char *table)
{
	return (sabotage == SABOTAGE_LOST_LEDGER && strcmp(table, "boot") == 0) ||
	       (sabotage == SABOTAGE_LOST_SERIES && strcmp(table, "series") == 0);
}

static void write_batch(const struct spool_body *bodies, size_t n_bodies,
	const struct ledger_entry *entries, size_t n)
{
	for (size_t i = 0; i < n_bodies; i++) {
		struct spool_body body = body_copy(&bodies[i]);

		body.id = ++disk.last_id;
		bodies_add(&disk.bodies[DISK_SPOOL], body);
	}
	for (size_t i = 0; i < n; i++)
		if (!is_sabotaged(entries[i].table))
			entries_obey(&disk.entries, &entries[i]);
}

void disk_commit(const struct spool_batch *batch)
{
	ghost_clear();
	write_batch(batch->bodies, batch->n_bodies, batch->entries, batch->n_entries);
}

void disk_fail(const struct spool_batch *batch)
{
	ghost_clear();
	for (size_t i = 0; i < batch->n_bodies; i++)
		bodies_add(&disk.ghost_bodies, body_copy(&batch->bodies[i]));
	for (size_t i = 0; i < batch->n_entries; i++)
		entries_put(&disk.ghost_entries, &batch->entries[i]);
}

void disk_crash(void)
{
	if (disk.ghost_entries.n > 0 && world_chance(500)) {
		world_trace("disk: a commit that failed is there after the crash");
		write_batch(disk.ghost_bodies.list, disk.ghost_bodies.n, disk.ghost_entries.list,
			disk.ghost_entries.n);
	}
	ghost_clear();
}

size_t disk_count(enum disk_where where)
{
	return disk.bodies[where].n;
}

const struct spool_body *disk_body(enum disk_where where, size_t i)
{
	return &disk.bodies[where].list[i];
}

struct spool_body disk_copy(size_t i)
{
	return body_copy(&disk.bodies[DISK_SPOOL].list[i]);
}

void disk_move(size_t i, enum disk_where where)
{
	struct spool_body body = bodies_take(&disk.bodies[DISK_SPOOL], i);

	ghost_clear();
	bodies_add(&disk.bodies[where], body);
}

void disk_settle(size_t i, const struct spool_outcome *outcome)
{
	struct spool_body body, copy;

	if (outcome->is_dead_whole) {
		disk_move(i, DISK_DEAD);
		return;
	}
	body = disk.bodies[DISK_SPOOL].list[i];
	ghost_clear();
	if (outcome->dead) {
		copy = body_copy(outcome->dead);
		copy.id = body.id;
		bodies_add(&disk.bodies[DISK_DEAD], copy);
	}
	if (outcome->rest) {
		copy = body_copy(outcome->rest);
		copy.id = body.id;
		disk.bodies[DISK_SPOOL].list[i] = copy;
	} else {
		bodies_take(&disk.bodies[DISK_SPOOL], i);
	}
	free(body.data);
}

bool disk_each_entry(bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	for (size_t i = 0; i < disk.entries.n; i++)
		if (!fn(ctx, &disk.entries.list[i]))
			return false;
	return true;
}
