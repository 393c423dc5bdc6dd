/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/losses */
#include "losses.h"

#include "said.h"

#include <stdio.h>

static struct losses losses;
static struct stats stats;

static int set_up(void **state)
{
	(void)state;
	stats = (struct stats){.evicted_bytes = 7, .lost_bytes = 9};
	losses_init(&losses, &stats);
	return 0;
}

static void look(int64_t now_ms)
{
	said_begin();
	losses_look(&losses, &stats, now_ms);
	said_end();
}

static void what_a_start_finds_is_no_news(void **state)
{
	(void)state;
	look(1000);
	assert_string_equal(said_text, "");
}

static void what_begins_to_rise_is_told_once_until_it_has_stood_still(void **state)
{
	int64_t now_ms = 1000;

	(void)state;
	stats.evicted_bytes = 107;
	look(now_ms);
	assert_int_equal(said("\n"), 1);
	assert_int_equal(said("level=warn msg=\"spool is full\" evicted_bytes=107 "
			      "act=\"oldest bodies go\"\n"),
		1);
	for (int i = 0; i < 3; i++) {
		stats.evicted_bytes++;
		now_ms += RISING_QUIET_MS - 1;
		look(now_ms);
		assert_string_equal(said_text, "");
	}
	now_ms += RISING_QUIET_MS;
	look(now_ms);
	assert_string_equal(said_text, "");
	stats.evicted_bytes++;
	look(now_ms);
	assert_int_equal(said("evicted_bytes=111 "), 1);
}

static void the_reason_of_a_rejection_is_named_though_another_rises(void **state)
{
	(void)state;
	stats.reject_undecodable = 3;
	look(1000);
	assert_int_equal(said("\n"), 1);
	assert_int_equal(said("msg=\"datagrams are rejected\" undecodable=3 "), 1);
	stats.reject_undecodable = 4;
	stats.reject_busy = 1;
	look(2000);
	assert_int_equal(said("\n"), 1);
	assert_int_equal(said("msg=\"datagrams are rejected\" busy=1 "), 1);
}

static void every_reason_of_a_rejection_has_a_line(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
	} counters[] = {
#define X(field, name, type, help) {name, offsetof(struct stats, field)},
		COLLECTOR_STATS(X)
#undef X
	};
	static const char rejected[] = "nstats_datagrams_rejected_total{reason=\"";
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const char *reason = counters[i].name + strlen(rejected);
		char expected[128];

		if (strncmp(counters[i].name, rejected, strlen(rejected)) != 0)
			continue;
		memcpy((char *)&stats + counters[i].offset, &(uint64_t){1}, sizeof(uint64_t));
		look(1000);
		snprintf(expected, sizeof(expected),
			"msg=\"datagrams are rejected\" %.*s=1 act=", (int)strcspn(reason, "\""),
			reason);
		assert_int_equal(said("\n"), 1);
		assert_int_equal(said(expected), 1);
		n++;
	}
	assert_int_equal(n, 8);
}

static void every_loss_has_a_line(void **state)
{
	static const struct {
		uint64_t *counter;
		const char *what;
	} cases[] = {
		{&stats.evicted_bytes, "\"spool is full\" evicted_bytes=8 "},
		{&stats.dead_evicted_bytes, "\"dead letters go\" evicted_bytes=1 "},
		{&stats.rows_dropped_bytes, "dropped_bytes=1 "},
		{&stats.lost_bytes, "lost_bytes=10 "},
		{&stats.receive_drops, "\"kernel drops datagrams\" drops=1 "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		++*cases[i].counter;
		look(1000);
		assert_int_equal(said("\n"), 1);
		assert_int_equal(said(cases[i].what), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, set_up)
		TEST(what_a_start_finds_is_no_news),
		TEST(what_begins_to_rise_is_told_once_until_it_has_stood_still),
		TEST(the_reason_of_a_rejection_is_named_though_another_rises),
		TEST(every_reason_of_a_rejection_has_a_line),
		TEST(every_loss_has_a_line),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
