/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_runs.h"

#include "bytes.h"

#include <string.h>

#define VERSION     1
#define ENCODED_RUN 20

static size_t first_not_before(const struct runs *runs, uint64_t start_ms)
{
	size_t i = runs->n;

	/* From the end, as nearly every start is the newest. */
	while (i > 0 && runs->runs[i - 1].last_ms >= start_ms)
		i--;
	return i;
}

uint32_t runs_count(const struct runs *runs, uint64_t start_ms)
{
	size_t i = first_not_before(runs, start_ms);

	if (i == runs->n || runs->runs[i].first_ms > start_ms)
		return 0;
	return runs->runs[i].count;
}

/* Clocks jitter: neighbours are up to one and a half intervals apart, two is a gap. */
static bool are_joinable(const struct run *a, const struct run *b, uint32_t step_ms)
{
	return a->count == b->count && b->first_ms - a->last_ms <= (uint64_t)step_ms + step_ms / 2;
}

/*
 * Two neighbouring intervals that were counted within a run have been cut out of it, each for
 * itself, and what is left between them holds no other interval.
 */
static bool is_sliver(const struct run *run, uint32_t step_ms)
{
	const struct run *before = run - 1, *behind = run + 1;

	return before->count == behind->count && run->count < behind->count &&
	       before->last_ms + 1 == run->first_ms && run->last_ms + 1 == behind->first_ms &&
	       run->last_ms - run->first_ms < step_ms;
}

static uint32_t greater(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static size_t join(struct run *list, size_t n, uint32_t step_ms)
{
	size_t i, kept = 1;

	for (i = 1; i + 1 < n; i++)
		if (is_sliver(&list[i], step_ms))
			list[i].count = list[i + 1].count;
	for (i = 1; i < n; i++) {
		struct run *last = &list[kept - 1];

		if (!are_joinable(last, &list[i], step_ms)) {
			list[kept++] = list[i];
			continue;
		}
		last->last_ms = list[i].last_ms;
		last->touched = greater(last->touched, list[i].touched);
	}
	return kept;
}

/* Two neighbours become one that covers both and all between. */
static size_t merge_stalest(struct run *list, size_t n)
{
	uint32_t stalest = UINT32_MAX;
	struct run *run = list;

	for (size_t i = 0; i + 1 < n; i++) {
		uint32_t touched = greater(list[i].touched, list[i + 1].touched);

		if (touched >= stalest)
			continue;
		stalest = touched;
		run = &list[i];
	}
	run->last_ms = run[1].last_ms;
	run->count = greater(run->count, run[1].count);
	run->touched = greater(run->touched, run[1].touched);
	memmove(&run[1], &run[2], (size_t)(&list[n] - &run[2]) * sizeof(*list));
	return n - 1;
}

void runs_add(struct runs *runs, uint64_t start_ms, uint32_t step_ms)
{
	struct run list[LEDGER_RUNS_MAX + 2]; /* a run cut in three */
	size_t at = first_not_before(runs, start_ms);
	size_t n = at;
	struct run hit = {start_ms, start_ms, .count = 1, .touched = ++runs->tick};
	bool is_hit = at < runs->n && runs->runs[at].first_ms <= start_ms;

	memcpy(list, runs->runs, at * sizeof(*list));
	if (is_hit) {
		const struct run cut = runs->runs[at++];

		if (cut.count < UINT32_MAX)
			hit.count = cut.count + 1;
		else
			hit.count = cut.count;
		if (cut.first_ms < start_ms)
			list[n++] =
				(struct run){cut.first_ms, start_ms - 1, cut.count, cut.touched};
		list[n++] = hit;
		if (cut.last_ms > start_ms)
			list[n++] = (struct run){start_ms + 1, cut.last_ms, cut.count, cut.touched};
	} else {
		list[n++] = hit;
	}
	memcpy(&list[n], &runs->runs[at], (runs->n - at) * sizeof(*list));
	n = join(list, n + runs->n - at, step_ms);
	while (n > LEDGER_RUNS_MAX)
		n = merge_stalest(list, n);
	memcpy(runs->runs, list, n * sizeof(*list));
	runs->n = (uint32_t)n;
}

size_t runs_encode(const struct runs *runs, uint8_t ret[static RUNS_ENCODED_MAX])
{
	uint8_t *at = ret;
	uint32_t i;

	*at++ = VERSION;
	for (i = 0; i < runs->n; i++) {
		const struct run *run = &runs->runs[i];

		bytes_put_le64(at, run->first_ms);
		bytes_put_le64(at + 8, run->last_ms);
		bytes_put_le32(at + 16, run->count);
		at += ENCODED_RUN;
	}
	return (size_t)(at - ret);
}

static struct run decode_run(const uint8_t *at)
{
	return (struct run){bytes_le64(at), bytes_le64(at + 8), bytes_le32(at + 16), 0};
}

bool runs_decode(const uint8_t *data, size_t len, struct runs *ret)
{
	struct runs runs = {.n = 0};
	size_t i;

	if (len < 1 || data[0] != VERSION || (len - 1) % ENCODED_RUN != 0)
		return false;
	if ((len - 1) / ENCODED_RUN > LEDGER_RUNS_MAX)
		return false;
	for (i = 0; i < (len - 1) / ENCODED_RUN; i++) {
		struct run run = decode_run(data + 1 + i * ENCODED_RUN);

		if (run.count == 0 || run.last_ms < run.first_ms)
			return false;
		if (i > 0 && run.first_ms <= runs.runs[i - 1].last_ms)
			return false;
		runs.runs[i] = run;
		runs.n++;
	}
	*ret = runs;
	return true;
}
