/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/name_table probe/name_pool */
#include "name_pool.h"
#include "name_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TTL_S 60

static struct name_table *table;

static struct addr addr_n(unsigned n)
{
	return addr_v4((uint8_t[]){10, 0, (uint8_t)(n >> 8), (uint8_t)n});
}

static int setup(void **state)
{
	(void)state;
	table = name_table_new(7);
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	name_table_free(table);
	return 0;
}

static bool put_ttl(unsigned n, const char *name, uint32_t ttl_s, int64_t now_ms)
{
	struct addr addr = addr_n(n);

	return name_table_put(table, &addr, name, ttl_s, now_ms);
}

static bool put(unsigned n, const char *name)
{
	return put_ttl(n, name, TTL_S, 0);
}

/* Takes and drops. */
static const char *look(unsigned n, int64_t now_ms)
{
	struct addr addr = addr_n(n);
	uint16_t ref = name_table_take(table, &addr, now_ms);
	const char *text = name_table_text(table, ref);

	name_table_drop(table, ref);
	return text;
}

static void the_last_answer_wins(void **state)
{
	(void)state;
	assert_null(look(1, 0));
	assert_true(put(1, "a.example"));
	assert_string_equal(look(1, 0), "a.example");
	assert_true(put(1, "b.example"));
	assert_string_equal(look(1, 0), "b.example");
	assert_null(look(2, 0));
}

static void a_name_that_was_taken_stays_what_it_was(void **state)
{
	struct addr addr = addr_n(1);
	uint16_t ref;

	(void)state;
	put(1, "a.example");
	ref = name_table_take(table, &addr, 0);
	put(1, "b.example");
	assert_string_equal(name_table_text(table, ref), "a.example");
	name_table_drop(table, ref);
}

static void a_short_ttl_lasts_five_minutes_and_a_long_one_a_day(void **state)
{
	static const struct {
		uint32_t ttl_s;
		int64_t life_ms;
	} cases[] = {{0, 300000}, {300, 300000}, {301, 301000}, {86400, 86400000},
		{86401, 86400000}, {UINT32_MAX, 86400000}};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_ttl(i, "a.example", cases[i].ttl_s, 1000);
		assert_non_null(look(i, 1000 + cases[i].life_ms));
		assert_null(look(i, 1001 + cases[i].life_ms));
	}
}

static void a_name_is_kept_while_a_flow_uses_it(void **state)
{
	struct addr addr = addr_n(1);
	uint16_t ref, other;

	(void)state;
	put(1, "a.example");
	put(2, "b.example");
	ref = name_table_take(table, &addr, 0);
	for (int64_t now_ms = 0; now_ms <= 3600000; now_ms += 10000)
		name_table_keep(table, &addr, ref, now_ms);
	assert_string_equal(look(1, 3600000 + 300000), "a.example");
	assert_null(look(1, 3600000 + 300001));
	name_table_drop(table, ref);

	/* The flow's name is not what the address is called now. */
	put_ttl(1, "c.example", TTL_S, 3600000);
	other = name_table_take(table, &(struct addr){4, {10, 0, 0, 2}}, 0);
	name_table_keep(table, &addr, other, 3900000);
	assert_null(look(1, 3900001));
	name_table_drop(table, other);
}

static void the_least_recently_used_address_goes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NAME_TABLE_ADDRS_MAX; i++)
		assert_true(put(i, "a.example"));
	assert_non_null(look(0, 0)); /* used: now 1 is the oldest */
	put(1, "a.example");         /* answered again: now 2 is */
	assert_true(put(5000, "b.example"));
	assert_null(look(2, 0));
	assert_non_null(look(0, 0));
	assert_non_null(look(1, 0));
	assert_non_null(look(3, 0));
	assert_string_equal(look(5000, 0), "b.example");
}

static void an_address_of_a_flow_that_goes_on_was_used(void **state)
{
	struct addr addr = addr_n(0);
	uint16_t ref;

	(void)state;
	put(0, "a.example");
	ref = name_table_take(table, &addr, 0);
	for (unsigned i = 1; i < NAME_TABLE_ADDRS_MAX; i++)
		put(i, "b.example");
	name_table_keep(table, &addr, ref, 0);
	put(5000, "b.example");
	assert_non_null(look(0, 0));
	assert_null(look(1, 0));
	name_table_drop(table, ref);
}

/* Long names: the bytes run out before the places do. */
static void what_is_old_makes_room_for_new_names(void **state)
{
	char name[ADDR_HOST_LEN];

	(void)state;
	for (unsigned i = 0; i < NAME_TABLE_ADDRS_MAX; i++) {
		snprintf(name, sizeof(name), "%0250u.a", i);
		assert_true(put(i, name));
		assert_string_equal(look(i, 0), name);
	}
	assert_null(look(0, 0));
}

static void where_flows_hold_all_names_a_new_one_finds_no_room(void **state)
{
	static const unsigned n = NAME_POOL_BYTES / 256, n_addrs = 100;
	uint16_t refs[NAME_POOL_BYTES / 256];
	unsigned newest = (n - 1) % n_addrs; /* which is not what makes room */
	char name[ADDR_HOST_LEN];

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct addr addr = addr_n(i % n_addrs);

		snprintf(name, sizeof(name), "%0250u.a", i);
		assert_true(put(i % n_addrs, name));
		refs[i] = name_table_take(table, &addr, 0);
	}
	assert_string_equal(look(newest, 0), name);
	assert_false(put(newest, "b.example"));
	assert_null(look(newest, 0)); /* what it was called before is not true any more */
	for (unsigned i = 0; i < n; i++)
		name_table_drop(table, refs[i]);
	assert_true(put(newest, "b.example"));
	assert_string_equal(look(newest, 0), "b.example");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_last_answer_wins),
		TEST(a_name_that_was_taken_stays_what_it_was),
		TEST(a_short_ttl_lasts_five_minutes_and_a_long_one_a_day),
		TEST(a_name_is_kept_while_a_flow_uses_it),
		TEST(the_least_recently_used_address_goes),
		TEST(an_address_of_a_flow_that_goes_on_was_used),
		TEST(what_is_old_makes_room_for_new_names),
		TEST(where_flows_hold_all_names_a_new_one_finds_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
