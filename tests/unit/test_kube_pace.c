/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/kube_pace collector/retry */
#include "kube_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LEAST_MS 500

static const struct kube_pace listing = {.stage = KUBE_LISTING};
static const struct kube_pace watching = {.stage = KUBE_WATCHING};

/* Is the next question a new list? */
static bool is_anew(struct kube_pace pace, enum kube_trouble trouble)
{
	const enum kube_stage before = pace.stage;
	bool ret = false;

	kube_pace_failed(&pace, trouble, 0, -1, 0, &ret);
	assert_int_equal(pace.stage, ret ? KUBE_LISTING : before);
	return ret;
}

static void each_status_is_one_trouble(void **state)
{
	(void)state;
	for (int status = 1; status < 1000; status++) {
		enum kube_trouble trouble = kube_pace_trouble(status);

		assert_int_equal(trouble == KUBE_TROUBLE_NONE, status == 200);
		assert_int_equal(trouble == KUBE_TROUBLE_UNAUTHORIZED, status == 401);
		assert_int_equal(trouble == KUBE_TROUBLE_FORBIDDEN, status == 403);
		assert_int_equal(trouble == KUBE_TROUBLE_EXPIRED, status == 410);
		assert_int_equal(trouble == KUBE_TROUBLE_BUSY,
			status == 429 || (status >= 502 && status <= 504));
	}
	assert_int_equal(kube_pace_trouble(0), KUBE_TROUBLE_UNREACHABLE);
	assert_int_equal(kube_pace_trouble(500), KUBE_TROUBLE_FAILED);
}

static void only_what_the_server_no_longer_knows_or_nobody_can_read_begins_a_list(void **state)
{
	(void)state;
	for (enum kube_trouble t = KUBE_TROUBLE_UNREACHABLE; t <= KUBE_TROUBLE_FAILED; t++) {
		bool is_lost = t == KUBE_TROUBLE_EXPIRED || t == KUBE_TROUBLE_UNDECODABLE ||
			       t == KUBE_TROUBLE_FAILED;

		assert_int_equal(is_anew(listing, t), is_lost);
		assert_int_equal(is_anew(watching, t), is_lost || t == KUBE_TROUBLE_FORBIDDEN);
	}
}

static int64_t failed(struct kube_pace *pace, enum kube_trouble trouble, int64_t lasted_ms)
{
	bool unused;

	return kube_pace_failed(pace, trouble, lasted_ms, -1, 0, &unused);
}

/* The pause's bound after the next failure, found by trying random bits. */
static int64_t bound_ms(const struct kube_pace *pace, enum kube_trouble trouble)
{
	int64_t most = 0;

	for (uint64_t random = 0; random < 70000; random++) {
		struct kube_pace next = *pace;
		bool unused;
		int64_t ms = kube_pace_failed(&next, trouble, 0, -1, random, &unused);

		assert_true(ms >= LEAST_MS);
		most = ms > most ? ms : most;
	}
	return most;
}

static void failures_in_a_row_double_the_pause_up_to_a_minute(void **state)
{
	static const int64_t bounds_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct kube_pace pace = listing;

	(void)state;
	for (size_t i = 0; i < sizeof(bounds_ms) / sizeof(bounds_ms[0]); i++) {
		assert_int_equal(bound_ms(&pace, KUBE_TROUBLE_BUSY), bounds_ms[i]);
		failed(&pace, KUBE_TROUBLE_BUSY, 0);
	}
	kube_pace_ended(&pace, 0, false);
	assert_int_equal(bound_ms(&pace, KUBE_TROUBLE_BUSY), bounds_ms[0]);
}

static void a_pause_that_is_asked_for_is_kept_where_it_is_longer(void **state)
{
	struct kube_pace pace = listing;
	bool unused;

	(void)state;
	assert_int_equal(kube_pace_failed(&pace, KUBE_TROUBLE_BUSY, 0, 20, 0, &unused), 20000);
	assert_int_equal(kube_pace_failed(&pace, KUBE_TROUBLE_BUSY, 0, 0, 0, &unused), LEAST_MS);
}

static void a_right_that_is_missing_is_asked_for_once_a_minute(void **state)
{
	struct kube_pace pace = watching;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(failed(&pace, KUBE_TROUBLE_FORBIDDEN, 0), KUBE_REFUSED_MS);
	assert_int_equal(pace.stage, KUBE_LISTING);
}

/* Its first page is there each time, and the version it continues is forgotten. */
static void a_list_that_is_always_cut_off_comes_ever_more_slowly(void **state)
{
	struct kube_pace pace = listing;

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(kube_pace_ended(&pace, 5, false), 0);
		failed(&pace, KUBE_TROUBLE_EXPIRED, 5);
	}
	kube_pace_ended(&pace, 5, false);
	assert_int_equal(bound_ms(&pace, KUBE_TROUBLE_EXPIRED), KUBE_DELAY_MAX_MS);
}

/* A list that is whole, and a watch that is refused at once. */
static void only_a_watch_that_lasts_ends_the_slowness(void **state)
{
	struct kube_pace pace = listing;

	(void)state;
	for (int i = 0; i < 10; i++) {
		kube_pace_ended(&pace, 5, true);
		assert_int_equal(pace.stage, KUBE_WATCHING);
		failed(&pace, KUBE_TROUBLE_EXPIRED, KUBE_LASTING_MS - 1);
	}
	kube_pace_ended(&pace, KUBE_LASTING_MS, true);
	assert_int_equal(bound_ms(&pace, KUBE_TROUBLE_EXPIRED), KUBE_DELAY_MAX_MS);
	kube_pace_ended(&pace, KUBE_LASTING_MS, true);
	assert_int_equal(bound_ms(&pace, KUBE_TROUBLE_EXPIRED), 1000);

	pace = (struct kube_pace){.stage = KUBE_WATCHING, .relists = 10};
	failed(&pace, KUBE_TROUBLE_EXPIRED, KUBE_LASTING_MS);
	assert_int_equal(pace.relists, 1);
}

static void pages_and_the_first_watch_follow_at_once_and_a_watch_after_a_second(void **state)
{
	struct kube_pace pace = listing;

	(void)state;
	assert_int_equal(kube_pace_ended(&pace, 0, false), 0);
	assert_int_equal(pace.stage, KUBE_LISTING);
	assert_int_equal(kube_pace_ended(&pace, 0, true), 0);
	assert_int_equal(
		kube_pace_ended(&pace, KUBE_SHORT_WATCH_MS - 1, true), KUBE_SHORT_WATCH_MS);
	assert_int_equal(kube_pace_ended(&pace, KUBE_SHORT_WATCH_MS, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_is_one_trouble),
		cmocka_unit_test(
			only_what_the_server_no_longer_knows_or_nobody_can_read_begins_a_list),
		cmocka_unit_test(failures_in_a_row_double_the_pause_up_to_a_minute),
		cmocka_unit_test(a_pause_that_is_asked_for_is_kept_where_it_is_longer),
		cmocka_unit_test(a_right_that_is_missing_is_asked_for_once_a_minute),
		cmocka_unit_test(a_list_that_is_always_cut_off_comes_ever_more_slowly),
		cmocka_unit_test(only_a_watch_that_lasts_ends_the_slowness),
		cmocka_unit_test(
			pages_and_the_first_watch_follow_at_once_and_a_watch_after_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
