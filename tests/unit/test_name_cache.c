/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/name_cache */
#include "name_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CAP 4
#define TTL 60000

static struct addr addr_of(uint32_t n)
{
	const uint8_t bytes[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	return addr_v4(bytes);
}

static int set_up(void **state)
{
	*state = name_cache_new(CAP, 1);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	name_cache_free(*state);
	return 0;
}

static enum name_cache_state get(struct name_cache *cache, uint32_t n, int64_t now_ms)
{
	struct addr addr = addr_of(n);
	const char *name;

	return name_cache_get(cache, &addr, now_ms, &name);
}

static void put(struct name_cache *cache, uint32_t n, const char *name, int64_t ttl_ms)
{
	struct addr addr = addr_of(n);

	name_cache_put(cache, &addr, name, ttl_ms, 0);
}

static bool ask(struct name_cache *cache, uint32_t n)
{
	struct addr addr = addr_of(n);

	return name_cache_ask(cache, &addr, 0);
}

static void an_unknown_address_is_absent(void **state)
{
	assert_int_equal(get(*state, 1, 0), NAME_CACHE_ABSENT);
}

static void a_name_is_given_until_its_time_is_over(void **state)
{
	struct addr addr = addr_of(1);
	const char *name = NULL;

	put(*state, 1, "web.example", TTL);
	assert_int_equal(name_cache_get(*state, &addr, TTL - 1, &name), NAME_CACHE_NAME);
	assert_string_equal(name, "web.example");
	assert_int_equal(get(*state, 1, TTL), NAME_CACHE_ABSENT);
}

static void an_asked_address_waits_for_its_answer(void **state)
{
	assert_true(ask(*state, 1));
	assert_int_equal(get(*state, 1, INT64_MAX), NAME_CACHE_ASKED);
	put(*state, 1, "a", TTL);
	assert_int_equal(get(*state, 1, 0), NAME_CACHE_NAME);
}

static void a_negative_answer_is_remembered(void **state)
{
	struct addr addr = addr_of(1);

	name_cache_put_negative(*state, &addr, TTL, 0);
	assert_int_equal(get(*state, 1, TTL - 1), NAME_CACHE_NEGATIVE);
	assert_int_equal(get(*state, 1, TTL), NAME_CACHE_ABSENT);
}

static void a_short_life_is_lengthened(void **state)
{
	put(*state, 1, "a", 0);
	assert_int_equal(get(*state, 1, NAME_CACHE_TTL_MIN_MS - 1), NAME_CACHE_NAME);
}

static void a_long_life_is_shortened(void **state)
{
	put(*state, 1, "a", INT64_MAX);
	assert_int_equal(get(*state, 1, NAME_CACHE_TTL_MAX_MS), NAME_CACHE_ABSENT);
}

static void the_least_recently_used_goes_when_full(void **state)
{
	for (uint32_t i = 1; i <= CAP; i++)
		put(*state, i, "a", TTL);
	assert_int_equal(get(*state, 1, 0), NAME_CACHE_NAME);
	put(*state, CAP + 1, "b", TTL);
	assert_int_equal(get(*state, 1, 0), NAME_CACHE_NAME);
	assert_int_equal(get(*state, 2, 0), NAME_CACHE_ABSENT);
	assert_int_equal(name_cache_count(*state), CAP);
}

static void what_is_asked_for_is_never_evicted(void **state)
{
	for (uint32_t i = 1; i <= CAP; i++)
		assert_true(ask(*state, i));
	assert_false(ask(*state, CAP + 1));
	put(*state, CAP + 1, "a", TTL);
	assert_int_equal(get(*state, CAP + 1, 0), NAME_CACHE_ABSENT);
	assert_int_equal(get(*state, 1, 0), NAME_CACHE_ASKED);
}

static void an_expired_name_can_be_asked_for_again(void **state)
{
	put(*state, 1, "a", TTL);
	assert_true(ask(*state, 1));
	assert_int_equal(get(*state, 1, 0), NAME_CACHE_ASKED);
	assert_int_equal(name_cache_count(*state), 1);
}

static void an_expired_name_serves_until_the_answer_is_there(void **state)
{
	struct addr addr = addr_of(1);
	const char *name;

	put(*state, 1, "web.example", TTL);
	assert_int_equal(name_cache_get(*state, &addr, TTL, &name), NAME_CACHE_ABSENT);
	assert_string_equal(name, "web.example");
	assert_true(ask(*state, 1));
	assert_int_equal(name_cache_get(*state, &addr, TTL, &name), NAME_CACHE_ASKED);
	assert_string_equal(name, "web.example");
	name_cache_put_negative(*state, &addr, TTL, TTL);
	assert_int_equal(name_cache_get(*state, &addr, TTL, &name), NAME_CACHE_NEGATIVE);
	assert_null(name);
}

static void a_name_that_is_too_long_is_cut(void **state)
{
	struct addr addr = addr_of(1);
	const char *name = NULL;
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	put(*state, 1, text, TTL);
	assert_int_equal(name_cache_get(*state, &addr, 0, &name), NAME_CACHE_NAME);
	assert_int_equal(strlen(name), ADDR_HOST_LEN - 1);
}

/* A model of the cache small enough to be obviously right: what was put last, and nothing else. */
static void many_random_acts_never_give_a_wrong_name(void **state)
{
	uint32_t random = 1;

	for (int i = 0; i < 200000; i++) {
		char expected[16];
		const char *name = NULL;
		struct addr addr;

		random = random * 1664525 + 1013904223;
		addr = addr_of(random >> 28);
		expected[0] = (char)('a' + (random >> 28));
		expected[1] = '\0';
		if (random >> 8 & 1 && random >> 9 & 1)
			name_cache_ask(*state, &addr, i);
		else if (random >> 8 & 1)
			name_cache_put(*state, &addr, expected, TTL, i);
		else if (name_cache_get(*state, &addr, i, &name) == NAME_CACHE_NAME)
			assert_string_equal(name, expected);
		assert_true(name_cache_count(*state) <= CAP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_unknown_address_is_absent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_name_is_given_until_its_time_is_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_asked_address_waits_for_its_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_negative_answer_is_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_short_life_is_lengthened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_life_is_shortened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_least_recently_used_goes_when_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_asked_for_is_never_evicted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_expired_name_can_be_asked_for_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_expired_name_serves_until_the_answer_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_is_too_long_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			many_random_acts_never_give_a_wrong_name, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
