/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cumulative counter that is told of when it begins to rise, and not again until it has stood
 * still for a while: a line a bout of losses, not one for each. All zero at first, or `last` what
 * is known already.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RISING_QUIET_MS 600000

struct rising {
	uint64_t last;
	int64_t quiet_at_ms; /* from then on it is news again */
};

static inline bool rising_begins(struct rising *rising, uint64_t value, int64_t now_ms)
{
	bool has_risen = value > rising->last;
	bool is_news = has_risen && now_ms >= rising->quiet_at_ms;

	rising->last = value;
	if (has_risen)
		rising->quiet_at_ms = now_ms + RISING_QUIET_MS;
	return is_news;
}
