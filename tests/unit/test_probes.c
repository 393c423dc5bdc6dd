/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/probes collector/probes_page collector/strbuf */
/* uses: collector/ledger collector/ledger_boot collector/ledger_forget */
/* uses: collector/ledger_runs collector/ledger_table collector/ledger_touches */
#include "probes.h"
#include "probes_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ledger *ledger; /* of what is committed */

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
	return probes_update(probes, report, report->sequence == 1, now_ms);
}

static bool is_rendered(const struct probes *probes, const char *text)
{
	struct strbuf out;
	bool is_there;

	strbuf_init(&out, 64 * 1024 * 1024);
	probes_page_render(probes, ledger, 0, &out);
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

static void commit(const struct report *report, uint64_t row_bytes)
{
	const struct ledger_claim claim = {.boot_id = report->boot_id,
		.sequence = report->sequence,
		.oldest = report->oldest,
		.sealed_bytes = report->sealed_bytes,
		.observer = "c,n,pod"};

	assert_int_equal(ledger_offer(ledger, &claim), LEDGER_NEW);
	ledger_batch_begin(ledger);
	ledger_batch_add(ledger, report->boot_id, report->sequence, row_bytes);
	ledger_batch_commit(ledger, NULL, NULL);
}

static void what_is_stored_and_lost_of_a_probe_is_the_ledgers(void **state)
{
	struct probes *probes = probes_new(1);
	struct report report = report_of("pod", 1, 3, 700);

	(void)state;
	report.oldest = 3; /* the first two never came */
	update(probes, &report, 0);
	assert_false(is_rendered(probes, "nstats_probe_stored_bytes_total{"));
	commit(&report, 300);
	assert_true(is_rendered(probes, "# TYPE nstats_probe_stored_bytes_total counter\n"
					"nstats_probe_stored_bytes_total{cluster=\"c\","
					"namespace=\"n\",host=\"pod\"} 300\n"));
	assert_true(is_rendered(probes, "# TYPE nstats_probe_lost_bytes gauge\n"
					"nstats_probe_lost_bytes{cluster=\"c\","
					"namespace=\"n\",host=\"pod\"} 400\n"));
	probes_free(probes);
}

/* A start of which 1,000 bytes are told of the 1,200 that passed the interface while it ran. */
static struct report killed(uint8_t boot)
{
	struct report report = report_of("pod", boot, 3, 900);

	report.totals.is_comparable = true;
	report.totals.captured_bytes = 1100; /* of its last interval only a part came */
	report.totals.self_bytes = 100;
	report.totals.if_rx_bytes_open = 5000;
	report.totals.if_rx_bytes = 6200;
	return report;
}

static struct report after(uint8_t boot, uint64_t if_rx_bytes_open)
{
	struct report report = report_of("pod", boot, 1, 10);

	report.totals.is_comparable = true;
	report.totals.if_rx_bytes_open = report.totals.if_rx_bytes = if_rx_bytes_open;
	return report;
}

static bool unreported_is(const struct probes *probes, const char *value)
{
	char text[128];

	snprintf(text, sizeof(text),
		"nstats_probe_unreported_bytes_total{cluster=\"c\",namespace=\"n\",host=\"pod\"} "
		"%s\n",
		value);
	return is_rendered(probes, text);
}

static void what_a_killed_probe_did_not_tell_is_told_by_the_interface(void **state)
{
	struct probes *probes = probes_new(1);
	struct report first = killed(1), second = after(2, 6500);

	(void)state;
	update(probes, &first, 0);
	assert_true(unreported_is(probes, "0"));
	update(probes, &second, 1);
	assert_true(unreported_is(probes, "500")); /* of 1,500 */
	probes_batch_add(probes, &second, 0);
	assert_int_equal(probes_take_due(probes)->unreported_bytes, 500);
	probes_free(probes);
}

static void a_late_report_of_the_killed_probe_is_not_reckoned_again(void **state)
{
	struct probes *probes = probes_new(1);
	struct report first = killed(1), second = after(2, 6500);

	(void)state;
	update(probes, &first, 0);
	update(probes, &second, 1);
	first.sequence = 2;
	update(probes, &first, 2);
	second.sequence = 2;
	update(probes, &second, 3);
	assert_true(unreported_is(probes, "500"));
	probes_free(probes);
}

static void another_interface_tells_nothing_of_the_killed_probe(void **state)
{
	struct probes *probes = probes_new(1);
	struct report first = killed(1), second = after(2, 6199), third = after(3, 6500);

	(void)state;
	update(probes, &first, 0);
	update(probes, &second, 1);
	assert_true(unreported_is(probes, "0"));
	third.totals.is_comparable = false;
	update(probes, &third, 2);
	assert_true(unreported_is(probes, "0"));
	probes_free(probes);
}

/* All that passes each one's interface is in its reports. They were opened late on interfaces that
 * had carried gigabytes before, but for one. */
static void probes_that_share_a_name_are_not_each_others_successors(void **state)
{
	struct probes *probes = probes_new(1);
	struct report shared[] = {after(2, 10000000000), after(3, 100), after(4, 8000000000)};

	(void)state;
	for (uint64_t interval = 1; interval <= 20; interval++)
		for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
			shared[i].sequence = interval;
			update(probes, &shared[i], (int64_t)interval);
		}
	/* Once, since at its first report nothing tells the third from a successor of the second.
	 */
	assert_true(unreported_is(probes, "7999999890")); /* 8 GB, but for 100 before and 10 told */
	probes_free(probes);
}

static void coverage_and_own_use_have_decimals(void **state)
{
	struct probes *probes = probes_new(1);
	struct report report = report_of("pod", 1, 1, 2);

	(void)state;
	report.totals.if_rx_bytes = 3;
	report.totals.cpu_us = 1500;
	report.totals.uptime_ms = 61002;
	update(probes, &report, 0);
	assert_false(is_rendered(probes, "nstats_probe_coverage{"));
	assert_true(is_rendered(probes, "nstats_probe_cpu_seconds_total{cluster=\"c\",namespace="
					"\"n\",host=\"pod\"} 0.001500\n"));
	assert_true(is_rendered(probes, "nstats_probe_uptime_seconds{cluster=\"c\",namespace="
					"\"n\",host=\"pod\"} 61.002\n"));
	report.sequence++;
	report.totals.is_comparable = true;
	update(probes, &report, 0);
	assert_true(is_rendered(probes, "nstats_probe_coverage{cluster=\"c\",namespace=\"n\","
					"host=\"pod\"} 0.666666666\n"));
	probes_free(probes);
}

static void those_that_were_heard_of_lately_are_counted(void **state)
{
	struct probes *probes = probes_new(1);
	struct report a = report_of("a", 1, 1, 1), b = report_of("b", 2, 1, 1);

	(void)state;
	assert_int_equal(probes_heard(probes, 0), 0);
	update(probes, &a, 1000);
	update(probes, &b, 2000);
	assert_int_equal(probes_heard(probes, 1000), 2);
	assert_int_equal(probes_heard(probes, 1001), 1);
	update(probes, &a, 3000);
	assert_int_equal(probes_heard(probes, 2001), 1);
	assert_int_equal(probes_heard(probes, 3001), 0);
	probes_free(probes);
}

static void a_probe_is_due_once_however_many_of_its_datagrams_are_in_the_batch(void **state)
{
	struct probes *probes = probes_new(1);
	struct report first = report_of("pod", 1, 1, 10), second = report_of("pod", 1, 2, 20);
	const struct probe_said *said;

	(void)state;
	update(probes, &second, 0);
	assert_null(probes_take_due(probes));
	probes_batch_add(probes, &second, 0);
	probes_batch_add(probes, &first, 0); /* an older one does not take anything back */
	said = probes_take_due(probes);
	assert_non_null(said);
	assert_int_equal(said->sequence, 2);
	assert_int_equal(said->sealed_bytes, 20);
	assert_string_equal(said->identity->host, "pod");
	assert_null(probes_take_due(probes));
	probes_batch_add(probes, &first, 0); /* what is stored of it has changed, though */
	said = probes_take_due(probes);
	assert_non_null(said);
	assert_int_equal(said->sequence, 2);
	probes_free(probes);
}

static void a_new_boot_starts_again(void **state)
{
	struct probes *probes = probes_new(1);
	struct report old = report_of("pod", 1, 9, 900), new = report_of("pod", 2, 1, 1);
	const struct probe_said *said;

	(void)state;
	update(probes, &old, 0);
	probes_batch_add(probes, &old, 0);
	probes_batch_add(probes, &new, 0);
	said = probes_take_due(probes);
	assert_int_equal(said->sequence, 1);
	assert_memory_equal(said->boot_id, new.boot_id, BOOT_ID_LEN);
	probes_free(probes);
}

static void one_that_has_to_make_room_is_due_no_more(void **state)
{
	struct probes *probes = full_table();
	struct report gone = report_of("pod-0", 1, 1, 1), kept = report_of("pod-1", 1, 1, 1);
	struct report new = report_of("new", 1, 1, 1);
	const struct probe_said *said;

	(void)state;
	probes_batch_add(probes, &kept, 0);
	probes_batch_add(probes, &gone, 0);
	probes_batch_add(probes, &new, 0); /* nobody knows it */
	update(probes, &new, PROBES_STALE_MS + 1);
	said = probes_take_due(probes);
	assert_non_null(said);
	assert_string_equal(said->identity->host, "pod-1");
	assert_null(probes_take_due(probes));
	probes_free(probes);
}

static size_t occurrences(const struct strbuf *page, const char *text)
{
	size_t n = 0;

	for (const char *at = page->data; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* The collector's own figures, and behind them what a page of max bytes has room for. */
static void render_page(struct strbuf *page, const struct probes *probes, size_t max)
{
	strbuf_init(page, max);
	strbuf_text(page, "own 1\n");
	probes_page_render(probes, ledger, PROBES_MAX, page);
	assert_false(page->failed);
	assert_ptr_equal(strstr(page->data, "own 1\n"), page->data);
}

static void left_out_is(const struct strbuf *page, size_t n)
{
	char text[64];

	snprintf(text, sizeof(text), "\nnstats_probes_left_out %zu\n", n);
	assert_int_equal(occurrences(page, text), 1);
}

static void what_has_no_room_is_left_out_probe_by_probe_and_counted(void **state)
{
	struct probes *probes = full_table();
	struct strbuf page;
	size_t n;

	(void)state;
	for (size_t max = 100000; max < 5000000; max = max * 7 / 3 + 1) {
		render_page(&page, probes, max);
		n = occurrences(&page, "nstats_probe_captured_bytes_total{");
		assert_in_range(n, 1, PROBES_MAX - 1);
		assert_in_range(page.len, max * 4 / 5, max);
		assert_int_equal(occurrences(&page, "nstats_probe_final{"), n);
		left_out_is(&page, PROBES_MAX - n);
		assert_non_null(strstr(page.data, "host=\"pod-19999\""));
		assert_null(strstr(page.data, "host=\"pod-0\""));
		strbuf_done(&page);
	}
	probes_free(probes);
}

static void names_that_are_escaped_fit_as_they_were_reckoned(void **state)
{
	struct probes *probes = probes_new(1);
	struct strbuf page;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct report report = report_of("", (uint8_t)i, 1, UINT64_MAX);

		memset(report.identity.host, '"', sizeof(report.identity.host) - 4);
		snprintf(report.identity.cluster, sizeof(report.identity.cluster), "%u", i);
		report.totals.cpu_us = report.totals.uptime_ms = UINT64_MAX;
		update(probes, &report, 0);
	}
	render_page(&page, probes, 500000);
	assert_in_range(occurrences(&page, "nstats_probe_final{"), 1, 99);
	left_out_is(&page, 100 - occurrences(&page, "nstats_probe_final{"));
	strbuf_done(&page);
	probes_free(probes);
}

static void without_room_for_any_the_rest_of_the_page_stays(void **state)
{
	struct probes *probes = full_table();
	struct strbuf page;

	(void)state;
	render_page(&page, probes, 300); /* not even the heads */
	left_out_is(&page, PROBES_MAX);
	assert_null(strstr(page.data, "nstats_probe_"));
	strbuf_done(&page);
	probes_free(probes);
}

static void one_that_was_silent_for_an_hour_is_not_shown(void **state)
{
	struct probes *probes = probes_new(1);
	struct report gone = report_of("gone", 1, 1, 1), here = report_of("here", 2, 1, 1);
	struct strbuf page;

	(void)state;
	update(probes, &gone, PROBES_MAX - PROBES_STALE_MS);
	update(probes, &here, PROBES_MAX - PROBES_STALE_MS + 1);
	render_page(&page, probes, 100000);
	assert_null(strstr(page.data, "gone"));
	assert_non_null(strstr(page.data, "here"));
	left_out_is(&page, 0);
	strbuf_done(&page);
	probes_free(probes);
}

static int open_ledger(void **state)
{
	(void)state;
	ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
	return !ledger;
}

static int close_ledger(void **state)
{
	(void)state;
	ledger_free(ledger);
	return 0;
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
		cmocka_unit_test(what_is_stored_and_lost_of_a_probe_is_the_ledgers),
		cmocka_unit_test(what_a_killed_probe_did_not_tell_is_told_by_the_interface),
		cmocka_unit_test(a_late_report_of_the_killed_probe_is_not_reckoned_again),
		cmocka_unit_test(another_interface_tells_nothing_of_the_killed_probe),
		cmocka_unit_test(probes_that_share_a_name_are_not_each_others_successors),
		cmocka_unit_test(coverage_and_own_use_have_decimals),
		cmocka_unit_test(those_that_were_heard_of_lately_are_counted),
		cmocka_unit_test(
			a_probe_is_due_once_however_many_of_its_datagrams_are_in_the_batch),
		cmocka_unit_test(a_new_boot_starts_again),
		cmocka_unit_test(one_that_has_to_make_room_is_due_no_more),
		cmocka_unit_test(what_has_no_room_is_left_out_probe_by_probe_and_counted),
		cmocka_unit_test(names_that_are_escaped_fit_as_they_were_reckoned),
		cmocka_unit_test(without_room_for_any_the_rest_of_the_page_stays),
		cmocka_unit_test(one_that_was_silent_for_an_hour_is_not_shown),
	};

	return cmocka_run_group_tests(tests, open_ledger, close_ledger);
}
