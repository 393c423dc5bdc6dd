/* SPDX-License-Identifier: Apache-2.0 */
#include "series.h"

#include "bytes.h"
#include "hash.h"
#include "series_slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SHARES        (UINT16_MAX + 1)
#define DAY_MS        86400000
#define TABLE         "series"
#define SEED_KEY      "seed"
#define KEY_LEN       8
#define VALUE_LEN     6
#define VALUE_LEN_OLD 4 /* the pod's share alone: spools of version 4 */
#define WORKLOAD_PART 3 /* of a workload's series one in so many counts against it */

/* A slot that is over leaves the table once its deletion is committed: it takes room beside the
 * live ones until then, but no more than as many. */
#define SLOTS_MAX (2 * SERIES_MAX)

struct series {
	uint64_t seed;
	bool is_seed_written;
	size_t max;
	size_t n_live;
	uint16_t days; /* of silence, of a live one */
	uint16_t day;  /* today */
	struct series_slots slots;
	size_t n_flying[SERIES_N_QUEUES]; /* of each queue, from its first: in the batch */
	uint32_t n_of_pod[SHARES];
	uint32_t n_of_workload[SHARES];
};

size_t series_max_of(uint64_t bytes)
{
	uint64_t n = bytes / SERIES_ENTRY_BYTES;

	return n < SERIES_MAX ? (size_t)n : SERIES_MAX;
}

struct series *series_new(size_t max, unsigned days, uint64_t seed)
{
	struct series *s = calloc(1, sizeof(*s));

	assert(max > 0 && max <= SERIES_MAX && days <= SERIES_DAYS_MAX);
	if (!s)
		return NULL;
	s->seed = seed;
	s->max = max;
	s->days = (uint16_t)days;
	if (series_slots_init(&s->slots, max, SLOTS_MAX))
		return s;
	free(s);
	return NULL;
}

void series_free(struct series *s)
{
	if (!s)
		return;
	series_slots_done(&s->slots);
	free(s);
}

static void begin(
	struct series *s, struct series_slot *slot, struct series_owner owner, uint16_t day)
{
	slot->is_over = false;
	slot->pod = owner.pod;
	slot->workload = owner.workload;
	slot->day = day;
	s->n_live++;
	s->n_of_pod[owner.pod]++;
	s->n_of_workload[owner.workload]++;
}

static struct series_slot *add(
	struct series *s, uint64_t hash, struct series_owner owner, uint16_t day)
{
	struct series_slot *slot = series_slots_add(&s->slots, hash);

	if (slot)
		begin(s, slot, owner, day);
	return slot;
}

static bool is_seed(const struct ledger_entry *entry)
{
	return entry->key_len == sizeof(SEED_KEY) - 1 &&
	       memcmp(entry->key, SEED_KEY, entry->key_len) == 0;
}

static bool load_slot(struct series *s, const struct ledger_entry *entry)
{
	uint64_t hash = bytes_be64(entry->key);
	struct series_owner owner = {.pod = bytes_be16(entry->value)};

	owner.workload = entry->value_len == VALUE_LEN ? bytes_be16(entry->value + 4) : owner.pod;
	return !series_slots_find(&s->slots, hash) &&
	       add(s, hash, owner, bytes_be16(entry->value + 2));
}

bool series_load(struct series *s, const struct ledger_entry *entry)
{
	if (is_seed(entry)) {
		if (entry->value_len != sizeof(s->seed))
			return false;
		s->seed = bytes_be64(entry->value);
		s->is_seed_written = true;
		return true;
	}
	if (entry->key_len != KEY_LEN ||
		(entry->value_len != VALUE_LEN && entry->value_len != VALUE_LEN_OLD))
		return false;
	return load_slot(s, entry);
}

static void end(struct series *s, struct series_slot *slot)
{
	slot->is_over = true;
	s->n_live--;
	s->n_of_pod[slot->pod]--;
	s->n_of_workload[slot->workload]--;
	series_slots_push(&s->slots, slot, SERIES_PATIENT);
}

/* A day that is yet to come was written by a clock that has been put right since. One that leaps
 * far ahead ends them all, and each that goes on begins anew. */
static void sweep(struct series *s)
{
	for (uint32_t i = 0; i < s->slots.n; i++) {
		struct series_slot *slot = &s->slots.slots[i];

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

static enum series_verdict may_begin(
	const struct series *s, struct series_owner owner, enum series_fold fold)
{
	size_t limit = limit_of(s, fold);

	if (s->n_live >= limit)
		return SERIES_TOTAL_FULL;
	if (s->n_live + s->n_of_pod[owner.pod] >= limit ||
		s->n_live + s->n_of_workload[owner.workload] / WORKLOAD_PART >= limit)
		return SERIES_POD_FULL;
	return SERIES_LIVE;
}

enum series_verdict series_admit(struct series *s, struct series_owner owner, enum series_fold fold,
	const char *text, size_t len)
{
	enum series_verdict verdict;
	uint64_t hash = hash_bytes(text, len, s->seed);
	struct series_slot *slot = series_slots_find(&s->slots, hash);

	if (slot && !slot->is_over) {
		if (slot->day != s->day) {
			slot->day = s->day;
			series_slots_push(&s->slots, slot, SERIES_PATIENT);
		}
		return SERIES_LIVE;
	}
	verdict = may_begin(s, owner, fold);
	if (verdict != SERIES_LIVE)
		return verdict;
	if (slot)
		begin(s, slot, owner, s->day);
	else
		slot = add(s, hash, owner, s->day);
	if (!slot)
		return SERIES_TOTAL_FULL;
	series_slots_push(&s->slots, slot, SERIES_FRESH);
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

	bytes_put_be64(value, s->seed);
	return fn(ctx, &entry);
}

static bool write_slot(const struct series_slot *slot,
	bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	uint8_t key[KEY_LEN], value[VALUE_LEN];
	struct ledger_entry entry = {.table = TABLE,
		.key = key,
		.key_len = KEY_LEN,
		.value = value,
		.value_len = slot->is_over ? 0 : VALUE_LEN};

	bytes_put_be64(key, slot->hash);
	bytes_put_be16(value, slot->pod);
	bytes_put_be16(value + 2, slot->day);
	bytes_put_be16(value + 4, slot->workload);
	return fn(ctx, &entry);
}

static bool write_queue(struct series *s, enum series_queue queue, size_t max,
	bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	const struct series_slot *slot = series_slots_first(&s->slots, queue);

	for (; slot && s->n_flying[queue] < max; slot = series_slots_next(&s->slots, slot, queue)) {
		if (!write_slot(slot, fn, ctx))
			return false;
		s->n_flying[queue]++;
	}
	return true;
}

bool series_batch_entries(
	struct series *s, bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	series_batch_abort(s); /* what a batch had begun to write that could not be sealed */
	if (!series_slots_first(&s->slots, SERIES_FRESH) &&
		!series_slots_first(&s->slots, SERIES_PATIENT))
		return true;
	if (!s->is_seed_written && !write_seed(s, fn, ctx))
		return false;
	return write_queue(s, SERIES_FRESH, SIZE_MAX, fn, ctx) &&
	       write_queue(s, SERIES_PATIENT, SERIES_WRITES_MAX, fn, ctx);
}

/* A slot that is in both queues leaves the fresh one first. */
void series_batch_commit(struct series *s)
{
	size_t *n_fresh = &s->n_flying[SERIES_FRESH], *n_patient = &s->n_flying[SERIES_PATIENT];

	s->is_seed_written |= *n_fresh + *n_patient > 0;
	for (; *n_fresh > 0; --*n_fresh)
		series_slots_pop(&s->slots, SERIES_FRESH);
	for (; *n_patient > 0; --*n_patient) {
		struct series_slot *slot = series_slots_pop(&s->slots, SERIES_PATIENT);

		if (slot->is_over)
			series_slots_drop(&s->slots, slot);
	}
}

void series_batch_abort(struct series *s)
{
	s->n_flying[SERIES_FRESH] = s->n_flying[SERIES_PATIENT] = 0;
}

/* The deletion of what is over stays queued: of an entry that is not there it does no harm. */
void series_write_again(struct series *s)
{
	s->is_seed_written = false;
	for (uint32_t i = 0; i < s->slots.n; i++) {
		struct series_slot *slot = &s->slots.slots[i];

		if (!slot->is_over) /* nor free */
			series_slots_push(&s->slots, slot, SERIES_PATIENT);
	}
}

uint16_t series_share(const struct series *s, const char *text)
{
	return (uint16_t)hash_bytes(text, strlen(text), s->seed);
}

size_t series_count(const struct series *s)
{
	return s->n_live;
}

size_t series_max(const struct series *s)
{
	return s->max;
}
