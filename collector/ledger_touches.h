/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch carries rows of: (observer, interval) pairs, each counted once however often it is
 * named. Pure.
 */
#pragma once

#include "ledger_table.h"

struct touch {
	struct observer_node *observer;
	uint64_t start_ms;
	uint32_t step_ms; /* the observer's interval */
};

struct touches {
	struct touch *items;
	size_t n;
	size_t cap;
};

void touches_done(struct touches *touches);

/* False: no memory. Keeps the observer. */
bool touches_add(struct touches *touches, const struct touch *touch);
/* By observer, in the order in which they were made, then by time; repeated ones go. */
void touches_sort(struct touches *touches);
/* Adds the intervals of the observer whose first is the i-th to runs, which may be a copy of its
 * own. Returns where the next observer's begin. Sorted before. */
size_t touches_apply(const struct touches *touches, size_t i, struct runs *runs);
void touches_clear(struct touches *touches);
