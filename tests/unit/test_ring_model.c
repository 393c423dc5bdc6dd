/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/ring */
/*
 * The ring beside a plain list, over random schedules. The list knows neither bytes nor wrapping:
 * what a push evicts is read from the ring, and must be a stretch of the oldest.
 */
#include "ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ITEM_MAX   1232
#define MODEL_MAX  32768
#define N_RUNS     24
#define N_STEPS    4000
#define DELAY_MAX  200
#define TRIES_MAX  4
#define DATA_PRIME 251

struct model_item {
	uint64_t sequence;
	size_t len;
	int64_t due_ms;
	uint32_t tries;
	bool is_acknowledged;
};

/* items[first … n): what the ring still has, and among it what is acknowledged out of order. */
struct model {
	struct model_item items[MODEL_MAX];
	size_t first;
	size_t n;
	uint64_t evicted_datagrams;
	uint64_t evicted_bytes;
	int64_t now_ms;
};

static struct model model;
static struct ring *ring;
static uint64_t seed = 4;

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(seed >> 33) % below;
}

static uint8_t byte_of(uint64_t sequence, size_t i)
{
	return (uint8_t)((sequence * 7 + i) % DATA_PRIME);
}

static uint64_t next_sequence(void)
{
	return model.n + 1;
}

static void skip_acknowledged(void)
{
	while (model.first < model.n && model.items[model.first].is_acknowledged)
		model.first++;
}

static struct model_item *model_find(uint64_t sequence)
{
	if (sequence <= model.first || sequence > model.n)
		return NULL;
	return &model.items[sequence - 1];
}

static void do_push(void)
{
	struct model_item *item = &model.items[model.n];
	uint8_t data[ITEM_MAX];
	bool had_room;
	uint64_t oldest;

	*item = (struct model_item){.sequence = next_sequence(),
		.len = draw(4) ? draw(200) : draw(ITEM_MAX + 1),
		.due_ms = model.now_ms + draw(DELAY_MAX)};
	for (size_t i = 0; i < item->len; i++)
		data[i] = byte_of(item->sequence, i);
	had_room = ring_has_room(ring, item->len);
	ring_push(ring, &(struct ring_item){.sequence = item->sequence,
				.data = data,
				.len = item->len,
				.row_bytes = item->sequence * 10,
				.due_ms = item->due_ms});
	model.n++;
	oldest = ring_oldest(ring, next_sequence());
	if (had_room)
		assert_true(model.first == model.n || oldest == model.items[model.first].sequence);
	for (; model.first + 1 < oldest; model.first++) {
		if (model.items[model.first].is_acknowledged)
			continue;
		model.evicted_datagrams++;
		model.evicted_bytes += model.items[model.first].sequence * 10;
	}
}

/* Mostly one that is here, sometimes one that was or will be. */
static uint64_t some_sequence(void)
{
	return model.first + draw((uint32_t)(model.n - model.first) + 2);
}

static void do_acknowledge(void)
{
	uint64_t sequence = some_sequence();
	struct model_item *item = model_find(sequence);
	bool is_here = item && !item->is_acknowledged;

	assert_int_equal(ring_acknowledge(ring, sequence), is_here);
	if (is_here)
		item->is_acknowledged = true;
	skip_acknowledged();
}

static void do_acknowledge_up_to(void)
{
	uint64_t sequence = model.first + draw(8);

	ring_acknowledge_up_to(ring, sequence);
	while (model.first < model.n && model.items[model.first].sequence <= sequence)
		model.first++;
	skip_acknowledged();
}

static void do_hurry(void)
{
	uint32_t max_tries = draw(TRIES_MAX);

	ring_hurry(ring, model.now_ms, max_tries);
	for (size_t i = model.first; i < model.n; i++) {
		struct model_item *item = &model.items[i];

		if (item->tries > max_tries)
			continue;
		if (item->due_ms > model.now_ms)
			item->due_ms = model.now_ms;
		if (item->tries > 1)
			item->tries = 1;
	}
}

static const struct model_item *model_next(uint32_t max_tries, int64_t *ret_due_ms)
{
	const struct model_item *next = NULL;

	*ret_due_ms = INT64_MAX;
	for (size_t i = model.first; i < model.n; i++) {
		const struct model_item *item = &model.items[i];

		if (item->is_acknowledged || item->tries > max_tries)
			continue;
		if (item->due_ms < *ret_due_ms)
			*ret_due_ms = item->due_ms;
		if (!next && item->due_ms <= model.now_ms)
			next = item;
	}
	return next;
}

/* Sends what is next, if anything is. */
static void do_send(void)
{
	uint32_t max_tries = draw(TRIES_MAX);
	int64_t due_ms;
	struct model_item *next = (struct model_item *)model_next(max_tries, &due_ms);
	struct ring_item item;

	assert_int_equal(ring_due_ms(ring, max_tries), due_ms);
	assert_int_equal(ring_next_due(ring, model.now_ms, max_tries, &item), next != NULL);
	if (!next)
		return;
	assert_int_equal(item.sequence, next->sequence);
	assert_int_equal(item.len, next->len);
	assert_int_equal(item.tries, next->tries);
	assert_int_equal(item.row_bytes, next->sequence * 10);
	for (size_t i = 0; i < item.len; i++)
		assert_int_equal(item.data[i], byte_of(item.sequence, i));
	next->tries++;
	next->due_ms = model.now_ms + draw(DELAY_MAX);
	ring_mark_sent(ring, next->sequence, next->due_ms);
}

static void check(void)
{
	bool is_empty = model.first == model.n;

	assert_int_equal(ring_is_empty(ring), is_empty);
	assert_int_equal(ring_oldest(ring, next_sequence()),
		is_empty ? next_sequence() : model.items[model.first].sequence);
	assert_int_equal(ring_stats(ring)->evicted_datagrams, model.evicted_datagrams);
	assert_int_equal(ring_stats(ring)->evicted_bytes, model.evicted_bytes);
}

static void step(unsigned run)
{
	model.now_ms += draw(20);
	switch (draw(8 + run % 8)) {
	case 0:
	case 1:
		do_acknowledge();
		break;
	case 2:
		do_acknowledge_up_to();
		break;
	case 3:
		do_hurry();
		break;
	case 4:
	case 5:
		do_send();
		break;
	default:
		do_push();
	}
}

static void the_ring_agrees_with_a_list_over_random_schedules(void **state)
{
	uint64_t n_evicted = 0;

	(void)state;
	for (unsigned run = 0; run < N_RUNS; run++) {
		model = (struct model){0};
		ring = ring_new(1500 + draw(run % 2 ? 4000 : 40000));
		for (unsigned i = 0; i < N_STEPS; i++) {
			step(run);
			check();
		}
		n_evicted += model.evicted_datagrams;
		ring_free(ring);
	}
	assert_true(n_evicted > N_STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ring_agrees_with_a_list_over_random_schedules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
