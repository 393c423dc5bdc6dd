/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define START_MS      1000000       /* of the monotonic clock */
#define START_WALL_MS 1795378530000 /* true time then */
#define EVENTS_MAX    4000000       /* of a schedule: more is a storm, or a loop that spins */
#define TRACE_LINES   20000
#define LINE_LEN      200

struct event {
	int64_t at_ms;
	uint64_t order; /* equal times: first come, first served */
	const struct host *host;
	world_fn *fn;
	void *ctx;
	uint64_t arg;
	bool owns_ctx;
};

static struct {
	int64_t now_ms;
	uint64_t random[2];
	uint64_t order;
	const struct host *host;
	struct event *heap; /* kept from schedule to schedule */
	size_t n;
	size_t cap;
	char failure[LINE_LEN];
	bool is_traced;
	uint64_t n_lines;
	char lines[TRACE_LINES][LINE_LEN];
} world;

static uint64_t split_mix(uint64_t *state)
{
	uint64_t x = *state += 0x9E3779B97F4A7C15;

	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
	x = (x ^ x >> 27) * 0x94D049BB133111EB;
	return x ^ x >> 31;
}

void world_begin(uint64_t seed, bool is_traced)
{
	assert(world.n == 0);
	world.now_ms = START_MS;
	world.random[0] = split_mix(&seed);
	world.random[1] = split_mix(&seed) | 1;
	world.order = 0;
	world.host = NULL;
	world.failure[0] = '\0';
	world.is_traced = is_traced;
	world.n_lines = 0;
}

void world_end(void)
{
	for (size_t i = 0; i < world.n; i++)
		if (world.heap[i].owns_ctx)
			free(world.heap[i].ctx);
	world.n = 0;
}

void world_free(void)
{
	free(world.heap);
	world.heap = NULL;
	world.cap = 0;
}

int64_t world_now_ms(void)
{
	return world.now_ms;
}

uint64_t world_wall_ms(void)
{
	int64_t true_ms = START_WALL_MS + world.now_ms - START_MS;

	return (uint64_t)(true_ms + (world.host ? world.host->wall_ahead_ms : 0));
}

const struct host *world_host(void)
{
	return world.host;
}

const struct host *world_enter(const struct host *host)
{
	const struct host *before = world.host;

	world.host = host;
	return before;
}

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_push(const struct event *event)
{
	size_t i = world.n++;

	if (i == world.cap) {
		world.cap = world.cap ? world.cap * 2 : 1024;
		world.heap = realloc(world.heap, world.cap * sizeof(*world.heap));
		assert(world.heap);
	}
	for (; i > 0 && is_before(event, &world.heap[(i - 1) / 2]); i = (i - 1) / 2)
		world.heap[i] = world.heap[(i - 1) / 2];
	world.heap[i] = *event;
}

static struct event heap_pop(void)
{
	struct event first = world.heap[0];
	struct event last = world.heap[--world.n];
	size_t i = 0;

	for (size_t child = 1; child < world.n; child = 2 * i + 1) {
		child += child + 1 < world.n &&
			 is_before(&world.heap[child + 1], &world.heap[child]);
		if (!is_before(&world.heap[child], &last))
			break;
		world.heap[i] = world.heap[child];
		i = child;
	}
	world.heap[i] = last;
	return first;
}

static void post(const struct host *host, int64_t delay_ms, struct event event)
{
	event.host = host;
	event.at_ms = world.now_ms + (delay_ms > 0 ? delay_ms : 0);
	event.order = world.order++;
	heap_push(&event);
}

void world_after(const struct host *host, int64_t delay_ms, world_fn *fn, void *ctx, uint64_t arg)
{
	post(host, delay_ms, (struct event){.fn = fn, .ctx = ctx, .arg = arg});
}

void world_after_with(
	const struct host *host, int64_t delay_ms, world_fn *fn, void *ctx, uint64_t arg)
{
	post(host, delay_ms, (struct event){.fn = fn, .ctx = ctx, .arg = arg, .owns_ctx = true});
}

void world_run(int64_t until_ms)
{
	const struct host *before = world.host;

	while (world.n > 0 && world.heap[0].at_ms <= until_ms && !world_has_failed()) {
		struct event event = heap_pop();

		world.now_ms = event.at_ms;
		world.host = event.host;
		event.fn(event.ctx, event.arg);
		if (event.owns_ctx)
			free(event.ctx);
		if (world.order > EVENTS_MAX)
			world_fail("more than %d events: something spins", EVENTS_MAX);
	}
	if (world.now_ms < until_ms)
		world.now_ms = until_ms;
	world.host = before;
}

/* xorshift128+ (Vigna 2014) */
uint64_t world_random(void)
{
	uint64_t x = world.random[0], y = world.random[1];

	world.random[0] = y;
	x ^= x << 23;
	world.random[1] = x ^ y ^ x >> 17 ^ y >> 26;
	return world.random[1] + y;
}

uint64_t world_below(uint64_t n)
{
	return n ? world_random() % n : 0;
}

int64_t world_between(int64_t least, int64_t most)
{
	return least + (int64_t)world_below((uint64_t)(most - least) + 1);
}

bool world_chance(unsigned per_mille)
{
	return per_mille > 0 && world_below(1000) < per_mille;
}

void world_fail(const char *fmt, ...)
{
	va_list args;

	if (world_has_failed())
		return;
	va_start(args, fmt);
	vsnprintf(world.failure, sizeof(world.failure), fmt, args);
	va_end(args);
	world_trace("FAILED: %s", world.failure);
}

bool world_has_failed(void)
{
	return world.failure[0] != '\0';
}

const char *world_failure(void)
{
	return world.failure;
}

bool world_is_traced(void)
{
	return world.is_traced;
}

void world_trace(const char *fmt, ...)
{
	char *line = world.lines[world.n_lines % TRACE_LINES];
	va_list args;
	int len;

	if (!world.is_traced)
		return;
	world.n_lines++;
	len = snprintf(line, LINE_LEN, "%10.3f  ", (double)(world.now_ms - START_MS) / 1000);
	va_start(args, fmt);
	vsnprintf(line + len, (size_t)(LINE_LEN - len), fmt, args);
	va_end(args);
}

void world_print_trace(uint64_t max_lines)
{
	uint64_t most = max_lines < TRACE_LINES ? max_lines : TRACE_LINES;
	uint64_t first = world.n_lines > most ? world.n_lines - most : 0;

	if (first)
		printf("  ... %" PRIu64 " earlier lines\n", first);
	for (uint64_t i = first; i < world.n_lines; i++)
		printf("%s\n", world.lines[i % TRACE_LINES]);
}
