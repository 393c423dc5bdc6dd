/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_touches.h"

#include <stdlib.h>

#define FIRST_CAP 256

void touches_done(struct touches *touches)
{
	free(touches->items);
	*touches = (struct touches){0};
}

bool touches_add(struct touches *touches, const struct touch *touch)
{
	if (touches->n == touches->cap) {
		size_t cap = touches->cap ? touches->cap * 2 : FIRST_CAP;
		struct touch *items = realloc(touches->items, cap * sizeof(*items));

		if (!items)
			return false;
		touches->items = items;
		touches->cap = cap;
	}
	touches->items[touches->n++] = *touch;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct touch *x = a, *y = b;

	if (x->observer->index != y->observer->index)
		return x->observer->index < y->observer->index ? -1 : 1;
	if (x->start_ms != y->start_ms)
		return x->start_ms < y->start_ms ? -1 : 1;
	return 0;
}

void touches_sort(struct touches *touches)
{
	size_t i, last = 0;

	if (touches->n == 0)
		return;
	qsort(touches->items, touches->n, sizeof(*touches->items), compare);
	for (i = 1; i < touches->n; i++)
		if (compare(&touches->items[last], &touches->items[i]) != 0)
			touches->items[++last] = touches->items[i];
	touches->n = last + 1;
}

size_t touches_apply(const struct touches *touches, size_t i, struct runs *runs)
{
	const struct observer_node *observer = touches->items[i].observer;

	for (; i < touches->n && touches->items[i].observer == observer; i++)
		runs_add(runs, touches->items[i].start_ms, touches->items[i].step_ms);
	return i;
}

void touches_clear(struct touches *touches)
{
	touches->n = 0;
}
