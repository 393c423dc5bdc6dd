/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_forget.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What is busy may be finished with the next commit. */
static int64_t boot_due(const struct forget *forget, struct node *node, int64_t now_ms)
{
	const struct boot_node *boot = (const struct boot_node *)node;
	const struct ledger_limits *limits = forget->limits;

	if (boot->is_dirty || boot_is_busy(&boot->boot))
		return now_ms + limits->finished_ms;
	if (boot_is_finished(&boot->boot))
		return node->heard_ms + limits->finished_ms;
	return node->heard_ms + limits->silent_ms;
}

static void boot_part(struct forget *forget, struct node *node)
{
	struct boot_node *boot = (struct boot_node *)node;

	forget->missing_bytes += boot_missing_bytes(&boot->boot);
	if (boot->observer)
		boot->observer->n_boots--;
	if (boot_is_finished(&boot->boot))
		forget->n_finished++;
	else
		forget->n_silent++;
}

static int64_t observer_due(const struct forget *forget, struct node *node, int64_t now_ms)
{
	const struct observer_node *observer = (const struct observer_node *)node;

	if (observer->n_boots > 0 || (forget->open_batch && observer->batch == forget->open_batch))
		return now_ms + LEDGER_SWEEP_MS;
	return node->heard_ms + forget->limits->silent_ms;
}

static void observer_part(struct forget *forget, struct node *node)
{
	(void)node;
	forget->n_silent++;
}

static void init(
	struct forget *forget, struct ledger_table *table, const struct ledger_limits *limits)
{
	*forget = (struct forget){.table = table, .limits = limits, .next_ms = INT64_MIN};
	forget->end = &forget->first;
}

void forget_init_boots(
	struct forget *forget, struct ledger_table *table, const struct ledger_limits *limits)
{
	init(forget, table, limits);
	forget->max = limits->boots_max;
	forget->due_ms = boot_due;
	forget->part = boot_part;
	forget->free_node = ledger_table_free_boot;
}

void forget_init_observers(
	struct forget *forget, struct ledger_table *table, const struct ledger_limits *limits)
{
	init(forget, table, limits);
	forget->max = limits->observers_max;
	forget->due_ms = observer_due;
	forget->part = observer_part;
	forget->free_node = ledger_table_free_observer;
}

static void free_first(struct forget *forget, size_t n)
{
	for (; n > 0; n--) {
		struct node *node = forget->first;

		forget->first = node->next;
		forget->n--;
		forget->free_node(node);
	}
	if (!forget->first)
		forget->end = &forget->first;
}

void forget_done(struct forget *forget)
{
	if (forget->table) /* else it was never made */
		free_first(forget, forget->n);
}

static void take(struct forget *forget, struct node *node)
{
	ledger_table_remove(forget->table, node);
	forget->part(forget, node);
	node->next = NULL;
	*forget->end = node;
	forget->end = &node->next;
	forget->n++;
}

static void sweep(struct forget *forget, int64_t now_ms)
{
	/* One that is alive now may have finished, and rested, by then. */
	int64_t next_ms = now_ms + forget->limits->finished_ms;
	struct node *next;

	for (struct node *node = forget->table->first; node && forget->n < LEDGER_FORGET_MAX;
		node = next) {
		int64_t due_ms = forget->due_ms(forget, node, now_ms);

		next = node->next;
		if (due_ms <= now_ms) {
			take(forget, node);
			continue;
		}
		next_ms = least(next_ms, due_ms);
	}
	if (forget->n == LEDGER_FORGET_MAX || next_ms < now_ms + LEDGER_SWEEP_MS)
		next_ms = now_ms + LEDGER_SWEEP_MS;
	forget->next_ms = next_ms;
}

bool forget_make_room(struct forget *forget, int64_t now_ms)
{
	const struct ledger_table *table = forget->table;

	if (table->n >= forget->max && now_ms >= forget->next_ms)
		sweep(forget, now_ms);
	return table->n < forget->max;
}

const struct node *forget_batch(struct forget *forget)
{
	forget->n_flying = forget->n;
	return forget->first;
}

void forget_commit(struct forget *forget)
{
	free_first(forget, forget->n_flying);
	forget->n_flying = 0;
}

void forget_abort(struct forget *forget)
{
	forget->n_flying = 0;
}
