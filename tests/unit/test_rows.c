/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/rows */
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool add(struct rows *rows, int64_t time_ms, const char *series, uint64_t tx)
{
	const struct row row = {
		.time_ms = time_ms,
		.interval_ms = 10000,
		.series = series,
		.series_len = strlen(series),
		.sum = {.tx_bytes = tx, .tx_packets = 1},
	};

	return rows_add(rows, &row);
}

static void equal_time_and_series_are_one_row_with_the_sum(void **state)
{
	struct rows *rows = rows_new(10, 1);

	(void)state;
	assert_true(add(rows, 1000, "nstat,receiver=a", 5));
	assert_true(add(rows, 1000, "nstat,receiver=a", 7));
	assert_int_equal(rows_count(rows), 1);
	assert_int_equal(rows_at(rows, 0)->sum.tx_bytes, 12);
	assert_int_equal(rows_at(rows, 0)->sum.tx_packets, 2);
	rows_free(rows);
}

static void another_time_is_another_row(void **state)
{
	struct rows *rows = rows_new(10, 1);

	(void)state;
	add(rows, 1000, "nstat,receiver=a", 5);
	add(rows, 1001, "nstat,receiver=a", 7);
	assert_int_equal(rows_count(rows), 2);
	rows_free(rows);
}

static void a_series_is_compared_by_its_whole_length(void **state)
{
	struct rows *rows = rows_new(10, 1);

	(void)state;
	add(rows, 1000, "nstat,receiver=a", 5);
	add(rows, 1000, "nstat,receiver=ab", 7);
	assert_int_equal(rows_count(rows), 2);
	rows_free(rows);
}

static void the_longest_interval_stays(void **state)
{
	struct rows *rows = rows_new(10, 1);
	struct row row = {.time_ms = 1, .series = "x", .series_len = 1, .interval_ms = 9000};

	(void)state;
	rows_add(rows, &row);
	row.interval_ms = 10000;
	rows_add(rows, &row);
	row.interval_ms = 8000;
	rows_add(rows, &row);
	assert_int_equal(rows_at(rows, 0)->interval_ms, 10000);
	rows_free(rows);
}

static void the_series_is_a_copy(void **state)
{
	struct rows *rows = rows_new(10, 1);
	char series[] = "nstat,receiver=a";

	(void)state;
	add(rows, 1, series, 5);
	memset(series, 'z', sizeof(series) - 1);
	assert_memory_equal(rows_at(rows, 0)->series, "nstat,receiver=a", 16);
	rows_free(rows);
}

static void a_full_table_takes_known_rows_but_no_new_one(void **state)
{
	struct rows *rows = rows_new(2, 1);

	(void)state;
	assert_true(add(rows, 1, "a", 1));
	assert_true(add(rows, 1, "b", 1));
	assert_false(add(rows, 1, "c", 1));
	assert_true(add(rows, 1, "b", 1));
	assert_int_equal(rows_count(rows), 2);
	assert_int_equal(rows_at(rows, 1)->sum.tx_bytes, 2);
	rows_free(rows);
}

static void a_reset_table_is_empty_and_usable(void **state)
{
	struct rows *rows = rows_new(2, 1);

	(void)state;
	add(rows, 1, "a", 1);
	add(rows, 1, "b", 1);
	rows_reset(rows);
	assert_int_equal(rows_count(rows), 0);
	assert_true(add(rows, 1, "b", 3));
	assert_int_equal(rows_at(rows, 0)->sum.tx_bytes, 3);
	rows_free(rows);
}

static void a_series_longer_than_a_chunk_is_kept_whole(void **state)
{
	struct rows *rows = rows_new(10, 1);
	size_t len = 200001;
	char *series = malloc(len + 1);

	(void)state;
	memset(series, 'x', len);
	series[len] = '\0';
	add(rows, 1, "a", 1);
	assert_true(add(rows, 1, series, 1));
	assert_true(add(rows, 1, "b", 1));
	assert_int_equal(rows_at(rows, 1)->series_len, len);
	assert_memory_equal(rows_at(rows, 1)->series, series, len);
	rows_free(rows);
	free(series);
}

static void many_rows_keep_their_order_and_their_sums(void **state)
{
	const unsigned n = 50000;
	struct rows *rows = rows_new(n, 42);
	const struct row *first = NULL;
	char series[32];
	unsigned i;

	(void)state;
	for (i = 0; i < 2 * n; i++) {
		snprintf(series, sizeof(series), "s%u", i % n);
		assert_true(add(rows, 0, series, i % n));
		if (i == 0)
			first = rows_at(rows, 0);
	}
	assert_int_equal(rows_count(rows), n);
	assert_ptr_equal(rows_at(rows, 0), first);
	for (i = 0; i < n; i++) {
		snprintf(series, sizeof(series), "s%u", i);
		assert_memory_equal(rows_at(rows, i)->series, series, strlen(series));
		assert_int_equal(rows_at(rows, i)->sum.tx_bytes, 2 * i);
	}
	rows_free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_time_and_series_are_one_row_with_the_sum),
		cmocka_unit_test(another_time_is_another_row),
		cmocka_unit_test(a_series_is_compared_by_its_whole_length),
		cmocka_unit_test(the_longest_interval_stays),
		cmocka_unit_test(the_series_is_a_copy),
		cmocka_unit_test(a_full_table_takes_known_rows_but_no_new_one),
		cmocka_unit_test(a_reset_table_is_empty_and_usable),
		cmocka_unit_test(a_series_longer_than_a_chunk_is_kept_whole),
		cmocka_unit_test(many_rows_keep_their_order_and_their_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
