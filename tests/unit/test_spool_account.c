/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/spool_account */
#include "spool_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct spool_account *account;
static struct stats stats;

static int set_up(void **state)
{
	(void)state;
	memset(&stats, 0, sizeof(stats));
	account = spool_account_new(1000, 750);
	return account ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	spool_account_free(account);
	return 0;
}

static void show(void)
{
	struct spool_state now;

	spool_account_read(account, &now);
	spool_state_show(&now, &stats);
}

static const struct spool_sums some = {
	.n = 2, .lines = 30, .traffic_bytes = 400, .data_bytes = 5000};

static void what_is_there_is_shown_each_figure_in_its_place(void **state)
{
	const struct spool_totals totals = {
		.bodies = some, .dead = {.n = 6, .lines = 70, .traffic_bytes = 800}};

	(void)state;
	spool_account_found(account, &totals);
	spool_account_room(account, 90, 91);
	spool_account_used(account, 600);
	show();
	assert_int_equal(stats.spool_bodies, 2);
	assert_int_equal(stats.spool_lines, 30);
	assert_int_equal(stats.spool_bytes, 400);
	assert_int_equal(stats.spool_data_bytes, 5000);
	assert_int_equal(stats.spool_max_bytes, 1000);
	assert_int_equal(stats.spool_used_bytes, 600);
	assert_int_equal(stats.spool_quota_bytes, 750);
	assert_int_equal(stats.spool_room_bytes, 90);
	assert_int_equal(stats.dead_lines, 70);
}

static void what_was_evicted_is_shown_in_lines_and_in_bytes(void **state)
{
	(void)state;
	spool_account_evicted(account, &some);
	show();
	assert_int_equal(stats.evicted_lines, 30);
	assert_int_equal(stats.evicted_bytes, 400);
	assert_int_equal(stats.dead_evicted_lines, 0);
}

static void dead_letters_that_went_are_shown_whether_they_were_kept_before_or_not(void **state)
{
	const struct spool_settled kept = {.is_dead_kept = true,
		.dead = some,
		.dead_evicted = {.n = 1, .lines = 7, .traffic_bytes = 90}};
	const struct spool_settled not_kept = {.dead = some};

	(void)state;
	spool_account_settled(account, &kept);
	show();
	assert_int_equal(stats.dead_evicted_lines, 7);
	assert_int_equal(stats.dead_evicted_bytes, 90);
	spool_account_settled(account, &not_kept);
	show();
	assert_int_equal(stats.dead_evicted_lines, 7 + 30);
	assert_int_equal(stats.dead_evicted_bytes, 90 + 400);
	assert_int_equal(stats.evicted_lines, 0);
}

static void what_was_replayed_is_shown_in_lines_and_in_bytes(void **state)
{
	(void)state;
	spool_account_replayed(account, &some);
	show();
	assert_int_equal(stats.replayed_lines, 30);
	assert_int_equal(stats.replayed_bytes, 400);
}

static void a_damaged_file_takes_along_what_was_in_it(void **state)
{
	const struct spool_totals totals = {.bodies = some};

	(void)state;
	spool_account_found(account, &totals);
	spool_account_corrupt(account, 1);
	show();
	assert_int_equal(stats.corrupt_files, 1);
	assert_int_equal(stats.corrupt_lines, 30);
	assert_int_equal(stats.corrupt_bytes, 400);
	assert_int_equal(stats.spool_bytes, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_shown_each_figure_in_its_place),
		TEST(what_was_evicted_is_shown_in_lines_and_in_bytes),
		TEST(dead_letters_that_went_are_shown_whether_they_were_kept_before_or_not),
		TEST(what_was_replayed_is_shown_in_lines_and_in_bytes),
		TEST(a_damaged_file_takes_along_what_was_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
