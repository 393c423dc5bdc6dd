/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/figures */
#include "figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START_MS 1795378533456 /* between two lines of the clock's grid */
#define LINE_MS  1795378540000 /* the next one */

static struct stats stats;
static struct spool_state spool_now;
static int64_t heard_since;
static struct figures *figures;

/* What figures ask of others. */
void spool_state(const struct spool *spool, struct spool_state *ret)
{
	(void)spool;
	*ret = spool_now;
}

size_t probes_heard(const struct probes *probes, int64_t since_ms)
{
	(void)probes;
	heard_since = since_ms;
	return 3;
}

static int set_up(void **state)
{
	struct figures_parts parts = {.cluster = "eu", .host = "collector-0", .stats = &stats};

	(void)state;
	memset(&stats, 0, sizeof(stats));
	memset(&spool_now, 0, sizeof(spool_now));
	figures = figures_new(&parts, START_MS);
	return !figures;
}

static int tear_down(void **state)
{
	(void)state;
	figures_free(figures);
	return 0;
}

static void a_point_is_due_once_the_clock_crosses_a_line(void **state)
{
	struct line_collector point;

	(void)state;
	assert_false(figures_due(figures, START_MS, &point));
	assert_false(figures_due(figures, LINE_MS - 1, &point));
	assert_true(figures_due(figures, LINE_MS + 700, &point));
	assert_int_equal(point.time_ms, LINE_MS);
	assert_string_equal(point.cluster, "eu");
	assert_string_equal(point.host, "collector-0");
	assert_ptr_equal(point.stats, &stats);
}

static void a_point_stays_due_until_it_is_committed(void **state)
{
	struct line_collector point;

	(void)state;
	assert_true(figures_due(figures, LINE_MS, &point));
	assert_true(figures_due(figures, LINE_MS + 1000, &point));
	figures_told(figures, point.time_ms);
	assert_false(figures_due(figures, LINE_MS + 2000, &point));
	assert_true(figures_due(figures, LINE_MS + FIGURES_EVERY_MS, &point));
	assert_int_equal(point.time_ms, LINE_MS + FIGURES_EVERY_MS);
}

static void the_longest_latencies_begin_anew_with_each_point(void **state)
{
	struct line_collector point;

	(void)state;
	stats.commit_us = 1000;
	stats.delivery_us = 2000;
	assert_true(figures_due(figures, LINE_MS, &point));
	stats.delivery_us = 3000; /* while the point is being committed */
	figures_told(figures, point.time_ms);
	assert_int_equal(stats.commit_us, 0);
	assert_int_equal(stats.delivery_us, 3000);
}

static void the_oldest_bodys_age_is_that_of_its_interval(void **state)
{
	(void)state;
	spool_now.bodies = 1;
	spool_now.oldest_ms = START_MS - 2500;
	figures_renew(figures, 0, START_MS);
	assert_int_equal(stats.spool_oldest_us, 2500000);
	spool_now.oldest_ms = START_MS + 1; /* the clock was set back */
	figures_renew(figures, 0, START_MS);
	assert_int_equal(stats.spool_oldest_us, 0);
	spool_now = (struct spool_state){0};
	figures_renew(figures, 0, START_MS);
	assert_int_equal(stats.spool_oldest_us, 0);
}

static void probes_of_the_last_minute_and_our_own_use_are_looked_up(void **state)
{
	(void)state;
	figures_renew(figures, 100000, START_MS);
	assert_int_equal(heard_since, 100000 - FIGURES_HEARD_MAX_MS);
	assert_int_equal(stats.probes, 3);
	assert_true(stats.rss_bytes > 100 * 1024);
	assert_true(stats.rss_bytes % 4096 == 0);
	while (stats.cpu_us == 0) /* some work, at the latest this loop's */
		figures_renew(figures, 100000, START_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_point_is_due_once_the_clock_crosses_a_line),
		TEST(a_point_stays_due_until_it_is_committed),
		TEST(the_longest_latencies_begin_anew_with_each_point),
		TEST(the_oldest_bodys_age_is_that_of_its_interval),
		TEST(probes_of_the_last_minute_and_our_own_use_are_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
