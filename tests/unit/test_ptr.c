/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/ptr collector/name_cache collector/name_text collector/line collector/strbuf */
#include "ptr.h"

#include "clock.h"
#include "dns.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* dns.h: questions pile up until the test answers them. */
struct dns {
	dns_fn *fn;
	void *ctx;
	struct addr asked[8192];
	unsigned n;
	bool is_out_of_memory;
};

static struct dns dns;
static struct stats stats;
static struct ptr *ptr;
static int64_t now_ms;

int dns_open(struct loop *loop, const char *server, dns_fn *fn, void *ctx, struct dns **ret,
	char err[static ERR_LEN])
{
	(void)loop;
	(void)server;
	(void)err;
	dns.fn = fn;
	dns.ctx = ctx;
	*ret = &dns;
	return 0;
}

void dns_close(struct dns *closed)
{
	(void)closed;
}

bool dns_ask_ptr(struct dns *asked, const struct addr *addr)
{
	if (asked->is_out_of_memory)
		return false;
	asked->asked[asked->n++] = *addr;
	return true;
}

static int set_up(void **state)
{
	char err[ERR_LEN];
	int r;

	(void)state;
	dns = (struct dns){.n = 0};
	stats = (struct stats){0};
	r = ptr_open(NULL, NULL, &stats, &ptr, err);
	now_ms = clock_mono_ms(); /* not before the bucket's own beginning */
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	ptr_close(ptr);
	return 0;
}

static struct addr addr_of(unsigned n)
{
	const uint8_t bytes[] = {23, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	return addr_v4(bytes);
}

static bool lookup_as(unsigned observer, unsigned n, const char **ret_text)
{
	struct addr addr = addr_of(n);
	struct identity identity = {.cluster = "-", .namespace = "-"};

	snprintf(identity.host, sizeof(identity.host), "pod-%u", observer);
	return ptr_lookup(ptr, &addr, &identity, now_ms, ret_text);
}

/* Each address is seen by a pod of its own. */
static bool lookup(unsigned n, const char **ret_text)
{
	return lookup_as(n, n, ret_text);
}

/* How many of that many new ones are asked for. */
static unsigned ask_many_as(unsigned observer, unsigned from, unsigned n)
{
	unsigned before = dns.n;
	const char *text;

	for (unsigned i = from; i < from + n; i++)
		lookup_as(observer, i, &text);
	return dns.n - before;
}

static unsigned ask_many(unsigned from, unsigned n)
{
	unsigned before = dns.n;
	const char *text;

	for (unsigned i = from; i < from + n; i++)
		lookup(i, &text);
	return dns.n - before;
}

static void answer(unsigned n, enum dns_outcome outcome, const char *name)
{
	struct addr addr = addr_of(n);

	dns.fn(dns.ctx, &addr, outcome, name, 60);
}

static void answer_all(void)
{
	for (; dns.n > 0; dns.n--)
		dns.fn(dns.ctx, &dns.asked[dns.n - 1], DNS_NONE, "", 0);
}

static void what_is_being_asked_for_is_not_asked_for_again(void **state)
{
	const char *text;

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(lookup(1, &text));
	assert_int_equal(dns.n, 1);
	answer(1, DNS_NAME, "web.example.");
	assert_false(lookup(1, &text));
	assert_string_equal(text, "web.example");
	assert_int_equal(dns.n, 1);
	now_ms += 59000; /* of its TTL's 60 s */
	assert_false(lookup(1, &text));
	assert_int_equal(dns.n, 1);
	now_ms += 2000;
	lookup(1, &text);
	assert_int_equal(dns.n, 2);
}

static void a_burst_is_bounded_and_then_so_many_a_second(void **state)
{
	(void)state;
	assert_int_equal(ask_many(0, 5000), PTR_ASK_BURST);
	assert_int_equal(stats.ptr_throttled, 5000 - PTR_ASK_BURST);
	now_ms += 1000;
	assert_int_equal(ask_many(10000, 5000), PTR_ASK_PER_SECOND);
	now_ms += 19; /* a query's share of a second is 20 ms */
	assert_int_equal(ask_many(20000, 5000), 0);
	now_ms += 1;
	assert_int_equal(ask_many(20000, 5000), 1);
	now_ms += 3600000;
	assert_int_equal(ask_many(30000, 5000), PTR_ASK_BURST);
}

static void one_that_asks_alone_has_half_of_a_burst_and_then_the_whole_rate(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(ask_many_as(1, 0, 5000), PTR_ASK_BURST / 2);
	for (unsigned tenth = 0; tenth < 2000; tenth++) {
		unsigned n_now;

		now_ms += 100;
		n_now = ask_many_as(1, 10000 + tenth * 50, 50);
		n += tenth >= 1000 ? n_now : 0;
		answer_all();
	}
	assert_in_range(n, 90 * PTR_ASK_PER_SECOND, 100 * PTR_ASK_PER_SECOND);
}

/* How many new ones are asked for on behalf of a pod of that name. */
static unsigned ask_for(const char *cluster, const char *namespace, unsigned from)
{
	struct identity identity = {.host = "redis-0"};
	unsigned before = dns.n;
	const char *text;

	snprintf(identity.cluster, sizeof(identity.cluster), "%s", cluster);
	snprintf(identity.namespace, sizeof(identity.namespace), "%s", namespace);
	for (unsigned i = from; i < from + PTR_ASK_BURST; i++) {
		struct addr addr = addr_of(i);

		ptr_lookup(ptr, &addr, &identity, now_ms, &text);
	}
	return dns.n - before;
}

static void pods_of_one_name_in_two_namespaces_or_clusters_have_a_share_each(void **state)
{
	(void)state;
	assert_int_equal(ask_for("a", "shop", 0), PTR_ASK_BURST / 2);
	assert_int_equal(ask_for("a", "shop", 1000), 0);
	/* the other one where their hashes share a slot */
	assert_true(ask_for("a", "test", 2000) > 0 || ask_for("a", "prod", 3000) > 0);
	assert_true(ask_for("b", "shop", 4000) > 0 || ask_for("c", "shop", 5000) > 0);
}

/* Scanners ask for new addresses all the time, and a victim for its 30 every 10 s. */
static unsigned victim_waits_s(unsigned victim, unsigned n_scanners)
{
	static const unsigned n_names = 30;
	unsigned next = 1000000, n = 0;

	for (unsigned tenth = 0; tenth < 3000; tenth++) {
		now_ms += 100;
		for (unsigned i = 0; i < n_scanners; i++, next += 50)
			ask_many_as(i, next, 50);
		if (tenth >= 600 && tenth % 100 == 0)
			n += ask_many_as(victim, victim * 100, n_names);
		answer_all();
		if (n == n_names)
			return (tenth - 600) / 10;
	}
	return UINT_MAX;
}

static void beside_a_scanner_a_victim_s_names_are_asked_for_at_once(void **state)
{
	(void)state;
	/* the other one where their hashes share a slot */
	assert_true(victim_waits_s(1000, 1) == 0 || victim_waits_s(1001, 1) == 0);
}

static void beside_ten_scanners_a_victim_s_names_are_asked_for_within_some_intervals(void **state)
{
	(void)state;
	assert_true(victim_waits_s(1000, 10) <= 40 || victim_waits_s(1001, 10) <= 40);
}

static void what_is_throttled_is_not_waited_for(void **state)
{
	const char *text;

	(void)state;
	ask_many(0, 2 * PTR_ASK_BURST);
	assert_false(lookup(9999, &text));
	assert_null(text);
}

static void that_there_is_no_name_is_remembered(void **state)
{
	const char *text;

	(void)state;
	lookup(1, &text);
	answer(1, DNS_NONE, "");
	now_ms += 60000;
	assert_false(lookup(1, &text));
	assert_null(text);
	assert_int_equal(dns.n, 1);
	now_ms += 300000;
	assert_true(lookup(1, &text));
	assert_int_equal(dns.n, 2);
}

static void a_name_that_says_nothing_is_none(void **state)
{
	const char *text;

	(void)state;
	lookup(1, &text);
	answer(1, DNS_NAME, "~other");
	assert_false(lookup(1, &text));
	assert_null(text);
	assert_int_equal(stats.ptr_none, 1);
	assert_int_equal(stats.ptr_names, 0);
}

/* A server that never answers: more than c-ares would ever leave waiting. */
static void no_more_than_a_bounded_number_waits_for_answers(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		now_ms += 10000;
		n += ask_many(i * 1000, 1000);
	}
	assert_int_equal(n, PTR_ASKED_MAX);
	answer(0, DNS_FAILED, "");
	now_ms += 1000;
	assert_int_equal(ask_many(200000, 10), 1);
}

static void without_memory_for_a_query_it_is_as_if_it_had_failed(void **state)
{
	const char *text;

	(void)state;
	dns.is_out_of_memory = true;
	assert_false(lookup(1, &text));
	assert_null(text);
	assert_int_equal(stats.ptr_failed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_being_asked_for_is_not_asked_for_again),
		TEST(a_burst_is_bounded_and_then_so_many_a_second),
		TEST(one_that_asks_alone_has_half_of_a_burst_and_then_the_whole_rate),
		TEST(pods_of_one_name_in_two_namespaces_or_clusters_have_a_share_each),
		TEST(beside_a_scanner_a_victim_s_names_are_asked_for_at_once),
		TEST(beside_ten_scanners_a_victim_s_names_are_asked_for_within_some_intervals),
		TEST(what_is_throttled_is_not_waited_for),
		TEST(that_there_is_no_name_is_remembered),
		TEST(a_name_that_says_nothing_is_none),
		TEST(no_more_than_a_bounded_number_waits_for_answers),
		TEST(without_memory_for_a_query_it_is_as_if_it_had_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
