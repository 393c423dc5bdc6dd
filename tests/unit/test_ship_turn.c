/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/ship_turn collector/retry */
#include "ship_turn.h"

#include "retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_MAX 400

/* A spool whose bodies are but an id each, and a database that takes what it is told to. */
struct spool {
	bool is_there[N_MAX + 1];
	bool is_poison[N_MAX + 1];
	unsigned n_cuts[N_MAX + 1]; /* its turns of which a rest is left */
	bool is_away;
	struct ship_turn turn;
	int64_t now_ms;
	int64_t order[4 * N_MAX]; /* as they were taken, or cut */
	size_t n_taken;
	unsigned n_failed;
};

static int give(int64_t id, struct spool_body *ret)
{
	*ret = (struct spool_body){.id = id, .data = malloc(1)};
	return 1;
}

int spool_next(struct spool *s, int64_t after, struct spool_body *ret, char err[static ERR_LEN])
{
	(void)err;
	for (int64_t id = after + 1; id <= N_MAX; id++)
		if (s->is_there[id])
			return give(id, ret);
	return 0;
}

int spool_newest(struct spool *s, int64_t after, struct spool_body *ret, char err[static ERR_LEN])
{
	(void)err;
	for (int64_t id = N_MAX; id > after; id--)
		if (s->is_there[id])
			return give(id, ret);
	return 0;
}

static uint64_t n_left(const struct spool *s)
{
	uint64_t n = 0;

	for (size_t id = 1; id <= N_MAX; id++)
		n += s->is_there[id];
	return n;
}

/* The id of what was posted; 0: nothing. It is put behind at its first failure, a second passes. */
static int64_t post(struct spool *s)
{
	struct spool_body body = {0};
	char err[ERR_LEN];

	if (ship_turn_read(&s->turn, s, s->now_ms, &body, err) == 0)
		return 0;
	free(body.data);
	if (s->is_away || s->is_poison[body.id]) {
		assert_true(++s->n_failed < 10000); /* or it goes on for ever */
		ship_turn_behind(&s->turn, body.id, s->now_ms, (uint64_t)rand());
		s->now_ms += 1000;
		return body.id;
	}
	s->order[s->n_taken++] = body.id;
	ship_turn_taken(&s->turn, body.id, true);
	s->is_there[body.id] = s->n_cuts[body.id] > 0;
	ship_turn_settled(&s->turn, n_left(s));
	if (s->n_cuts[body.id] > 0) {
		s->n_cuts[body.id]--;
		ship_turn_rest(&s->turn, body.id);
	}
	return body.id;
}

static void post_times(struct spool *s, unsigned n)
{
	while (n-- > 0)
		assert_int_not_equal(post(s), 0);
}

static struct spool *spool_of(size_t n)
{
	struct spool *s = calloc(1, sizeof(*s));

	s->now_ms = 1000;
	for (size_t id = 1; id <= n; id++)
		s->is_there[id] = true;
	return s;
}

static void outage(struct spool *s, unsigned n_posts)
{
	s->is_away = true;
	post_times(s, n_posts);
	s->is_away = false;
}

static int64_t oldest(const struct spool *s)
{
	int64_t id = 1;

	while (!s->is_there[id])
		id++;
	return id;
}

/* But for the first one, whose turn it was as the outage ended. */
static void assert_oldest_first(struct spool *s, unsigned n)
{
	post_times(s, 1);
	for (; n > 1; n--) {
		int64_t id = oldest(s);

		assert_int_equal(post(s), id);
	}
}

static void an_outage_leaves_the_order_as_it_was(void **state)
{
	struct spool *s = spool_of(30);

	(void)state;
	outage(s, 12);
	assert_oldest_first(s, 30);
	free(s);
}

static void one_that_goes_round_leaves_it_as_well(void **state)
{
	struct spool *s = spool_of(5);

	(void)state;
	outage(s, 23);
	assert_oldest_first(s, 5);
	free(s);
}

static void one_while_the_last_one_is_made_up_for_leaves_it_as_well(void **state)
{
	struct spool *s = spool_of(60);

	(void)state;
	outage(s, 30);
	for (unsigned i = 0; i < 5; i++) {
		assert_oldest_first(s, 4);
		outage(s, 6);
		s->now_ms += RETRY_DELAY_BEHIND_MAX_MS;
	}
	assert_oldest_first(s, 40);
	assert_int_equal(s->n_taken, 60);
	free(s);
}

static void new_bodies_have_their_turns_after_an_outage(void **state)
{
	static const int64_t expected[] = {8, 1, 7, 2, 3, 4, 5, 6};
	struct spool *s = spool_of(6);

	(void)state;
	outage(s, 4);
	s->is_there[7] = s->is_there[8] = true;
	post_times(s, 8);
	assert_memory_equal(s->order, expected, sizeof(expected));
	free(s);
}

static void what_fails_while_others_are_taken_waits_twice_as_long_each_time(void **state)
{
	struct spool *s = spool_of(1);

	(void)state;
	s->is_poison[1] = true;
	for (int64_t id = 2; id <= 300; id++) { /* one a second */
		s->is_there[id] = true;
		while (post(s) != 0)
			;
		assert_false(s->is_there[id]); /* none waits for the one that does */
		assert_true(s->turn.due_ms > s->now_ms);
		assert_true(s->turn.due_ms <= s->now_ms + RETRY_DELAY_BEHIND_MAX_MS);
		s->now_ms += 1000;
	}
	assert_in_range(s->n_failed, 10, 40); /* every half minute at the most, with jitter */
	free(s);
}

static void what_is_alone_does_not_wait_for_others_to_be_taken(void **state)
{
	struct spool *s = spool_of(1);

	(void)state;
	outage(s, 50);
	assert_int_equal(s->now_ms, 51000);
	assert_int_equal(post(s), 1);
	free(s);
}

static void a_failure_is_its_own_where_others_are_taken(void **state)
{
	struct spool *s = spool_of(3);

	(void)state;
	s->is_poison[1] = true;
	assert_int_equal(post(s), 1);
	assert_false(ship_turn_is_suspect(&s->turn, 1)); /* none was */
	assert_int_equal(post(s), 3);
	assert_true(ship_turn_is_suspect(&s->turn, 2));
	ship_turn_behind(&s->turn, 2, s->now_ms, 0);
	assert_false(ship_turn_is_suspect(&s->turn, 2));
	assert_true(ship_turn_is_suspect(&s->turn, 1)); /* since it failed */
	free(s);
}

/* It is there, but may take nothing from anybody. */
static void a_refusal_makes_no_failure_the_bodys_own(void **state)
{
	struct spool *s = spool_of(3);

	(void)state;
	s->is_poison[1] = true;
	assert_int_equal(post(s), 1);
	ship_turn_taken(&s->turn, 3, false);
	assert_false(ship_turn_is_suspect(&s->turn, 1));
	assert_false(ship_turn_is_suspect(&s->turn, 3));
	free(s);
}

/* More of them than can be held, so that nothing but the order protects the others. */
static void bodies_that_are_never_taken_cost_three_turns_a_round_at_most(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 300; i++) {
		struct spool *s = spool_of(N_MAX);
		int one_in = 2 + i % 20;
		size_t n_poison = 0;

		for (size_t id = 1; id <= N_MAX; id++)
			n_poison += s->is_poison[id] = i % 3 ? rand() % one_in == 0 : id < 200;
		while (n_left(s) > n_poison)
			assert_int_not_equal(post(s), 0);
		assert_true(s->n_failed <= 3 * n_poison);
		free(s);
	}
}

static void a_rest_has_its_turn_behind_the_others(void **state)
{
	static const int64_t expected[] = {1, 6, 2, 5, 3, 4, 1, 1, 1};
	struct spool *s = spool_of(6);

	(void)state;
	s->n_cuts[1] = 3;
	post_times(s, 9);
	assert_memory_equal(s->order, expected, sizeof(expected));
	free(s);
}

/* Bodies without an end: no more than three turns each until all others were taken. */
static void rests_cost_three_turns_a_round_at_most(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 300; i++) {
		struct spool *s = spool_of(N_MAX);
		size_t n_cut = 0;

		for (size_t id = 1; id <= N_MAX; id++)
			if (rand() % (2 + i % 20) == 0 && ++n_cut)
				s->n_cuts[id] = 1000;
		outage(s, (unsigned)(rand() % 2 ? rand() % N_MAX : 0));
		while (n_left(s) > n_cut)
			assert_int_not_equal(post(s), 0);
		assert_true(s->n_taken <= N_MAX - n_cut + 3 * n_cut);
		free(s);
	}
}

static void what_is_new_has_its_turn_after_each_cut(void **state)
{
	struct spool *s = spool_of(40);

	(void)state;
	for (size_t id = 1; id <= 30; id++)
		s->n_cuts[id] = 1;
	for (int64_t id = 41; id <= 60; id++) { /* as each cut ends */
		assert_true(post(s) <= 40);
		s->is_there[id] = true;
		assert_int_equal(post(s), id);
	}
	free(s);
}

static void what_an_outage_put_behind_goes_before_others_though_a_cut_ended_it(void **state)
{
	static const int64_t expected[] = {5, 6, 1, 2, 3, 4, 5, 7, 8};
	struct spool *s = spool_of(8);

	(void)state;
	s->turn.newest_after_id = 8; /* none is new */
	outage(s, 4);
	s->n_cuts[5] = 1;
	post_times(s, 9);
	assert_memory_equal(s->order, expected, sizeof(expected));
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_outage_leaves_the_order_as_it_was),
		cmocka_unit_test(one_that_goes_round_leaves_it_as_well),
		cmocka_unit_test(one_while_the_last_one_is_made_up_for_leaves_it_as_well),
		cmocka_unit_test(new_bodies_have_their_turns_after_an_outage),
		cmocka_unit_test(what_fails_while_others_are_taken_waits_twice_as_long_each_time),
		cmocka_unit_test(what_is_alone_does_not_wait_for_others_to_be_taken),
		cmocka_unit_test(a_failure_is_its_own_where_others_are_taken),
		cmocka_unit_test(a_refusal_makes_no_failure_the_bodys_own),
		cmocka_unit_test(bodies_that_are_never_taken_cost_three_turns_a_round_at_most),
		cmocka_unit_test(a_rest_has_its_turn_behind_the_others),
		cmocka_unit_test(rests_cost_three_turns_a_round_at_most),
		cmocka_unit_test(what_is_new_has_its_turn_after_each_cut),
		cmocka_unit_test(
			what_an_outage_put_behind_goes_before_others_though_a_cut_ended_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
