/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64 * 1024)
#define FIRST_SLOTS 1024 /* a power of two, as every size of the table */

/* Rows and their series stand in chunks, so that a row never moves while it is in use. */
struct chunk {
	struct chunk *next;
	size_t used;
	size_t cap;
	_Alignas(struct row) unsigned char data[];
};

/* index is 1 + the row's place; 0: empty. The hash saves the look at the row, and the second
 * hashing. */
struct slot {
	uint32_t hash;
	uint32_t index;
};

struct rows {
	uint64_t seed;
	size_t max;
	size_t n;
	size_t cap;
	struct row **list;
	size_t n_slots;
	struct slot *slots;
	struct chunk *chunks; /* the newest first */
};

static void free_chunks(struct rows *rows, struct chunk *until)
{
	while (rows->chunks != until) {
		struct chunk *next = rows->chunks->next;

		free(rows->chunks);
		rows->chunks = next;
	}
}

struct rows *rows_new(size_t max_rows, uint64_t hash_seed)
{
	struct rows *rows = calloc(1, sizeof(*rows));

	assert(max_rows < UINT32_MAX / 4);
	if (!rows)
		return NULL;
	rows->seed = hash_seed;
	rows->max = max_rows;
	rows->n_slots = FIRST_SLOTS;
	rows->slots = calloc(rows->n_slots, sizeof(*rows->slots));
	if (!rows->slots) {
		free(rows);
		return NULL;
	}
	return rows;
}

void rows_free(struct rows *rows)
{
	if (!rows)
		return;
	free_chunks(rows, NULL);
	free(rows->list);
	free(rows->slots);
	free(rows);
}

/* The slot of an equal row, or the empty one where it belongs. */
static struct slot *find(struct rows *rows, const struct row *row, uint32_t hash)
{
	size_t i = hash & (rows->n_slots - 1);

	for (;; i = (i + 1) & (rows->n_slots - 1)) {
		struct slot *slot = &rows->slots[i];
		const struct row *other;

		if (!slot->index)
			return slot;
		if (slot->hash != hash)
			continue;
		other = rows->list[slot->index - 1];
		if (other->time_ms == row->time_ms && other->series_len == row->series_len &&
			memcmp(other->series, row->series, row->series_len) == 0)
			return slot;
	}
}

/* Keeps the table at most half full. */
static bool grow_slots(struct rows *rows)
{
	size_t n = rows->n_slots * 2;
	struct slot *slots = calloc(n, sizeof(*slots));
	size_t i;

	if (!slots)
		return false;
	for (i = 0; i < rows->n_slots; i++) {
		const struct slot *slot = &rows->slots[i];
		size_t at = slot->hash & (n - 1);

		if (!slot->index)
			continue;
		while (slots[at].index)
			at = (at + 1) & (n - 1);
		slots[at] = *slot;
	}
	free(rows->slots);
	rows->slots = slots;
	rows->n_slots = n;
	return true;
}

static bool grow_list(struct rows *rows)
{
	size_t cap = rows->cap ? rows->cap * 2 : FIRST_SLOTS / 2;
	struct row **list = realloc(rows->list, cap * sizeof(struct row *));

	if (!list)
		return false;
	rows->list = list;
	rows->cap = cap;
	return true;
}

static void *take(struct rows *rows, size_t len)
{
	struct chunk *chunk = rows->chunks;
	size_t cap = len > CHUNK_BYTES ? len : CHUNK_BYTES;
	void *at;

	if (!chunk || chunk->cap - chunk->used < len) {
		chunk = malloc(sizeof(*chunk) + cap);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){.next = rows->chunks, .cap = cap};
		rows->chunks = chunk;
	}
	at = chunk->data + chunk->used;
	len = (len + _Alignof(struct row) - 1) & ~(_Alignof(struct row) - 1);
	chunk->used += len < chunk->cap - chunk->used ? len : chunk->cap - chunk->used;
	return at;
}

static struct row *copy(struct rows *rows, const struct row *row)
{
	struct row *mine;
	char *series;

	if (row->series_len > SIZE_MAX / 2)
		return NULL;
	mine = take(rows, sizeof(*mine) + row->series_len);
	if (!mine)
		return NULL;
	series = (char *)(mine + 1);
	memcpy(series, row->series, row->series_len);
	*mine = *row;
	mine->series = series;
	return mine;
}

bool rows_add(struct rows *rows, const struct row *row)
{
	uint64_t seed = rows->seed + (uint64_t)row->time_ms;
	uint32_t hash = (uint32_t)hash_bytes(row->series, row->series_len, seed);
	struct slot *slot = find(rows, row, hash);
	struct row *mine;

	if (slot->index) {
		mine = rows->list[slot->index - 1];
		counters_add(&mine->sum, &row->sum);
		if (row->interval_ms > mine->interval_ms)
			mine->interval_ms = row->interval_ms;
		return true;
	}
	if (rows->n == rows->max)
		return false;
	if (rows->n == rows->cap && !grow_list(rows))
		return false;
	if (2 * (rows->n + 1) > rows->n_slots) {
		if (!grow_slots(rows))
			return false;
		slot = find(rows, row, hash);
	}
	mine = copy(rows, row);
	if (!mine)
		return false;
	rows->list[rows->n++] = mine;
	*slot = (struct slot){.hash = hash, .index = (uint32_t)rows->n};
	return true;
}

size_t rows_count(const struct rows *rows)
{
	return rows->n;
}

const struct row *rows_at(const struct rows *rows, size_t i)
{
	assert(i < rows->n);
	return rows->list[i];
}

/* The tables stay as large as the largest batch made them; one chunk is kept for the next. */
void rows_reset(struct rows *rows)
{
	struct chunk *last = rows->chunks;

	while (last && last->next)
		last = last->next;
	free_chunks(rows, last);
	if (last)
		last->used = 0;
	rows->n = 0;
	memset(rows->slots, 0, rows->n_slots * sizeof(*rows->slots));
}
