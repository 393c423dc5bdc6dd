/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/bisect collector/line collector/strbuf */
#include "bisect.h"
#include "line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N_LINES 5000

static char text[N_LINES * 8];
static bool is_bad[N_LINES];

static size_t fill_text(void)
{
	size_t len = 0;

	for (int i = 0; i < N_LINES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%06d\n", i);
	return len;
}

static int number_at(size_t at)
{
	int n = 0;

	sscanf(text + at, "%d", &n);
	return n;
}

static bool holds_bad(const struct bisect_range *range)
{
	for (size_t at = range->begin; at < range->begin + range->len; at += 7)
		if (is_bad[number_at(at)])
			return true;
	return false;
}

/* A database that refuses a body with any bad line; returns how many bodies it was sent. */
static int run(int *ret_found)
{
	struct bisect_range range, bad;
	struct bisect bisect;
	int n_sent = 0, n_taken = 0;

	*ret_found = 0;
	bisect_init(&bisect, text, fill_text());
	while (bisect_next(&bisect, &range)) {
		n_sent++;
		assert_int_equal(range.len, range.lines * 7);
		if (!holds_bad(&range)) {
			n_taken += (int)range.lines;
			bisect_taken(&bisect);
		} else if (bisect_refused(&bisect, &bad)) {
			assert_int_equal(bad.lines, 1);
			assert_true(is_bad[number_at(bad.begin)]);
			++*ret_found;
		}
	}
	assert_int_equal(n_taken + *ret_found, N_LINES);
	return n_sent;
}

static void one_bad_line_among_thousands_is_found_and_all_others_are_taken(void **state)
{
	static const int at[] = {0, 1, 2499, 2500, 4998, 4999};
	int n_found;

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		memset(is_bad, 0, sizeof(is_bad));
		is_bad[at[i]] = true;
		assert_true(run(&n_found) <= 2 * 13 + 1); /* 2^13 > 5000 */
		assert_int_equal(n_found, 1);
	}
}

static void where_every_line_is_bad_each_stands_alone(void **state)
{
	int n_found;

	(void)state;
	memset(is_bad, 1, sizeof(is_bad));
	assert_int_equal(run(&n_found), 2 * N_LINES - 1);
	assert_int_equal(n_found, N_LINES);
}

static void a_good_body_is_sent_once(void **state)
{
	int n_found;

	(void)state;
	memset(is_bad, 0, sizeof(is_bad));
	assert_int_equal(run(&n_found), 1);
}

static void an_empty_body_is_over_at_once(void **state)
{
	struct bisect_range range;
	struct bisect bisect;

	(void)state;
	bisect_init(&bisect, text, 0);
	assert_false(bisect_next(&bisect, &range));
}

static void a_last_line_without_its_feed_is_a_line(void **state)
{
	(void)state;
	assert_int_equal(bisect_lines("a\nb\nc", 5), 3);
	assert_int_equal(bisect_lines("a\nb\nc\n", 6), 3);
	assert_int_equal(bisect_lines("\n", 1), 1);
}

static void the_traffic_is_what_was_written(void **state)
{
	const struct counters sums[] = {
		{.tx_bytes = 1, .rx_bytes = 20, .tx_packets = 1, .retransmits = 7},
		{.tx_bytes = INT64_MAX / 4, .rx_packets = 3},
		{.rx_bytes = 300, .connections = 2, .rtt_us = 5},
	};
	struct line_tags tags = {.hosts = "tx_bytes=5"}; /* cleaned, so that it is no field */
	struct strbuf series, lines;
	uint64_t expected = 0;

	(void)state;
	strbuf_init(&series, LINE_SERIES_MAX);
	strbuf_init(&lines, 65536);
	line_series(&series, &tags);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		line_point(&lines, series.data, series.len, &sums[i], 10000, 1000);
		expected += counters_bytes(&sums[i]);
	}
	strbuf_text(&lines, "nstats_probe,hosts=a captured_bytes=5i,tx_bytes=3i 1000\n");
	assert_false(lines.failed);
	assert_int_equal(bisect_traffic(lines.data, lines.len), expected);
	strbuf_done(&series);
	strbuf_done(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_bad_line_among_thousands_is_found_and_all_others_are_taken),
		cmocka_unit_test(where_every_line_is_bad_each_stands_alone),
		cmocka_unit_test(a_good_body_is_sent_once),
		cmocka_unit_test(an_empty_body_is_over_at_once),
		cmocka_unit_test(a_last_line_without_its_feed_is_a_line),
		cmocka_unit_test(the_traffic_is_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
