/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For one observer: how many commits have carried rows of each interval, as runs of intervals with
 * the same count. Pure, of fixed size. Counts only rise, so a count is never given twice to the
 * same interval (below its cap, see ledger_batch_k). Where there are too many runs two neighbours
 * become one with the higher count; what lies between two joined runs takes their count, which is
 * too high at most. These two are the ones that were left alone longest: were it simply the oldest,
 * a probe whose clock stands there would raise the count of all that lies before it with each of
 * its intervals, up to the cap.
 */
#pragma once

#include "ledger_terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run {
	uint64_t first_ms; /* start of the first interval */
	uint64_t last_ms;  /* start of the last one */
	uint32_t count;    /* commits, from 1 */
	uint32_t touched;  /* the tick of the last one; not encoded */
};

struct runs {
	uint32_t n;
	uint32_t tick;
	struct run runs[LEDGER_RUNS_MAX]; /* rising, apart */
};

uint32_t runs_count(const struct runs *runs, uint64_t start_ms);

/* One more commit. step_ms tells neighbouring intervals from a gap. */
void runs_add(struct runs *runs, uint64_t start_ms, uint32_t step_ms);

/* Version, then first, last and count of each run, little-endian. */
#define RUNS_ENCODED_MAX (1 + LEDGER_RUNS_MAX * 20)
size_t runs_encode(const struct runs *runs, uint8_t ret[static RUNS_ENCODED_MAX]);
/* False, *ret untouched: not what runs_encode gives. */
bool runs_decode(const uint8_t *data, size_t len, struct runs *ret);
