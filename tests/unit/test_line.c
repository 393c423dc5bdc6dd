/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/line collector/strbuf */
#include "line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_RANDOM 100000

static const struct line_tags web = {.cluster = "prod",
	.hosts = "web-0",
	.named_by = "ptr",
	.namespace = "shop",
	.node = "n1",
	.port = "443",
	.proto = "tcp",
	.receiver = "example.com",
	.receiver_kind = "external",
	.role = "client",
	.sender = "10.0.0.5"};

static const char *text_of(struct strbuf *buf)
{
	assert_false(buf->failed);
	return buf->data;
}

static const char *point_text(struct strbuf *buf, const struct counters *sum, uint32_t interval_ms)
{
	strbuf_init(buf, 4096);
	line_point(buf, "nstat,a=b", 9, sum, interval_ms, 1700000000000);
	return text_of(buf);
}

static void allowed_characters_stay(void **state)
{
	char ret[LINE_VALUE_MAX + 1];

	(void)state;
	line_clean("Az09._:/~-", ret);
	assert_string_equal(ret, "Az09._:/~-");
}

static void what_could_inject_or_escape_becomes_an_underscore(void **state)
{
	char ret[LINE_VALUE_MAX + 1];

	(void)state;
	line_clean("a\nb,c d=e\"f\\g\x1b[0m\xff", ret);
	assert_string_equal(ret, "a_b_c_d_e_f_g__0m_");
}

static void an_empty_value_becomes_a_dash(void **state)
{
	char ret[LINE_VALUE_MAX + 1];

	(void)state;
	line_clean("", ret);
	assert_string_equal(ret, "-");
	line_clean(NULL, ret);
	assert_string_equal(ret, "-");
}

static void a_long_value_is_cut(void **state)
{
	char raw[LINE_VALUE_MAX + 100];
	char ret[LINE_VALUE_MAX + 1];

	(void)state;
	memset(raw, 'x', sizeof(raw) - 1);
	raw[sizeof(raw) - 1] = '\0';
	line_clean(raw, ret);
	assert_int_equal(strlen(ret), LINE_VALUE_MAX);
}

static void a_series_has_all_tags_in_sorted_order(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, LINE_SERIES_MAX);
	line_series(&buf, &web);
	assert_string_equal(text_of(&buf),
		"nstat,cluster=prod,hosts=web-0,named_by=ptr,namespace=shop,node=n1,port=443,"
		"proto=tcp,receiver=example.com,receiver_kind=external,receiver_namespace=-,"
		"receiver_zone=-,role=client,sender=10.0.0.5,workload=-,zone=-");
	strbuf_done(&buf);
}

static void the_longest_series_fits_the_stated_maximum(void **state)
{
	char v[LINE_VALUE_MAX + 2];
	struct line_tags tags = {v, v, v, v, v, v, v, v, v, v, v, v, v, v, v};
	struct strbuf buf;

	(void)state;
	memset(v, 'x', sizeof(v) - 1);
	v[sizeof(v) - 1] = '\0';
	strbuf_init(&buf, LINE_SERIES_MAX);
	line_series(&buf, &tags);
	assert_false(buf.failed);
	assert_true(buf.len > 15 * LINE_VALUE_MAX);
	strbuf_done(&buf);
}

static void a_point_has_rates_in_bits_and_integers_of_the_interval(void **state)
{
	struct counters sum = {
		.tx_bytes = 1000, .rx_bytes = 12345, .tx_packets = 3, .rx_packets = 4};
	struct strbuf buf;

	(void)state;
	assert_string_equal(point_text(&buf, &sum, 10000),
		"nstat,a=b receiveRate=9876.0,rx_bytes=12345i,rx_packets=4i,sendRate=800.0,"
		"tx_bytes=1000i,tx_packets=3i 1700000000000\n");
	strbuf_done(&buf);
}

static void counters_that_are_not_zero_are_written(void **state)
{
	struct counters sum = {
		.retransmits = 5, .connections = 1, .resets = 3, .failed = 2, .rtt_us = 77};
	struct strbuf buf;

	(void)state;
	assert_non_null(strstr(point_text(&buf, &sum, 1000),
		",connections=1i,failed=2i,resets=3i,retransmits=5i,rtt_us=77i 17"));
	strbuf_done(&buf);
}

static void rates_are_rounded_to_a_tenth(void **state)
{
	struct counters sum = {.tx_bytes = 1, .rx_bytes = 2};
	struct strbuf buf;

	(void)state;
	assert_non_null(strstr(point_text(&buf, &sum, 3000), "sendRate=2.7,"));
	assert_non_null(strstr(buf.data, "receiveRate=5.3,"));
	strbuf_done(&buf);
}

static void integers_beyond_the_signed_range_are_clamped(void **state)
{
	struct counters sum = {.tx_bytes = UINT64_MAX, .rx_bytes = UINT64_MAX};
	struct strbuf buf;

	(void)state;
	assert_non_null(strstr(point_text(&buf, &sum, 1), "tx_bytes=9223372036854775807i,"));
	strbuf_done(&buf);
}

static void an_interval_of_zero_gives_a_number(void **state)
{
	struct counters sum = {.tx_bytes = 1};
	struct strbuf buf;

	(void)state;
	assert_non_null(strstr(point_text(&buf, &sum, 0), "sendRate=8000.0,"));
	strbuf_done(&buf);
}

static void time_before_1970_keeps_its_sign(void **state)
{
	struct counters sum = {0};
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 4096);
	line_point(&buf, "a", 1, &sum, 1, INT64_MIN);
	assert_non_null(strstr(text_of(&buf), " -9223372036854775808\n"));
	strbuf_done(&buf);
}

static void a_full_buffer_fails_as_a_whole(void **state)
{
	struct counters sum = {0};
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 50);
	line_point(&buf, "nstat", 5, &sum, 1, 1);
	assert_true(buf.failed);
	strbuf_done(&buf);
}

static size_t count_of(const struct strbuf *buf, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < buf->len; i++)
		n += buf->data[i] == c;
	return n;
}

static void random_text(char *text, size_t max)
{
	size_t len = (size_t)rand() % max;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(rand() % 255 + 1);
	text[len] = '\0';
}

static void random_values_never_change_the_shape_of_a_line(void **state)
{
	struct counters sum = {.tx_bytes = 1};
	struct strbuf buf;

	(void)state;
	srand(1);
	strbuf_init(&buf, LINE_SERIES_MAX + 512);
	for (int i = 0; i < N_RANDOM; i++) {
		char a[300], b[40], series[LINE_SERIES_MAX];
		struct line_tags tags = {.cluster = b, .hosts = a, .receiver = a, .zone = b};
		size_t len;

		random_text(a, sizeof(a));
		random_text(b, sizeof(b));
		strbuf_reset(&buf);
		line_series(&buf, &tags);
		len = buf.len;
		memcpy(series, buf.data, len);
		strbuf_reset(&buf);
		line_point(&buf, series, len, &sum, 1000, 1);
		assert_int_equal(count_of(&buf, '\n'), 1);
		assert_int_equal(buf.data[buf.len - 1], '\n');
		assert_int_equal(count_of(&buf, ','), 15 + 5);
		assert_int_equal(count_of(&buf, '='), 15 + 6);
		assert_int_equal(count_of(&buf, ' '), 2);
		assert_int_equal(count_of(&buf, '\\'), 0);
		assert_int_equal(count_of(&buf, '"'), 0);
	}
	strbuf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_characters_stay),
		cmocka_unit_test(what_could_inject_or_escape_becomes_an_underscore),
		cmocka_unit_test(an_empty_value_becomes_a_dash),
		cmocka_unit_test(a_long_value_is_cut),
		cmocka_unit_test(a_series_has_all_tags_in_sorted_order),
		cmocka_unit_test(the_longest_series_fits_the_stated_maximum),
		cmocka_unit_test(a_point_has_rates_in_bits_and_integers_of_the_interval),
		cmocka_unit_test(counters_that_are_not_zero_are_written),
		cmocka_unit_test(rates_are_rounded_to_a_tenth),
		cmocka_unit_test(integers_beyond_the_signed_range_are_clamped),
		cmocka_unit_test(an_interval_of_zero_gives_a_number),
		cmocka_unit_test(time_before_1970_keeps_its_sign),
		cmocka_unit_test(a_full_buffer_fails_as_a_whole),
		cmocka_unit_test(random_values_never_change_the_shape_of_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
