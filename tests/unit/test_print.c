/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/print */
#include "print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct report pod = {
	.start_ms = 1700000000000,
	.interval_ms = 10000,
	.identity.host = "web-1",
};

static void assert_prints(
	const struct report *report, const struct record *record, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	print_record(out, report, record);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void a_flow_is_one_line(void **state)
{
	struct record record = {
		.kind = RECORD_FLOW,
		.role = ROLE_SERVER,
		.proto = 17,
		.port = 53,
		.local = addr_v4((uint8_t[]){10, 0, 0, 1}),
		.remote = addr_v4((uint8_t[]){192, 0, 2, 7}),
		.sum = {.tx_bytes = 1, .rx_bytes = UINT64_MAX, .tx_packets = 3, .rx_packets = 4},
	};

	(void)state;
	assert_prints(&pod, &record,
		"{\"start_ms\":1700000000000,\"interval_ms\":10000,\"host\":\"web-1\","
		"\"local\":\"10.0.0.1\",\"remote\":\"192.0.2.7\",\"proto\":\"udp\",\"port\":53,"
		"\"role\":\"server\",\"tx_bytes\":1,\"rx_bytes\":18446744073709551615,"
		"\"tx_packets\":3,\"rx_packets\":4}\n");
}

static void events_are_printed_where_there_were_any(void **state)
{
	struct record record = {
		.kind = RECORD_FLOW,
		.proto = 6,
		.port = 443,
		.local = addr_v4((uint8_t[]){10, 0, 0, 1}),
		.remote = addr_v4((uint8_t[]){192, 0, 2, 7}),
		.sum = {.connections = 1, .retransmits = 2, .resets = 3, .failed = 4, .rtt_us = 5},
	};

	(void)state;
	assert_prints(&pod, &record,
		"{\"start_ms\":1700000000000,\"interval_ms\":10000,\"host\":\"web-1\","
		"\"local\":\"10.0.0.1\",\"remote\":\"192.0.2.7\",\"proto\":\"tcp\",\"port\":443,"
		"\"role\":\"client\",\"tx_bytes\":0,\"rx_bytes\":0,\"tx_packets\":0,"
		"\"rx_packets\":0,\"connections\":1,\"retransmits\":2,\"resets\":3,\"failed\":4,"
		"\"rtt_us\":5}\n");
}

/* Whatever a DNS label held. */
static void a_name_stands_where_it_is_known(void **state)
{
	struct record record = {
		.kind = RECORD_FLOW,
		.proto = 6,
		.port = 443,
		.local = addr_v4((uint8_t[]){10, 0, 0, 1}),
		.remote = addr_v4((uint8_t[]){192, 0, 2, 7}),
		.name = "a\"b.example",
	};

	(void)state;
	assert_prints(&pod, &record,
		"{\"start_ms\":1700000000000,\"interval_ms\":10000,\"host\":\"web-1\","
		"\"local\":\"10.0.0.1\",\"remote\":\"192.0.2.7\",\"proto\":\"tcp\",\"port\":443,"
		"\"role\":\"client\",\"tx_bytes\":0,\"rx_bytes\":0,\"tx_packets\":0,"
		"\"rx_packets\":0,\"name\":\"a\\\"b.example\"}\n");
}

static void other_keeps_its_protocol_and_role_alone(void **state)
{
	struct record record = {
		.kind = RECORD_OTHER, .role = ROLE_SERVER, .proto = 47, .sum = {.tx_bytes = 9}};

	(void)state;
	assert_prints(&pod, &record,
		"{\"start_ms\":1700000000000,\"interval_ms\":10000,\"host\":\"web-1\","
		"\"local\":\"-\",\"remote\":\"~other\",\"proto\":\"47\",\"port\":0,"
		"\"role\":\"server\",\"tx_bytes\":9,\"rx_bytes\":0,\"tx_packets\":0,"
		"\"rx_packets\":0}\n");
}

static void what_is_no_ip_has_neither_protocol_nor_role(void **state)
{
	struct record record = {.kind = RECORD_NON_IP};

	(void)state;
	assert_prints(&pod, &record,
		"{\"start_ms\":1700000000000,\"interval_ms\":10000,\"host\":\"web-1\","
		"\"local\":\"-\",\"remote\":\"~non-ip\",\"proto\":\"-\",\"port\":0,"
		"\"role\":\"-\",\"tx_bytes\":0,\"rx_bytes\":0,\"tx_packets\":0,"
		"\"rx_packets\":0}\n");
}

static void malformed_is_named_so(void **state)
{
	struct record record = {.kind = RECORD_MALFORMED};

	(void)state;
	assert_prints(&pod, &record,
		"{\"start_ms\":1700000000000,\"interval_ms\":10000,\"host\":\"web-1\","
		"\"local\":\"-\",\"remote\":\"~malformed\",\"proto\":\"-\",\"port\":0,"
		"\"role\":\"-\",\"tx_bytes\":0,\"rx_bytes\":0,\"tx_packets\":0,"
		"\"rx_packets\":0}\n");
}

static void a_hostile_host_name_stays_inside_its_string(void **state)
{
	struct report report = {.identity.host = "a\"b\\c\nd\x7f\xc3\xa9"};
	struct record record = {.kind = RECORD_NON_IP};

	(void)state;
	assert_prints(&report, &record,
		"{\"start_ms\":0,\"interval_ms\":0,"
		"\"host\":\"a\\\"b\\\\c\\u000ad\\u007f\\u00c3\\u00a9\","
		"\"local\":\"-\",\"remote\":\"~non-ip\",\"proto\":\"-\",\"port\":0,"
		"\"role\":\"-\",\"tx_bytes\":0,\"rx_bytes\":0,\"tx_packets\":0,"
		"\"rx_packets\":0}\n");
}

static void protocols_without_a_name_are_numbers(void **state)
{
	char buf[RECORD_PROTO_LEN];

	(void)state;
	assert_string_equal(record_proto_name(6, buf), "tcp");
	assert_string_equal(record_proto_name(17, buf), "udp");
	assert_string_equal(record_proto_name(132, buf), "sctp");
	assert_string_equal(record_proto_name(1, buf), "icmp");
	assert_string_equal(record_proto_name(58, buf), "icmpv6");
	assert_string_equal(record_proto_name(0, buf), "0");
	assert_string_equal(record_proto_name(255, buf), "255");
}

#define TOTALS_TEXT                                                                                \
	"{\"totals\":{\"captured_bytes\":1,\"captured_packets\":2,\"self_bytes\":3,"               \
	"\"self_packets\":4,\"kernel_drops\":5,\"if_rx_bytes_open\":6,"                            \
	"\"if_tx_bytes_open\":7,\"if_rx_bytes\":8,\"if_tx_bytes\":9,\"evicted_bytes\":10,"         \
	"\"table_full_packets\":11,\"role_guessed\":12,\"send_errors\":18446744073709551615,"      \
	"\"dns_names\":14,\"dns_unasked\":15,\"dns_unread\":16,\"dns_unkept\":17"

static const struct totals some_totals = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, UINT64_MAX, 14, 15, 16, 17, 0, 0, 0, false};

static void assert_totals_print(const struct totals *totals, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	print_totals(out, totals);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void totals_end_the_output(void **state)
{
	(void)state;
	assert_totals_print(&some_totals, TOTALS_TEXT "}}\n");
}

static void what_a_live_probe_uses_stands_behind_its_totals(void **state)
{
	struct totals totals = some_totals;

	(void)state;
	totals.cpu_us = 14;
	totals.rss_bytes = 15;
	totals.uptime_ms = 16;
	assert_totals_print(&totals, TOTALS_TEXT ",\"cpu_us\":14,\"rss_bytes\":15,"
						 "\"uptime_ms\":16,\"comparable\":false}}\n");
	totals.is_comparable = true;
	assert_totals_print(&totals, TOTALS_TEXT ",\"cpu_us\":14,\"rss_bytes\":15,"
						 "\"uptime_ms\":16,\"comparable\":true}}\n");
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_one_line),
		cmocka_unit_test(events_are_printed_where_there_were_any),
		cmocka_unit_test(a_name_stands_where_it_is_known),
		cmocka_unit_test(other_keeps_its_protocol_and_role_alone),
		cmocka_unit_test(what_is_no_ip_has_neither_protocol_nor_role),
		cmocka_unit_test(malformed_is_named_so),
		cmocka_unit_test(a_hostile_host_name_stays_inside_its_string),
		cmocka_unit_test(protocols_without_a_name_are_numbers),
		cmocka_unit_test(totals_end_the_output),
		cmocka_unit_test(what_a_live_probe_uses_stands_behind_its_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
