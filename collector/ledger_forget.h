/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a full table of the ledger may forget to make room, as ledger.h says, and that the spool
 * hears of it. Pure.
 *
 * A search looks at every node; so there is one at most once in LEDGER_SWEEP_MS, none before it can
 * find something, and it takes all that it finds, up to what a batch may delete.
 */
#pragma once

#include "ledger_table.h"

struct forget {
	struct ledger_table *table;
	const struct ledger_limits *limits;
	size_t max; /* nodes, before something must go for a new one */
	/* When this node may go, if nothing more happens to it. */
	int64_t (*due_ms)(const struct forget *forget, struct node *node, int64_t now_ms);
	void (*part)(struct forget *forget, struct node *node); /* it has left the table */
	void (*free_node)(struct node *node);
	int64_t next_ms;     /* no search before */
	struct node *first;  /* forgotten, but in the spool still; oldest first */
	struct node **end;   /* behind the last */
	size_t n;            /* of these */
	size_t n_flying;     /* of these, the first: the batch deletes them */
	uint64_t open_batch; /* 0: none */
	uint64_t n_finished; /* ever forgotten */
	uint64_t n_silent;
	uint64_t missing_bytes; /* of these */
};

/* Keeps table and limits. */
void forget_init_boots(
	struct forget *forget, struct ledger_table *table, const struct ledger_limits *limits);
void forget_init_observers(
	struct forget *forget, struct ledger_table *table, const struct ledger_limits *limits);
void forget_done(struct forget *forget);

/* Where the table has max nodes: forgets what may be. True: there is room. */
bool forget_make_room(struct forget *forget, int64_t now_ms);

/* The nodes that the batch deletes are those up to the end of this list at this moment. */
const struct node *forget_batch(struct forget *forget);
void forget_commit(struct forget *forget);
void forget_abort(struct forget *forget);
