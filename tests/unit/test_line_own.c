/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/line_own collector/line collector/strbuf */
#include "line_own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct strbuf out;

static int set_up(void **state)
{
	(void)state;
	strbuf_init(&out, 64 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	strbuf_done(&out);
	return 0;
}

static const struct identity pod = {"eu", "web-0", "shop", "node-1"};

static struct totals some_totals(void)
{
	return (struct totals){.captured_bytes = 1000,
		.captured_packets = 10,
		.self_bytes = 100,
		.self_packets = 1,
		.kernel_drops = 2,
		.if_rx_bytes_open = 50,
		.if_tx_bytes_open = 60,
		.if_rx_bytes = 650,
		.if_tx_bytes = 460,
		.evicted_bytes = 3,
		.table_full_packets = 4,
		.role_guessed = 5,
		.send_errors = 6,
		.cpu_us = 7,
		.rss_bytes = 4096,
		.uptime_ms = 12999,
		.is_comparable = true};
}

static const char *workload;

static void render(const struct identity *identity, const struct totals *totals)
{
	const struct line_probe probe = {.identity = identity,
		.node = identity->node,
		.workload = workload,
		.zone = workload ? "zone a" : "",
		.totals = totals,
		.sealed_bytes = 900,
		.stored_bytes = 800,
		.lost_bytes = 100,
		.unreported_bytes = 50,
		.time_ms = 1795378530000};

	strbuf_reset(&out);
	line_probe(&out, &probe);
	assert_false(out.failed);
}

static void a_probe_is_one_line_with_all_its_figures(void **state)
{
	struct totals totals = some_totals();

	(void)state;
	workload = "web";
	render(&pod, &totals);
	workload = NULL;
	assert_string_equal(out.data,
		"nstats_probe,cluster=eu,hosts=web-0,namespace=shop,node=node-1,workload=web,zone="
		"zone_a "
		"captured_bytes=1000i,captured_packets=10i,self_bytes=100i,evicted_bytes=3i,"
		"kernel_drops=2i,table_full_packets=4i,send_errors=6i,cpu_us=7i,rss_bytes=4096i,"
		"uptime_s=12i,interface_bytes=1000i,sealed_bytes=900i,stored_bytes=800i,"
		"lost_bytes=100i,unreported_bytes=50i,coverage=1.000000000 1795378530000\n");
}

static void the_tags_are_complete_where_nothing_is_known(void **state)
{
	struct totals totals = some_totals();
	static const struct identity nobody;

	(void)state;
	render(&nobody, &totals);
	assert_ptr_equal(
		strstr(out.data, "nstats_probe,cluster=-,hosts=-,namespace=-,node=-,workload=-,"
				 "zone=- captured_bytes=1000i,"),
		out.data);
}

static void a_name_cannot_inject_a_line(void **state)
{
	struct totals totals = some_totals();
	struct identity evil = {"a,b=c", "d e\nf", "g\\", "\"h\""};

	(void)state;
	render(&evil, &totals);
	assert_ptr_equal(
		strstr(out.data,
			"nstats_probe,cluster=a_b_c,hosts=d_e_f,namespace=g_,node=_h_,workload=-,"),
		out.data);
	assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1);
}

static void the_longest_line_fits_its_bound(void **state)
{
	struct identity identity;
	struct totals totals;

	(void)state;
	memset(&identity, 'x', sizeof(identity));
	identity.cluster[253] = identity.host[253] = identity.namespace[253] = 0;
	identity.node[253] = 0;
	memset(&totals, 0xff, offsetof(struct totals, is_comparable));
	totals.is_comparable = true;
	totals.if_rx_bytes_open = totals.if_tx_bytes_open = 0;
	render(&identity, &totals);
	assert_true(out.len <= LINE_SERIES_MAX + 512);
	assert_non_null(strstr(out.data, "captured_bytes=9223372036854775807i,"));
}

static void assert_coverage(const struct totals *totals, const char *expected)
{
	const char *found;

	render(&pod, totals);
	found = strstr(out.data, ",coverage=");
	if (!expected) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_memory_equal(found + strlen(",coverage="), expected, strlen(expected));
}

static void one_missing_byte_of_a_billion_keeps_the_coverage_below_one(void **state)
{
	struct totals totals = {.is_comparable = true, .if_rx_bytes = 1000000000};

	(void)state;
	totals.captured_bytes = 999999999;
	assert_coverage(&totals, "0.999999999 ");
	totals.if_rx_bytes = 3000000000;
	totals.captured_bytes = 2999999999;
	assert_coverage(&totals, "0.999999999 ");
	totals.captured_bytes = 1;
	assert_coverage(&totals, "0.000000000 ");
	totals.captured_bytes = 3000000000;
	assert_coverage(&totals, "1.000000000 ");
}

static void there_is_no_coverage_where_more_was_captured_than_counted(void **state)
{
	struct totals totals = {.is_comparable = true, .if_rx_bytes = 1000, .captured_bytes = 1001};

	(void)state;
	assert_coverage(&totals, NULL);
}

static void there_is_no_coverage_where_the_counters_cannot_be_compared(void **state)
{
	struct totals totals = some_totals();

	(void)state;
	totals.is_comparable = false;
	assert_coverage(&totals, NULL);
}

static void there_is_no_coverage_before_anything_has_passed(void **state)
{
	struct totals totals = {.is_comparable = true, .if_rx_bytes_open = 5, .if_rx_bytes = 5};

	(void)state;
	assert_coverage(&totals, NULL);
}

static void a_counter_that_goes_backwards_is_no_traffic(void **state)
{
	struct totals totals = some_totals();

	(void)state;
	totals.if_tx_bytes = totals.if_tx_bytes_open - 1;
	assert_coverage(&totals, NULL);
	assert_non_null(strstr(out.data, ",interface_bytes=0i,"));
	totals = some_totals();
	totals.if_rx_bytes = 0;
	assert_coverage(&totals, NULL);
}

static void the_collector_is_one_line_with_all_its_figures(void **state)
{
	struct stats stats;
	uint64_t value = 1;

	(void)state;
#define X(field, name, type, help) stats.field = value++;
	COLLECTOR_STATS(X)
#undef X
	stats.spool_oldest_us = 7999999;
	stats.commit_us = 8999;
	stats.delivery_us = 9000;
	stats.receive_truncated = 1;
	stats.reject_oversize = 10;
	stats.reject_undecodable = 100;
	stats.reject_limit = 1000;
	stats.reject_not_report = 10000;
	stats.reject_busy = 100000;
	stats.reject_ahead = 1000000;
	stats.reject_ledger_full = 10000000;
	line_collector(&out,
		&(struct line_collector){
			.cluster = "", .host = "c 1", .stats = &stats, .time_ms = 1795378530000});
	assert_ptr_equal(
		strstr(out.data, "nstats_collector,cluster=-,hosts=c_1 accepted_bytes="), out.data);
#define FIELD(name)                                                                                \
	do {                                                                                       \
		char text[64];                                                                     \
		snprintf(text, sizeof(text), "%s=%llui", #name, (unsigned long long)stats.name);   \
		assert_non_null(strstr(out.data, text));                                           \
	} while (0)
	FIELD(accepted_bytes);
	FIELD(committed_bytes);
	FIELD(delivered_bytes);
	FIELD(delivered_lines);
	FIELD(rejected_lines);
	FIELD(rejected_bytes);
	FIELD(evicted_bytes);
	FIELD(lost_bytes);
	FIELD(missing_bytes);
	FIELD(waiting_bytes);
	FIELD(datagrams);
	FIELD(duplicates);
	FIELD(receive_drops);
	FIELD(commits);
	FIELD(commit_failures);
	FIELD(spool_bodies);
	FIELD(spool_lines);
	FIELD(spool_bytes);
	FIELD(spool_data_bytes);
	FIELD(spool_max_bytes);
	FIELD(spool_used_bytes);
	FIELD(spool_quota_bytes);
	FIELD(dead_lines);
	FIELD(posts);
	FIELD(posts_kept);
	FIELD(probes);
	FIELD(cpu_us);
	FIELD(rss_bytes);
	assert_non_null(strstr(out.data, ",spool_oldest_s=7i,"));
	assert_non_null(strstr(out.data, ",commit_ms=8i,delivery_ms=9i,"));
	assert_non_null(strstr(out.data, ",datagrams_rejected=11111111i 1795378530000\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_is_no_coverage_where_more_was_captured_than_counted),
		TEST(a_probe_is_one_line_with_all_its_figures),
		TEST(the_tags_are_complete_where_nothing_is_known),
		TEST(a_name_cannot_inject_a_line),
		TEST(the_longest_line_fits_its_bound),
		TEST(one_missing_byte_of_a_billion_keeps_the_coverage_below_one),
		TEST(there_is_no_coverage_where_the_counters_cannot_be_compared),
		TEST(there_is_no_coverage_before_anything_has_passed),
		TEST(a_counter_that_goes_backwards_is_no_traffic),
		TEST(the_collector_is_one_line_with_all_its_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
