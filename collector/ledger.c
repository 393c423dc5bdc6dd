/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger.h"

#include "ledger_boot.h"
#include "ledger_forget.h"
#include "ledger_runs.h"
#include "ledger_table.h"
#include "ledger_touches.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BOOTS     "boot"
#define OBSERVERS "observer"

struct ledger {
	struct ledger_table boots;
	struct ledger_table observers;
	struct ledger_limits limits;
	struct forget forget_boots;
	struct forget forget_observers;
	int64_t loaded_ms;
	uint64_t lost_bytes;
	/* The batch. */
	bool is_open;
	bool is_failed;
	uint64_t batch;
	struct boot_node *dirty;
	struct touches touches;
};

static void set_limits(struct ledger *ledger, const struct ledger_limits *limits)
{
	ledger->limits = (struct ledger_limits){
		.boots_max = limits->boots_max ? limits->boots_max : LEDGER_BOOTS_MAX,
		.observers_max =
			limits->observers_max ? limits->observers_max : LEDGER_OBSERVERS_MAX,
		.missed_ms = limits->missed_ms ? limits->missed_ms : LEDGER_MISSED_MS,
		.finished_ms = limits->finished_ms ? limits->finished_ms : LEDGER_FINISHED_MS,
		.silent_ms = limits->silent_ms ? limits->silent_ms : LEDGER_SILENT_MS,
	};
}

static size_t least(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

struct ledger_limits ledger_limits_of(uint64_t bytes)
{
	return (struct ledger_limits){
		.boots_max = least(bytes / LEDGER_BOOT_BYTES, LEDGER_BOOTS_MAX),
		.observers_max = least(bytes / LEDGER_OBSERVER_BYTES, LEDGER_OBSERVERS_MAX),
	};
}

struct ledger *ledger_new(const struct ledger_config *config)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	uint64_t seed = config->hash_seed;

	if (!ledger)
		return NULL;
	ledger->loaded_ms = config->now_ms;
	set_limits(ledger, &config->limits);
	if (!ledger_table_init(&ledger->boots, LEDGER_BOOTS_MAX, seed) ||
		!ledger_table_init(&ledger->observers, LEDGER_OBSERVERS_MAX, seed)) {
		ledger_free(ledger);
		return NULL;
	}
	forget_init_boots(&ledger->forget_boots, &ledger->boots, &ledger->limits);
	forget_init_observers(&ledger->forget_observers, &ledger->observers, &ledger->limits);
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	forget_done(&ledger->forget_boots);
	forget_done(&ledger->forget_observers);
	ledger_table_done(&ledger->boots, ledger_table_free_boot);
	ledger_table_done(&ledger->observers, ledger_table_free_observer);
	touches_done(&ledger->touches);
	free(ledger);
}

/* What was remembered under another limit is loaded all the same: the limit is for new ones. */
static bool load_boot(struct ledger *ledger, const struct ledger_entry *entry)
{
	struct boot_node *node;
	struct boot boot;

	if (entry->key_len != BOOT_ID_LEN || ledger_table_boot(&ledger->boots, entry->key))
		return false;
	if (!boot_decode(entry->value, entry->value_len, &boot))
		return false;
	node = ledger_table_add_boot(&ledger->boots, entry->key);
	if (!node) {
		boot_done(&boot);
		return false;
	}
	node->boot = boot;
	node->node.heard_ms = ledger->loaded_ms;
	ledger->lost_bytes += boot.lost_bytes;
	return true;
}

static bool load_observer(struct ledger *ledger, const struct ledger_entry *entry)
{
	struct observer_node *node;
	struct runs runs;

	if (entry->key_len == 0 ||
		ledger_table_observer(&ledger->observers, entry->key, entry->key_len))
		return false;
	if (!runs_decode(entry->value, entry->value_len, &runs))
		return false;
	node = ledger_table_add_observer(&ledger->observers, entry->key, entry->key_len);
	if (!node)
		return false;
	node->runs = runs;
	node->node.heard_ms = ledger->loaded_ms;
	return true;
}

bool ledger_load(struct ledger *ledger, const struct ledger_entry *entry)
{
	if (strcmp(entry->table, BOOTS) == 0)
		return load_boot(ledger, entry);
	if (strcmp(entry->table, OBSERVERS) == 0)
		return load_observer(ledger, entry);
	return false;
}

/* After each step of a boot: its share of the sum. */
static void note_lost(struct ledger *ledger, const struct boot *boot, uint64_t before)
{
	ledger->lost_bytes += boot->lost_bytes - before;
}

/* Before either is added, so that who is refused leaves nothing behind. */
static bool have_room(struct ledger *ledger, const struct ledger_claim *claim)
{
	if (!ledger_table_boot(&ledger->boots, claim->boot_id) &&
		!forget_make_room(&ledger->forget_boots, claim->now_ms))
		return false;
	return ledger_table_observer(
		       &ledger->observers, claim->observer, strlen(claim->observer)) ||
	       forget_make_room(&ledger->forget_observers, claim->now_ms);
}

static void refer(struct boot_node *boot, struct observer_node *observer)
{
	if (boot->observer == observer)
		return;
	if (boot->observer)
		boot->observer->n_boots--;
	boot->observer = observer;
	observer->n_boots++;
}

static struct boot_node *boot_of(struct ledger *ledger, const struct ledger_claim *claim)
{
	struct observer_node *observer;
	struct boot_node *boot;

	if (!have_room(ledger, claim))
		return NULL;
	observer = ledger_table_add_observer(
		&ledger->observers, claim->observer, strlen(claim->observer));
	if (!observer)
		return NULL;
	observer->node.heard_ms = claim->now_ms;
	boot = ledger_table_add_boot(&ledger->boots, claim->boot_id);
	if (!boot)
		return NULL;
	boot->node.heard_ms = claim->now_ms;
	refer(boot, observer);
	return boot;
}

enum ledger_verdict ledger_offer(struct ledger *ledger, const struct ledger_claim *claim)
{
	struct boot_node *node = boot_of(ledger, claim);
	enum ledger_verdict verdict;
	uint64_t lost;

	if (!node)
		return LEDGER_FULL;
	lost = node->boot.lost_bytes;
	verdict = boot_offer(
		&node->boot, claim->sequence, claim->oldest, claim->sealed_bytes, claim->is_final);
	note_lost(ledger, &node->boot, lost);
	return verdict;
}

void ledger_forget(
	struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN], uint64_t sequence)
{
	struct boot_node *node = ledger_table_boot(&ledger->boots, boot_id);
	uint64_t lost;

	assert(node);
	lost = node->boot.lost_bytes;
	boot_forget(&node->boot, sequence);
	note_lost(ledger, &node->boot, lost);
}

void ledger_batch_begin(struct ledger *ledger)
{
	assert(!ledger->is_open);
	ledger->is_open = true;
	ledger->is_failed = false;
	ledger->forget_observers.open_batch = ++ledger->batch;
}

void ledger_batch_add(struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN],
	uint64_t sequence, uint64_t row_bytes)
{
	struct boot_node *node = ledger_table_boot(&ledger->boots, boot_id);

	assert(ledger->is_open && node);
	boot_fly(&node->boot, sequence, row_bytes);
	if (node->is_dirty)
		return;
	node->is_dirty = true;
	node->next_dirty = ledger->dirty;
	ledger->dirty = node;
}

uint32_t ledger_batch_k(
	struct ledger *ledger, const char *observer, uint64_t start_ms, uint32_t step_ms)
{
	struct observer_node *node =
		ledger_table_add_observer(&ledger->observers, observer, strlen(observer));
	struct touch touch = {.observer = node, .start_ms = start_ms, .step_ms = step_ms};

	assert(ledger->is_open);
	if (!node) {
		ledger->is_failed = true;
		return 0;
	}
	if (node->batch != ledger->batch || node->batch_start_ms != start_ms) {
		if (!touches_add(&ledger->touches, &touch))
			ledger->is_failed = true;
		node->batch = ledger->batch;
		node->batch_start_ms = start_ms;
	}
	return runs_count(&node->runs, start_ms);
}

static struct ledger_entry entry_of(
	const char *table, const struct node *node, const uint8_t *value, size_t value_len)
{
	return (struct ledger_entry){
		.table = table,
		.key = node->key,
		.key_len = node->key_len,
		.value = value,
		.value_len = value_len,
	};
}

static bool observer_entries(const struct ledger *ledger,
	bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	const struct touches *touches = &ledger->touches;
	uint8_t value[RUNS_ENCODED_MAX];
	size_t i = 0;

	while (i < touches->n) {
		const struct observer_node *node = touches->items[i].observer;
		struct runs runs = node->runs;
		struct ledger_entry entry;

		i = touches_apply(touches, i, &runs);
		entry = entry_of(OBSERVERS, &node->node, value, runs_encode(&runs, value));
		if (!fn(ctx, &entry))
			return false;
	}
	return true;
}

static bool delete_entries(const char *table, struct forget *forget,
	bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	for (const struct node *node = forget_batch(forget); node; node = node->next) {
		struct ledger_entry entry = entry_of(table, node, NULL, 0);

		if (!fn(ctx, &entry))
			return false;
	}
	return true;
}

bool ledger_batch_entries(
	struct ledger *ledger, bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	uint8_t value[BOOT_ENCODED_MAX];
	const struct boot_node *node;

	assert(ledger->is_open);
	if (ledger->is_failed)
		return false;
	if (!delete_entries(BOOTS, &ledger->forget_boots, fn, ctx) ||
		!delete_entries(OBSERVERS, &ledger->forget_observers, fn, ctx))
		return false;
	for (node = ledger->dirty; node; node = node->next_dirty) {
		size_t len = boot_encode(&node->boot, value);
		struct ledger_entry entry = entry_of(BOOTS, &node->node, value, len);

		if (!fn(ctx, &entry))
			return false;
	}
	touches_sort(&ledger->touches);
	return observer_entries(ledger, fn, ctx);
}

static void end_batch(
	struct ledger *ledger, void (*land)(struct boot *boot), ledger_boot_fn *fn, void *ctx)
{
	assert(ledger->is_open);
	while (ledger->dirty) {
		struct boot_node *node = ledger->dirty;
		uint64_t lost = node->boot.lost_bytes;

		ledger->dirty = node->next_dirty;
		node->is_dirty = false;
		land(&node->boot);
		note_lost(ledger, &node->boot, lost);
		if (fn)
			fn(ctx, node->id);
	}
	touches_clear(&ledger->touches);
	ledger->forget_observers.open_batch = 0;
	ledger->is_open = false;
}

void ledger_batch_commit(struct ledger *ledger, ledger_boot_fn *fn, void *ctx)
{
	struct touches *touches = &ledger->touches;
	size_t i = 0;

	touches_sort(touches);
	while (i < touches->n)
		i = touches_apply(touches, i, &touches->items[i].observer->runs);
	forget_commit(&ledger->forget_boots);
	forget_commit(&ledger->forget_observers);
	end_batch(ledger, boot_commit, fn, ctx);
}

void ledger_batch_abort(struct ledger *ledger, ledger_boot_fn *fn, void *ctx)
{
	forget_abort(&ledger->forget_boots);
	forget_abort(&ledger->forget_observers);
	end_batch(ledger, boot_abort, fn, ctx);
}

static_assert(ACK_BITMAP_MAX >= LEDGER_WINDOW / 8, "a window's bits are acknowledged");

bool ledger_ack(
	const struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN], struct ack *ret)
{
	const struct boot_node *node = ledger_table_boot(&ledger->boots, boot_id);

	if (!node)
		return false;
	memcpy(ret->boot_id, boot_id, BOOT_ID_LEN);
	ret->contiguous = node->boot.contiguous;
	ret->bitmap_len = boot_bits(&node->boot, 2, ret->bitmap);
	return true;
}

static struct ledger_boot_state state_of(const struct boot *boot)
{
	return (struct ledger_boot_state){
		.contiguous = boot->contiguous,
		.stored_bytes = boot->stored_bytes,
		.sealed_bytes = boot->sealed_bytes,
		.lost_bytes = boot->lost_bytes,
	};
}

bool ledger_boot(const struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN],
	struct ledger_boot_state *ret)
{
	const struct boot_node *node = ledger_table_boot(&ledger->boots, boot_id);

	if (!node)
		return false;
	*ret = state_of(&node->boot);
	return true;
}

bool ledger_batch_boot(const struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN],
	struct ledger_boot_state *ret)
{
	const struct boot_node *node = ledger_table_boot(&ledger->boots, boot_id);
	struct boot then;

	if (!node)
		return false;
	boot_preview(&node->boot, &then);
	*ret = state_of(&then);
	return true;
}

uint64_t ledger_lost_bytes(const struct ledger *ledger)
{
	return ledger->lost_bytes;
}

uint64_t ledger_missing_bytes(const struct ledger *ledger, int64_t now_ms)
{
	uint64_t missing = ledger->forget_boots.missing_bytes;

	for (const struct node *node = ledger->boots.first; node; node = node->next) {
		const struct boot *boot = &((const struct boot_node *)node)->boot;

		if (now_ms - node->heard_ms >= ledger->limits.missed_ms)
			missing += boot_missing_bytes(boot);
	}
	return missing;
}

void ledger_counts(const struct ledger *ledger, struct ledger_counts *ret)
{
	*ret = (struct ledger_counts){
		.boots = ledger->boots.n,
		.observers = ledger->observers.n,
		.boots_finished = ledger->forget_boots.n_finished,
		.boots_silent = ledger->forget_boots.n_silent,
		.observers_silent = ledger->forget_observers.n_silent,
	};
}
