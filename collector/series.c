/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table over an array of slots. Slots whose entry is not written yet stand in one of
 * two queues, or in both: what is fresh goes with its batch whole, of what has time each batch
 * takes the first. A slot that is over leaves the table once its deletion is committed.
 */
#include "series.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE      UINT32_MAX
#define PODS      (UINT16_MAX + 1)
#define DAY_MS    86400000
#define SLOTS_MIN 1024
#define TABLE     "series"
#define SEED_KEY  "seed"
#define KEY_LEN   8
#define VALUE_LEN 4

struct slot {
	uint64_t hash;
	uint16_t pod;
	uint16_t day; /* of the last batch that brought it, since 1970; until 2149 */
	bool is_over;
	bool is_queued[2];
	uint32_t next; /* in the bucket, or among the free ones */
	uint32_t next_queued[2];
};

enum which {
	FRESH,
	PATIENT,
};

struct queue {
	uint32_t first;
	uint32_t last;
	uint32_t n_flying;
};

struct series {
	uint64_t seed;
	bool is_seed_written;
	size_t max;
	size_t n_live;
	uint16_t days; /* of silence, of a live one */
	uint16_t day;  /* today */
	uint32_t *buckets;
	uint32_t mask;
	struct slot *slots;
	uint32_t n_slots; /* ever used */
	uint32_t cap;
	uint32_t free;
	struct queue queues[2];
	uint32_t n_of_pod[PODS];
};

struct series *series_new(size_t max, unsigned days, uint64_t seed)
{
	struct series *s = calloc(1, sizeof(*s));
	size_t n_buckets = SLOTS_MIN;

	assert(max > 0 && max <= SERIES_MAX && days <= SERIES_DAYS_MAX);
	if (!s)
		return NULL;
	while (n_buckets < max)
		n_buckets *= 2;
	s->seed = seed;
	s->max = max;
	s->days = (uint16_t)days;
	s->mask = (uint32_t)n_buckets - 1;
	s->free = NONE;
	s->queues[FRESH] = s->queues[PATIENT] = (struct queue){.first = NONE, .last = NONE};
	s->buckets = malloc(n_buckets * sizeof(*s->buckets));
	if (!s->buckets) {
		free(s);
		return NULL;
	}
	memset(s->buckets, 0xff, n_buckets * sizeof(*s->buckets));
	return s;
}

void series_free(struct series *s)
{
	if (!s)
		return;
	free(s->buckets);
	free(s->slots);
	free(s);
}

static struct slot *find(struct series *s, uint64_t hash)
{
	uint32_t i = s->buckets[hash & s->mask];

	while (i != NONE && s->slots[i].hash != hash)
		i = s->slots[i].next;
	return i == NONE ? NULL : &s->slots[i];
}

static bool grow(struct series *s)
{
	uint32_t cap = s->cap ? 2 * s->cap : SLOTS_MIN;
	struct slot *slots = reallocarray(s->slots, cap, sizeof(*slots));

	if (!slots)
		return false;
	s->slots = slots;
	s->cap = cap;
	return true;
}

/* What is over and not deleted yet takes a slot beside the live ones, but no more than as many. */
static struct slot *take(struct series *s)
{
	struct slot *slot;

	if (s->free != NONE) {
		slot = &s->slots[s->free];
		s->free = slot->next;
		return slot;
	}
	if (s->n_slots == s->cap && (s->cap >= 2 * SERIES_MAX || !grow(s)))
		return NULL;
	return &s->slots[s->n_slots++];
}

static struct slot *add(struct series *s, uint64_t hash, uint16_t pod, uint16_t day)
{
	struct slot *slot = take(s);
	uint32_t *bucket = &s->buckets[hash & s->mask];

	if (!slot)
		return NULL;
	*slot = (struct slot){.hash = hash, .pod = pod, .day = day, .next = *bucket};
	*bucket = (uint32_t)(slot - s->slots);
	s->n_live++;
	s->n_of_pod[pod]++;
	return slot;
}

static void drop(struct series *s, struct slot *slot)
{
	uint32_t i = (uint32_t)(slot - s->slots);
	uint32_t *at = &s->buckets[slot->hash & s->mask];

	while (*at != i)
		at = &s->slots[*at].next;
	*at = slot->next;
	slot->next = s->free;
	s->free = i;
}

static void queue(struct series *s, struct slot *slot, enum which which)
{
	struct queue *q = &s->queues[which];
	uint32_t i = (uint32_t)(slot - s->slots);

	if (slot->is_queued[which])
		return;
	slot->is_queued[which] = true;
	slot->next_queued[which] = NONE;
	*(q->last == NONE ? &q->first : &s->slots[q->last].next_queued[which]) = i;
	q->last = i;
}

static struct slot *unqueue(struct series *s, enum which which)
{
	struct queue *q = &s->queues[which];
	struct slot *slot = &s->slots[q->first];

	q->first = slot->next_queued[which];
	if (q->first == NONE)
		q->last = NONE;
	slot->is_queued[which] = false;
	return slot;
}

static uint64_t number_read(const uint8_t *bytes, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void number_write(uint8_t *bytes, size_t len, uint64_t value)
{
	for (size_t i = len; i-- > 0; value >>= 8)
		bytes[i] = (uint8_t)value;
}

static bool is_seed(const struct ledger_entry *entry)
{
	return entry->key_len == sizeof(SEED_KEY) - 1 &&
	       memcmp(entry->key, SEED_KEY, entry->key_len) == 0;
}

bool series_load(struct series *s, const struct ledger_entry *entry)
{
	uint64_t hash;

	if (is_seed(entry)) {
		if (entry->value_len != sizeof(s->seed))
			return false;
		s->seed = number_read(entry->value, sizeof(s->seed));
		s->is_seed_written = true;
		return true;
	}
	if (entry->key_len != KEY_LEN || entry->value_len != VALUE_LEN)
		return false;
	hash = number_read(entry->key, KEY_LEN);
	return !find(s, hash) && add(s, hash, (uint16_t)number_read(entry->value, 2),
					 (uint16_t)number_read(entry->value + 2, 2));
}

static void end(struct series *s, struct slot *slot)
{
	slot->is_over = true;
	s->n_live--;
	s->n_of_pod[slot->pod]--;
	queue(s, slot, PATIENT);
}

/* A day that is yet to come was written by a clock that has been put right since. One that leaps
 * far ahead ends them all, and each that goes on begins anew. */
static void sweep(struct series *s)
{
	for (uint32_t i = 0; i < s->n_slots; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->is_over) /* or free */
			continue;
		if (slot->day > s->day)
			slot->day = s->day;
		else if (s->day - slot->day > s->days)
			end(s, slot);
	}
}

void series_batch_begin(struct series *s, int64_t wall_ms)
{
	int64_t day = wall_ms / DAY_MS;
	uint16_t today = day < 0 ? 0 : day > UINT16_MAX ? UINT16_MAX : (uint16_t)day;

	if (today == s->day)
		return;
	s->day = today;
	sweep(s);
}

/* Of the budget, in tenths. */
static size_t limit_of(const struct series *s, enum series_fold fold)
{
	static const unsigned tenths[] = {
		[SERIES_WHOLE] = 8, [SERIES_PORTLESS] = 9, [SERIES_LABEL] = 10};

	return s->max * tenths[fold] / 10;
}

static void revive(struct series *s, struct slot *slot, uint16_t pod)
{
	slot->is_over = false;
	slot->pod = pod;
	slot->day = s->day;
	s->n_live++;
	s->n_of_pod[pod]++;
	queue(s, slot, FRESH);
}

enum series_verdict series_admit(
	struct series *s, uint16_t pod, enum series_fold fold, const char *text, size_t len)
{
	uint64_t hash = hash_bytes(text, len, s->seed);
	struct slot *slot = find(s, hash);

	if (slot && !slot->is_over) {
		if (slot->day != s->day) {
			slot->day = s->day;
			queue(s, slot, PATIENT);
		}
		return SERIES_LIVE;
	}
	if (s->n_live >= limit_of(s, fold))
		return SERIES_TOTAL_FULL;
	if (s->n_live + s->n_of_pod[pod] >= limit_of(s, fold))
		return SERIES_POD_FULL;
	if (slot) {
		revive(s, slot, pod);
		return SERIES_LIVE;
	}
	slot = add(s, hash, pod, s->day);
	if (!slot)
		return SERIES_TOTAL_FULL;
	queue(s, slot, FRESH);
	return SERIES_LIVE;
}

static bool write_seed(
	struct series *s, bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	uint8_t value[sizeof(s->seed)];
	struct ledger_entry entry = {.table = TABLE,
		.key = (const uint8_t *)SEED_KEY,
		.key_len = sizeof(SEED_KEY) - 1,
		.value = value,
		.value_len = sizeof(value)};

	number_write(value, sizeof(value), s->seed);
	return fn(ctx, &entry);
}

static bool write_slot(
	const struct slot *slot, bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	uint8_t key[KEY_LEN], value[VALUE_LEN];
	struct ledger_entry entry = {.table = TABLE,
		.key = key,
		.key_len = KEY_LEN,
		.value = value,
		.value_len = slot->is_over ? 0 : VALUE_LEN};

	number_write(key, KEY_LEN, slot->hash);
	number_write(value, 2, slot->pod);
	number_write(value + 2, 2, slot->day);
	return fn(ctx, &entry);
}

static bool write_queue(struct series *s, enum which which, uint32_t max,
	bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	struct queue *q = &s->queues[which];
	uint32_t i = q->first;

	for (; i != NONE && q->n_flying < max; i = s->slots[i].next_queued[which]) {
		if (!write_slot(&s->slots[i], fn, ctx))
			return false;
		q->n_flying++;
	}
	return true;
}

bool series_batch_entries(
	struct series *s, bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	series_batch_abort(s); /* what a batch had begun to write that could not be sealed */
	if (s->queues[FRESH].first == NONE && s->queues[PATIENT].first == NONE)
		return true;
	if (!s->is_seed_written && !write_seed(s, fn, ctx))
		return false;
	return write_queue(s, FRESH, UINT32_MAX, fn, ctx) &&
	       write_queue(s, PATIENT, SERIES_WRITES_MAX, fn, ctx);
}

/* A slot that is in both queues leaves the fresh one first. */
void series_batch_commit(struct series *s)
{
	struct queue *fresh = &s->queues[FRESH], *patient = &s->queues[PATIENT];

	s->is_seed_written |= fresh->n_flying + patient->n_flying > 0;
	for (; fresh->n_flying > 0; fresh->n_flying--)
		unqueue(s, FRESH);
	for (; patient->n_flying > 0; patient->n_flying--) {
		struct slot *slot = unqueue(s, PATIENT);

		if (slot->is_over)
			drop(s, slot);
	}
}

void series_batch_abort(struct series *s)
{
	s->queues[FRESH].n_flying = s->queues[PATIENT].n_flying = 0;
}

/* The deletion of what is over stays queued: of an entry that is not there it does no harm. */
void series_write_again(struct series *s)
{
	s->is_seed_written = false;
	for (uint32_t i = 0; i < s->n_slots; i++)
		if (!s->slots[i].is_over) /* nor free */
			queue(s, &s->slots[i], PATIENT);
}

uint16_t series_pod(const struct series *s, const char *observer)
{
	return (uint16_t)hash_bytes(observer, strlen(observer), s->seed);
}

size_t series_count(const struct series *s)
{
	return s->n_live;
}

size_t series_max(const struct series *s)
{
	return s->max;
}
