/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/probes collector/strbuf */
#include "probes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct report report_of(const char *host, uint8_t boot, uint64_t sequence, uint64_t bytes)
{
	struct report report = {.sequence = sequence, .sealed_bytes = bytes};

	memset(report.boot_id, boot, BOOT_ID_LEN);
	snprintf(report.identity.host, sizeof(report.identity.host), "%s", host);
	snprintf(report.identity.cluster, sizeof(report.identity.cluster), "c");
	snprintf(report.identity.namespace, sizeof(report.identity.namespace), "n");
	report.totals.captured_bytes = bytes;
	return report;
}

static bool update(struct probes *probes, const struct report *report, int64_t now_ms)
{
	return probes_update(probes, report, now_ms);
}

static bool is_rendered(const struct probes *probes, const char *text)
{
	struct strbuf out;
	bool is_there;

	strbuf_init(&out, 64 * 1024 * 1024);
	probes_render(probes, &out);
	assert_false(out.failed);
	is_there = strstr(out.data, text) != NULL;
	strbuf_done(&out);
	return is_there;
}

static void a_probe_says_its_totals(void **state)
{
	struct probes *probes = probes_new(1);
	struct report report = report_of("pod", 1, 1, 77);

	(void)state;
	report.totals.if_tx_bytes_open = 12345;
	assert_true(update(probes, &report, 0));
	assert_true(is_rendered(probes,
		"# HELP nstats_probe_captured_bytes_total Bytes that the probe captured\n"
		"# TYPE nstats_probe_captured_bytes_total counter\n"
		"nstats_probe_captured_bytes_total{cluster=\"c\",namespace=\"n\",host=\"pod\"} "
		"77\n"));
	assert_true(is_rendered(probes, "nstats_probe_if_tx_bytes_open{cluster=\"c\",namespace="
					"\"n\",host=\"pod\"} 12345\n"));
	assert_true(is_rendered(
		probes, "nstats_probe_final{cluster=\"c\",namespace=\"n\",host=\"pod\"} 0\n"));
	probes_free(probes);
}

static void an_older_report_of_the_same_boot_changes_nothing(void **state)
{
	struct probes *probes = probes_new(1);
	struct report newer = report_of("pod", 1, 2, 200);
	struct report older = report_of("pod", 1, 1, 100);

	(void)state;
	update(probes, &newer, 0);
	assert_true(update(probes, &older, 1));
	assert_true(is_rendered(probes, "} 200\n"));
	assert_false(is_rendered(probes, "} 100\n"));
	assert_int_equal(probes_count(probes), 1);
	probes_free(probes);
}

static void a_new_boot_takes_the_place_of_a_final_one(void **state)
{
	struct probes *probes = probes_new(1);
	struct report last = report_of("pod", 1, 50, 200);
	struct report first = report_of("pod", 2, 1, 3);

	(void)state;
	last.is_final = true;
	update(probes, &last, 0);
	assert_true(is_rendered(
		probes, "nstats_probe_final{cluster=\"c\",namespace=\"n\",host=\"pod\"} 1\n"));
	update(probes, &first, 1);
	assert_true(is_rendered(probes, "} 3\n"));
	assert_true(is_rendered(
		probes, "nstats_probe_final{cluster=\"c\",namespace=\"n\",host=\"pod\"} 0\n"));
	assert_int_equal(probes_count(probes), 1);
	probes_free(probes);
}

static void probes_of_equal_host_in_two_namespaces_are_two(void **state)
{
	struct probes *probes = probes_new(1);
	struct report a = report_of("pod", 1, 1, 1);
	struct report b = report_of("pod", 1, 1, 1);

	(void)state;
	snprintf(b.identity.namespace, sizeof(b.identity.namespace), "other");
	update(probes, &a, 0);
	update(probes, &b, 0);
	assert_int_equal(probes_count(probes), 2);
	probes_free(probes);
}

static void a_name_cannot_leave_its_quotes(void **state)
{
	struct probes *probes = probes_new(1);
	struct report report = report_of("a\"b\\c\nd\re\xff", 1, 1, 1);

	(void)state;
	update(probes, &report, 0);
	assert_true(is_rendered(probes, "host=\"a\\\"b\\\\c\\nd?e?\"} 1\n"));
	probes_free(probes);
}

static struct probes *full_table(void)
{
	struct probes *probes = probes_new(1);

	for (int i = 0; i < PROBES_MAX; i++) {
		char host[20];
		struct report report;

		snprintf(host, sizeof(host), "pod-%d", i);
		report = report_of(host, 1, 1, 1);
		assert_true(update(probes, &report, i));
	}
	return probes;
}

static void a_full_table_refuses_a_new_probe(void **state)
{
	struct probes *probes = full_table();
	struct report known = report_of("pod-0", 1, 2, 1);
	struct report new = report_of("new", 1, 1, 1);

	(void)state;
	assert_false(update(probes, &new, PROBES_STALE_MS - 1));
	assert_true(update(probes, &known, PROBES_STALE_MS - 1));
	assert_int_equal(probes_count(probes), PROBES_MAX);
	probes_free(probes);
}

static void the_one_that_was_silent_longest_makes_room(void **state)
{
	struct probes *probes = full_table();
	struct report known = report_of("pod-0", 1, 1, 1);
	struct report new = report_of("new", 1, 1, 1);

	(void)state;
	update(probes, &known, PROBES_STALE_MS); /* an old sequence number is a sign of life too */
	assert_true(update(probes, &new, PROBES_STALE_MS + 1));
	assert_int_equal(probes_count(probes), PROBES_MAX);
	assert_true(is_rendered(probes, "host=\"pod-0\""));
	assert_false(is_rendered(probes, "host=\"pod-1\""));
	assert_true(is_rendered(probes, "host=\"new\""));
	probes_free(probes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_says_its_totals),
		cmocka_unit_test(an_older_report_of_the_same_boot_changes_nothing),
		cmocka_unit_test(a_new_boot_takes_the_place_of_a_final_one),
		cmocka_unit_test(probes_of_equal_host_in_two_namespaces_are_two),
		cmocka_unit_test(a_name_cannot_leave_its_quotes),
		cmocka_unit_test(a_full_table_refuses_a_new_probe),
		cmocka_unit_test(the_one_that_was_silent_longest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
