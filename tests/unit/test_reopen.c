/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/reopen */
#include "reopen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define T0 5000000

static struct reopen reopen;

static int begin(void **state)
{
	(void)state;
	reopen_init(&reopen, T0);
	return 0;
}

/* Fails whenever it is due, from now_ms on; the last of n tries. */
static int64_t fail_on(int64_t now_ms, int n)
{
	for (int i = 0; i < n; i++) {
		now_ms = reopen_due_ms(&reopen);
		(void)reopen_fail(&reopen, "no such interface", now_ms);
	}
	return now_ms;
}

static void the_first_try_is_due_at_once(void **state)
{
	(void)state;
	assert_int_equal(reopen_due_ms(&reopen), T0);
}

static void pauses_double_up_to_the_longest_and_no_further(void **state)
{
	const int64_t pauses_ms[] = {1000, 2000, 4000, 5000, 5000, 5000};
	int64_t now_ms = T0;

	(void)state;
	for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
		(void)reopen_fail(&reopen, "no such interface", now_ms);
		assert_int_equal(reopen_due_ms(&reopen) - now_ms, pauses_ms[i]);
		now_ms = reopen_due_ms(&reopen);
	}
}

static void while_open_nothing_is_due(void **state)
{
	(void)state;
	reopen_succeed(&reopen, T0);
	assert_true(reopen_due_ms(&reopen) == INT64_MAX);
}

static void a_reason_is_news_once(void **state)
{
	(void)state;
	assert_true(reopen_fail(&reopen, "no such interface", T0));
	assert_false(reopen_fail(&reopen, "no such interface", T0 + 1000));
	assert_true(reopen_fail(&reopen, "permission denied", T0 + 3000));
	assert_false(reopen_fail(&reopen, "permission denied", T0 + 7000));
	assert_string_equal(reopen.reason, "permission denied");
}

static void after_a_success_the_same_reason_is_news(void **state)
{
	(void)state;
	assert_true(reopen_fail(&reopen, "the interface disappeared", T0));
	reopen_succeed(&reopen, T0 + 1000);
	assert_string_equal(reopen.reason, "");
	assert_true(reopen_fail(&reopen, "the interface disappeared", T0 + 2000));
}

static void a_reason_that_is_cut_is_the_same_again(void **state)
{
	char reason[2 * ERR_LEN];

	(void)state;
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	assert_true(reopen_fail(&reopen, reason, T0));
	assert_int_equal(strlen(reopen.reason), ERR_LEN - 1);
	assert_false(reopen_fail(&reopen, reason, T0 + 1000));
}

static void what_was_open_for_long_is_tried_again_soon(void **state)
{
	int64_t now_ms = fail_on(T0, 10);

	(void)state;
	reopen_succeed(&reopen, now_ms);
	now_ms += REOPEN_STEADY_MS;
	(void)reopen_fail(&reopen, "lost", now_ms);
	assert_int_equal(reopen_due_ms(&reopen) - now_ms, REOPEN_FIRST_MS);
}

static void what_is_lost_as_soon_as_it_is_open_does_not_begin_anew(void **state)
{
	int64_t now_ms = T0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		reopen_succeed(&reopen, now_ms);
		(void)reopen_fail(&reopen, "lost", now_ms + 1);
		now_ms = reopen_due_ms(&reopen);
	}
	assert_int_equal(reopen.due_ms - (reopen.opened_ms + 1), REOPEN_MAX_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_try_is_due_at_once, begin),
		cmocka_unit_test_setup(pauses_double_up_to_the_longest_and_no_further, begin),
		cmocka_unit_test_setup(while_open_nothing_is_due, begin),
		cmocka_unit_test_setup(a_reason_is_news_once, begin),
		cmocka_unit_test_setup(after_a_success_the_same_reason_is_news, begin),
		cmocka_unit_test_setup(a_reason_that_is_cut_is_the_same_again, begin),
		cmocka_unit_test_setup(what_was_open_for_long_is_tried_again_soon, begin),
		cmocka_unit_test_setup(
			what_is_lost_as_soon_as_it_is_open_does_not_begin_anew, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
