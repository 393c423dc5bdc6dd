/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/ledger_runs */
#include "ledger_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEP_MS 10000

static struct runs runs;

static int set_up(void **state)
{
	(void)state;
	memset(&runs, 0, sizeof(runs));
	return 0;
}

static void add(uint64_t interval)
{
	runs_add(&runs, interval * STEP_MS, STEP_MS);
}

static uint32_t count_of(uint64_t interval)
{
	return runs_count(&runs, interval * STEP_MS);
}

/* Each second interval came in two commits: as many runs as intervals. */
static void add_ragged(uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++) {
		add(i);
		if (i % 2)
			add(i);
	}
}

static void neighbours_with_the_same_count_are_one_run(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		add(i);
	assert_int_equal(runs.n, 1);
	assert_int_equal(count_of(999), 1);
	assert_int_equal(count_of(1000), 0);
}

static void a_commit_within_a_run_raises_its_interval_alone(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		add(i);
	add(5);
	assert_int_equal(count_of(4), 1);
	assert_int_equal(count_of(5), 2);
	assert_int_equal(count_of(6), 1);
	assert_int_equal(runs.n, 3);
}

static void a_long_history_keeps_to_its_bound_and_no_count_falls(void **state)
{
	(void)state;
	add_ragged(0, 1000);
	assert_int_equal(runs.n, LEDGER_RUNS_MAX);
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(count_of(i) == 2 || (i % 2 == 0 && count_of(i) == 1));
	assert_int_equal(count_of(998), 1);
}

/* Seed 20274376 of the simulator: after 999 intervals its rows had no place left. */
static void a_clock_that_is_behind_does_not_raise_what_lies_before_it(void **state)
{
	(void)state;
	add_ragged(0, 5000);
	for (uint64_t i = 0; i < 4000; i++) {
		assert_true(count_of(i) <= 2);
		add(i);
		if (i % 3 == 0)
			add(5000 + i); /* of another probe of the same name, whose clock is right */
	}
}

static void two_clocks_that_are_behind_do_not_raise_each_others(void **state)
{
	(void)state;
	add_ragged(0, 5000);
	for (uint64_t i = 0; i < 2000; i++) {
		assert_true(count_of(i) <= 2);
		add(i);
		assert_true(count_of(2500 + i) <= 2);
		add(2500 + i);
		add_ragged(5000 + i, 1);
	}
}

static void after_a_load_the_oldest_are_merged_first(void **state)
{
	uint8_t encoded[RUNS_ENCODED_MAX];
	size_t len;

	(void)state;
	add_ragged(0, LEDGER_RUNS_MAX);
	len = runs_encode(&runs, encoded);
	assert_true(runs_decode(encoded, len, &runs));
	add(1000);
	assert_int_equal(runs.n, LEDGER_RUNS_MAX);
	assert_int_equal(count_of(0), 2);
	assert_int_equal(count_of(2), 1);
	assert_int_equal(count_of(1000), 1);
}

#define N_STARTS 300

static void no_interval_gets_a_count_twice(void **state)
{
	uint32_t last[N_STARTS];

	(void)state;
	srandom(7);
	for (unsigned round = 0; round < 50; round++) {
		memset(&runs, 0, sizeof(runs));
		memset(last, 0, sizeof(last));
		for (unsigned i = 0; i < 1000; i++) {
			unsigned at = (unsigned)random() % N_STARTS;
			uint32_t k = count_of(at);

			assert_true(last[at] == 0 || k >= last[at]);
			last[at] = k + 1;
			add(at);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(neighbours_with_the_same_count_are_one_run),
		TEST(a_commit_within_a_run_raises_its_interval_alone),
		TEST(a_long_history_keeps_to_its_bound_and_no_count_falls),
		TEST(a_clock_that_is_behind_does_not_raise_what_lies_before_it),
		TEST(two_clocks_that_are_behind_do_not_raise_each_others),
		TEST(after_a_load_the_oldest_are_merged_first),
		TEST(no_interval_gets_a_count_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
