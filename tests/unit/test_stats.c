/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/stats collector/strbuf */
#include "stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {
#define X(field, name, type, help) name,
	COLLECTOR_STATS(X)
#undef X
};
#define N_ROWS (sizeof(names) / sizeof(names[0]))

/* Each field's value is its place in the table and 1000. */
static void render(struct strbuf *out)
{
	struct stats stats;
	uint64_t value = 1000;

#define X(field, name, type, help) stats.field = value++;
	COLLECTOR_STATS(X)
#undef X
	strbuf_init(out, 1 << 20);
	stats_render(&stats, out);
	assert_false(out->failed);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void every_row_is_rendered_once_with_its_own_value(void **state)
{
	struct strbuf out;

	(void)state;
	render(&out);
	for (size_t i = 0; i < N_ROWS; i++) {
		char line[200];

		if (strstr(names[i], "_seconds")) /* kept in microseconds */
			snprintf(line, sizeof(line), "\n%s 0.00%zu\n", names[i], 1000 + i);
		else
			snprintf(line, sizeof(line), "\n%s %zu\n", names[i], 1000 + i);
		assert_int_equal(count(out.data, line), 1);
	}
	strbuf_done(&out);
}

static void help_and_type_stand_once_a_name(void **state)
{
	struct strbuf out;

	(void)state;
	render(&out);
	for (size_t i = 0; i < N_ROWS; i++) {
		int len = (int)strcspn(names[i], "{");
		char head[200];

		snprintf(head, sizeof(head), "# HELP %.*s ", len, names[i]);
		assert_int_equal(count(out.data, head), 1);
		snprintf(head, sizeof(head), "# TYPE %.*s ", len, names[i]);
		assert_int_equal(count(out.data, head), 1);
	}
	strbuf_done(&out);
}

static void a_metric_with_labels_looks_as_prometheus_wants_it(void **state)
{
	struct stats stats = {.receive_truncated = 3, .reject_oversize = 4};
	struct strbuf out;

	(void)state;
	strbuf_init(&out, 1 << 20);
	stats_render(&stats, &out);
	assert_non_null(
		strstr(out.data, "# HELP nstats_datagrams_rejected_total Datagrams not taken\n"
				 "# TYPE nstats_datagrams_rejected_total counter\n"
				 "nstats_datagrams_rejected_total{reason=\"truncated\"} 3\n"
				 "nstats_datagrams_rejected_total{reason=\"oversize\"} 4\n"));
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_rendered_once_with_its_own_value),
		cmocka_unit_test(help_and_type_stand_once_a_name),
		cmocka_unit_test(a_metric_with_labels_looks_as_prometheus_wants_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
