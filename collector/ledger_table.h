/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's boots by id, its observers by text. Bounded: a full table has no room for new ones.
 * A node stays where it is until it is removed.
 */
#pragma once

#include "ledger_boot.h"
#include "ledger_runs.h"
#include "record.h"

#define LEDGER_OBSERVER_LEN_MAX 1023 /* four names of RECORD_NAME_LEN and what separates them */

struct node {
	const uint8_t *key;
	size_t key_len;
	int64_t heard_ms; /* monotonic: when something came from it last, or when it was loaded */
	struct node
		*next; /* in the table's list, or among those that were removed: ledger_forget.h */
	struct node *previous; /* in the table's list */
};

struct boot_node {
	struct node node; /* first */
	uint8_t id[BOOT_ID_LEN];
	struct boot boot;
	struct observer_node *observer; /* as it says; NULL: not since it was loaded */
	bool is_dirty;                  /* has something in the batch */
	struct boot_node *next_dirty;
};

struct observer_node {
	struct node node; /* first */
	size_t index;     /* in the order of creation */
	struct runs runs;
	size_t n_boots;          /* that say that they are it */
	uint64_t batch;          /* the last batch that asked for k, */
	uint64_t batch_start_ms; /* and of what: most calls repeat it */
	uint8_t key[];
};

struct ledger_table {
	uint64_t seed;
	size_t n;
	size_t max;
	size_t n_made;      /* ever */
	struct node *first; /* of all, the newest first */
	struct node **slots;
};

/* max: at most LEDGER_BOOTS_MAX and LEDGER_OBSERVERS_MAX. */
bool ledger_table_init(struct ledger_table *table, size_t max, uint64_t hash_seed);
void ledger_table_done(struct ledger_table *table, void (*free_node)(struct node *node));

/* Finds; NULL where there is none. */
struct boot_node *ledger_table_boot(const struct ledger_table *table, const uint8_t *id);
struct observer_node *ledger_table_observer(
	const struct ledger_table *table, const void *key, size_t key_len);

/* Finds or adds; NULL: full, too long, or no memory. */
struct boot_node *ledger_table_add_boot(struct ledger_table *table, const uint8_t *id);
struct observer_node *ledger_table_add_observer(
	struct ledger_table *table, const void *key, size_t key_len);

/* The node is the caller's then, its next no more the list's. */
void ledger_table_remove(struct ledger_table *table, const struct node *node);

void ledger_table_free_boot(struct node *node);
void ledger_table_free_observer(struct node *node);
