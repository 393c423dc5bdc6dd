/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/resend */
#include "resend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_SEEDS   200
#define N_EVENTS  20000
#define DAY_MS    86400000
#define SILENT_MS 20000

static int64_t nominal_ms(uint32_t tries)
{
	int64_t ms = RESEND_FIRST_MS;

	while (--tries > 0 && ms < RESEND_MAX_MS)
		ms *= 2;
	return ms < RESEND_MAX_MS ? ms : RESEND_MAX_MS;
}

static void the_delay_doubles_to_a_minute_with_a_quarter_of_jitter_each_way(void **state)
{
	struct resend resend;

	(void)state;
	for (uint64_t seed = 0; seed < N_SEEDS; seed++) {
		resend_init(&resend, seed, 0);
		for (uint32_t tries = 1; tries <= 10; tries++) {
			int64_t delay = resend_sent(&resend, tries, 1000) - 1000;

			assert_in_range(
				delay, nominal_ms(tries) * 3 / 4, nominal_ms(tries) * 5 / 4);
		}
		assert_in_range(resend_sent(&resend, UINT32_MAX, 0), RESEND_MAX_MS * 3 / 4,
			RESEND_MAX_MS * 5 / 4);
	}
}

static void two_seeds_do_not_speak_in_step(void **state)
{
	struct resend a, b;
	unsigned n_equal = 0;

	(void)state;
	resend_init(&a, 2, 0);
	resend_init(&b, 4, 0);
	for (int i = 0; i < 100; i++)
		n_equal += resend_sent(&a, 5, 0) == resend_sent(&b, 5, 0);
	assert_true(n_equal < 5);
}

static void a_burst_goes_and_then_a_rate(void **state)
{
	struct resend resend;
	int n = 0;

	(void)state;
	resend_init(&resend, 1, 0);
	while (resend_may(&resend, 0))
		n++;
	assert_int_equal(n, RESEND_BURST);
	assert_false(resend_may(&resend, 1000 / RESEND_RATE - 1));
	assert_int_equal(resend_may_at(&resend, 0), 1000 / RESEND_RATE);
	assert_true(resend_may(&resend, 1000 / RESEND_RATE));
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(*seed >> 33) % below;
}

/* Each window is bounded where every one is that begins and ends with a datagram. */
static void no_window_has_more_than_a_burst_and_the_rate(void **state)
{
	static int64_t went_ms[N_EVENTS];
	struct resend resend;
	uint64_t seed = 1;
	int64_t now_ms = 0;
	size_t n = 0;

	(void)state;
	resend_init(&resend, 1, 0);
	for (int i = 0; i < N_EVENTS; i++) {
		now_ms += draw(&seed, 50) ? draw(&seed, 6) : draw(&seed, 4000);
		if (resend_may(&resend, now_ms))
			went_ms[n++] = now_ms;
	}
	assert_true(n > 1000);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + RESEND_BURST; k < n && k < i + 1000; k++)
			assert_true((int64_t)(k - i + 1) <=
				    RESEND_BURST + (went_ms[k] - went_ms[i]) * RESEND_RATE / 1000);
}

/* Three rounds that nobody answers, the last at the returned time. */
static int64_t fall_silent(struct resend *resend)
{
	int64_t now_ms = 0;

	for (int i = 0; i < RESEND_PATIENCE; i++) {
		now_ms += RESEND_FIRST_MS;
		assert_true(resend_may(resend, now_ms));
		resend_sent(resend, 2, now_ms);
	}
	return now_ms;
}

static void a_first_sending_is_no_round(void **state)
{
	struct resend resend;

	(void)state;
	resend_init(&resend, 1, 0);
	for (int i = 1; i < 100; i++)
		resend_sent(&resend, 1, i * 10000);
	assert_int_equal(resend.fruitless, 0);
	assert_false(resend_take_path(&resend));
}

static void many_datagrams_at_once_are_one_round(void **state)
{
	struct resend resend;

	(void)state;
	resend_init(&resend, 1, 0);
	for (int i = 0; i < 50; i++)
		resend_sent(&resend, 2, 5000 + i * 50);
	assert_int_equal(resend.fruitless, 1);
	resend_sent(&resend, 2, 5000 + RESEND_ROUND_MIN_MS);
	assert_int_equal(resend.fruitless, 2);
}

static void the_third_fruitless_round_asks_for_a_path_once(void **state)
{
	struct resend resend;

	(void)state;
	resend_init(&resend, 1, 0);
	fall_silent(&resend);
	assert_true(resend_take_path(&resend));
	assert_false(resend_take_path(&resend));
}

/* As often as it may, for a day: how often it went, and how often a path was wanted. */
static unsigned send_all_day(struct resend *resend, int64_t from_ms, unsigned *ret_n_paths)
{
	int64_t last_ms = from_ms, now_ms = from_ms;
	unsigned n = 0;

	*ret_n_paths = 0;
	while (now_ms < DAY_MS) {
		if (!resend_may(resend, now_ms)) {
			int64_t at_ms = resend_may_at(resend, now_ms);

			assert_true(at_ms > now_ms);
			now_ms = at_ms;
			continue;
		}
		assert_in_range(
			now_ms - last_ms, RESEND_FIRST_MS * 3 / 4, RESEND_MAX_MS * 5 / 4 + 20);
		resend_sent(resend, 2, now_ms);
		*ret_n_paths += resend_take_path(resend);
		last_ms = now_ms;
		n++;
	}
	return n;
}

static void in_silence_one_goes_at_a_time(void **state)
{
	struct resend resend;
	unsigned n, n_paths;

	(void)state;
	resend_init(&resend, 1, 0);
	n = send_all_day(&resend, fall_silent(&resend), &n_paths);
	assert_in_range(n, DAY_MS / (RESEND_MAX_MS * 5 / 4), DAY_MS / (RESEND_MAX_MS * 3 / 4));
}

static void in_silence_each_third_round_asks_for_a_path(void **state)
{
	struct resend resend;
	unsigned n, n_paths;
	int64_t now_ms;

	(void)state;
	resend_init(&resend, 1, 0);
	now_ms = fall_silent(&resend);
	assert_true(resend_take_path(&resend));
	n = send_all_day(&resend, now_ms, &n_paths);
	assert_int_equal(n_paths, n / RESEND_PATIENCE);
}

static void an_answer_ends_the_silence(void **state)
{
	struct resend resend;
	int64_t now_ms;
	int n = 0;

	(void)state;
	resend_init(&resend, 1, 0);
	assert_false(resend_heard(&resend));
	now_ms = fall_silent(&resend);
	assert_false(resend_may(&resend, now_ms));
	assert_true(resend_heard(&resend));
	assert_false(resend_heard(&resend));
	assert_false(resend_take_path(&resend));
	while (resend_may(&resend, now_ms + SILENT_MS))
		n++;
	assert_int_equal(n, RESEND_BURST);
}

static void at_the_end_silence_lets_one_go_each_time_that_it_is_asked(void **state)
{
	struct resend resend;
	int64_t now_ms;

	(void)state;
	resend_init(&resend, 1, 0);
	now_ms = fall_silent(&resend);
	for (int i = 0; i < 5; i++) {
		now_ms += RESEND_ROUND_MIN_MS / 2;
		resend_hurry(&resend, now_ms);
		assert_true(resend_may(&resend, now_ms));
		resend_sent(&resend, 2, now_ms);
		assert_false(resend_may(&resend, now_ms + 1));
	}
}

/* Sends whatever may go in a second. How many went. */
static unsigned send_for_a_second(struct resend *resend, int64_t from_ms)
{
	unsigned n = 0;

	for (int64_t now_ms = from_ms; now_ms < from_ms + 1000; now_ms++) {
		while (resend_may(resend, now_ms)) {
			resend_sent(resend, 2, now_ms);
			n++;
		}
	}
	return n;
}

static void at_the_end_an_answer_brings_haste_until_a_second_round_brings_none(void **state)
{
	const unsigned calm = RESEND_BURST + RESEND_RATE, hasty = RESEND_RATE * RESEND_HASTE;
	struct resend resend;

	(void)state;
	resend_init(&resend, 1, 0);
	resend_heard(&resend);
	assert_in_range(send_for_a_second(&resend, 0), RESEND_RATE, calm);
	resend_hurry(&resend, 1000);
	assert_in_range(send_for_a_second(&resend, 1000), RESEND_RATE - 1, calm);
	assert_true(resend_heard(&resend));
	assert_in_range(send_for_a_second(&resend, 2000), hasty - 100, hasty + RESEND_BURST);
	assert_in_range(send_for_a_second(&resend, 3000), hasty - 100, hasty + RESEND_BURST);
	(void)send_for_a_second(&resend, 3000 + RESEND_ROUND_MIN_MS);
	assert_in_range(send_for_a_second(&resend, 4000 + RESEND_ROUND_MIN_MS), 0, calm);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_delay_doubles_to_a_minute_with_a_quarter_of_jitter_each_way),
		TEST(two_seeds_do_not_speak_in_step),
		TEST(a_burst_goes_and_then_a_rate),
		TEST(no_window_has_more_than_a_burst_and_the_rate),
		TEST(a_first_sending_is_no_round),
		TEST(many_datagrams_at_once_are_one_round),
		TEST(the_third_fruitless_round_asks_for_a_path_once),
		TEST(in_silence_one_goes_at_a_time),
		TEST(in_silence_each_third_round_asks_for_a_path),
		TEST(an_answer_ends_the_silence),
		TEST(at_the_end_silence_lets_one_go_each_time_that_it_is_asked),
		TEST(at_the_end_an_answer_brings_haste_until_a_second_round_brings_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
