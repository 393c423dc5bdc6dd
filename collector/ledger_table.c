/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_table.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 65536 /* a power of two */

_Static_assert(SLOTS > 2 * LEDGER_BOOTS_MAX, "half full at most");
_Static_assert(SLOTS > 2 * LEDGER_OBSERVERS_MAX, "half full at most");

bool ledger_table_init(struct ledger_table *table, size_t max, uint64_t hash_seed)
{
	assert(max < SLOTS / 2);
	*table = (struct ledger_table){.seed = hash_seed, .max = max};
	table->slots = calloc(SLOTS, sizeof(struct node *));
	return table->slots;
}

void ledger_table_done(struct ledger_table *table, void (*free_node)(struct node *node))
{
	for (struct node *node = table->first, *next; node; node = next) {
		next = node->next;
		free_node(node);
	}
	table->first = NULL;
	free(table->slots);
	table->slots = NULL;
}

static size_t home(const struct ledger_table *table, const void *key, size_t key_len)
{
	return hash_bytes(key, key_len, table->seed) & (SLOTS - 1);
}

/* The slot of the key, or the empty one where it belongs. */
static struct node **find(const struct ledger_table *table, const void *key, size_t key_len)
{
	size_t i = home(table, key, key_len);

	for (;; i = (i + 1) & (SLOTS - 1)) {
		const struct node *node = table->slots[i];

		if (!node || (node->key_len == key_len && memcmp(node->key, key, key_len) == 0))
			return &table->slots[i];
	}
}

struct boot_node *ledger_table_boot(const struct ledger_table *table, const uint8_t *id)
{
	return (struct boot_node *)*find(table, id, BOOT_ID_LEN);
}

struct observer_node *ledger_table_observer(
	const struct ledger_table *table, const void *key, size_t key_len)
{
	return (struct observer_node *)*find(table, key, key_len);
}

static void put(struct ledger_table *table, struct node **slot, struct node *node)
{
	*slot = node;
	node->next = table->first;
	if (node->next)
		node->next->previous = node;
	table->first = node;
	table->n++;
}

struct boot_node *ledger_table_add_boot(struct ledger_table *table, const uint8_t *id)
{
	struct node **slot = find(table, id, BOOT_ID_LEN);
	struct boot_node *boot;

	if (*slot)
		return (struct boot_node *)*slot;
	if (table->n >= table->max)
		return NULL;
	boot = calloc(1, sizeof(*boot));
	if (!boot)
		return NULL;
	memcpy(boot->id, id, BOOT_ID_LEN);
	boot->node = (struct node){.key = boot->id, .key_len = BOOT_ID_LEN};
	put(table, slot, &boot->node);
	return boot;
}

struct observer_node *ledger_table_add_observer(
	struct ledger_table *table, const void *key, size_t key_len)
{
	struct node **slot = find(table, key, key_len);
	struct observer_node *observer;

	if (*slot)
		return (struct observer_node *)*slot;
	if (table->n >= table->max || key_len > LEDGER_OBSERVER_LEN_MAX)
		return NULL;
	observer = calloc(1, sizeof(*observer) + key_len);
	if (!observer)
		return NULL;
	memcpy(observer->key, key, key_len);
	observer->node = (struct node){.key = observer->key, .key_len = key_len};
	observer->index = table->n_made++;
	put(table, slot, &observer->node);
	return observer;
}

static void unlist(struct ledger_table *table, const struct node *node)
{
	*(node->previous ? &node->previous->next : &table->first) = node->next;
	if (node->next)
		node->next->previous = node->previous;
	table->n--;
}

/* Those behind it, up to the next empty slot, move up to where a search for them begins or passes.
 */
void ledger_table_remove(struct ledger_table *table, const struct node *node)
{
	struct node **slots = table->slots;
	size_t hole = (size_t)(find(table, node->key, node->key_len) - slots);
	size_t i = hole;

	assert(slots[hole] == node);
	while (slots[i = (i + 1) & (SLOTS - 1)]) {
		size_t begin = home(table, slots[i]->key, slots[i]->key_len);

		if (((i - begin) & (SLOTS - 1)) < ((i - hole) & (SLOTS - 1)))
			continue;
		slots[hole] = slots[i];
		hole = i;
	}
	slots[hole] = NULL;
	unlist(table, node);
}

void ledger_table_free_boot(struct node *node)
{
	struct boot_node *boot = (struct boot_node *)node;

	boot_done(&boot->boot);
	free(boot);
}

void ledger_table_free_observer(struct node *node)
{
	free(node);
}
