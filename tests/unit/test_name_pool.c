/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/name_pool */
#include "name_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name_pool *pool;

static int setup(void **state)
{
	(void)state;
	pool = name_pool_new(7);
	return pool ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	name_pool_free(pool);
	return 0;
}

/* A text of that length, another one for each n. */
static const char *text_of(unsigned n, size_t len)
{
	static char text[ADDR_HOST_LEN];
	char number[12];

	memset(text, 'x', len);
	text[len] = '\0';
	snprintf(number, sizeof(number), "%u-", n);
	memcpy(text, number, strlen(number) < len ? strlen(number) : len);
	return text;
}

static void a_name_is_held_once_however_often_it_is_taken(void **state)
{
	uint16_t one = name_pool_take(pool, "a.example");
	uint16_t other = name_pool_take(pool, "b.example");

	(void)state;
	assert_int_not_equal(one, 0);
	assert_int_not_equal(one, other);
	assert_int_equal(name_pool_take(pool, "a.example"), one);
	assert_string_equal(name_pool_text(pool, one), "a.example");
	assert_string_equal(name_pool_text(pool, other), "b.example");
	assert_null(name_pool_text(pool, 0));
}

static void a_name_lives_until_its_last_reference_is_dropped(void **state)
{
	uint16_t ref = name_pool_take(pool, "a.example");

	(void)state;
	name_pool_hold(pool, ref);
	name_pool_drop(pool, ref);
	assert_int_equal(name_pool_take(pool, "a.example"), ref);
	name_pool_drop(pool, ref);
	name_pool_drop(pool, ref);
	/* Its number may be another name's now. */
	assert_int_equal(name_pool_take(pool, "b.example"), ref);
	assert_string_equal(name_pool_text(pool, ref), "b.example");
	name_pool_hold(pool, 0);
	name_pool_drop(pool, 0);
}

static void there_are_2048_names_and_no_more(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NAME_POOL_NAMES_MAX; i++)
		assert_int_not_equal(name_pool_take(pool, text_of(i, 8)), 0);
	assert_int_equal(name_pool_take(pool, "one.more"), 0);
	name_pool_drop(pool, name_pool_take(pool, text_of(5, 8)));
	assert_int_equal(name_pool_take(pool, "one.more"), 0); /* it had two references */
	name_pool_drop(pool, 6);
	assert_int_equal(name_pool_take(pool, "one.more"), 6);
}

static void bytes_are_used_to_the_last_and_not_beyond(void **state)
{
	/* 255 * 257 bytes are one less than 64 KiB: what is left is too short for a name. */
	const unsigned n = NAME_POOL_BYTES / 257;

	(void)state;
	for (unsigned i = 0; i < n; i++)
		assert_int_not_equal(name_pool_take(pool, text_of(i, 253)), 0);
	assert_int_equal(name_pool_take(pool, "a"), 0);
	for (unsigned i = 0; i < n; i++) {
		uint16_t ref = name_pool_take(pool, text_of(i, 253));

		assert_string_equal(name_pool_text(pool, ref), text_of(i, 253));
	}
}

static void what_was_dropped_makes_room_and_the_rest_keeps_its_text(void **state)
{
	const unsigned n = NAME_POOL_BYTES / 104;
	uint16_t refs[NAME_POOL_BYTES / 104];

	(void)state;
	for (unsigned i = 0; i < n; i++)
		refs[i] = name_pool_take(pool, text_of(i, 100));
	assert_int_equal(name_pool_take(pool, text_of(n, 253)), 0);
	for (unsigned i = 0; i < n; i += 3)
		name_pool_drop(pool, refs[i]);
	assert_int_not_equal(name_pool_take(pool, text_of(n, 253)), 0);
	for (unsigned i = 0; i < n; i++)
		if (i % 3)
			assert_string_equal(name_pool_text(pool, refs[i]), text_of(i, 100));
}

/* A million names come and go by chance; a plain list says what must be there. */
static void the_pool_agrees_with_a_plain_list(void **state)
{
	enum {
		N = 600
	};
	static struct {
		unsigned n, len;
		uint16_t ref;
	} held[N];
	uint32_t x = 1;

	(void)state;
	for (unsigned round = 0; round < 1000000; round++) {
		size_t i;

		x = x * 1664525 + 1013904223;
		i = (x >> 8) % N;
		if (held[i].ref) {
			const char *want = text_of(held[i].n, held[i].len);

			assert_string_equal(name_pool_text(pool, held[i].ref), want);
			name_pool_drop(pool, held[i].ref);
			held[i].ref = 0;
			continue;
		}
		held[i].n = (x >> 16) % 900;
		held[i].len = 8 + held[i].n % 200;
		held[i].ref = name_pool_take(pool, text_of(held[i].n, held[i].len));
		if (held[i].ref)
			assert_string_equal(
				name_pool_text(pool, held[i].ref), text_of(held[i].n, held[i].len));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_name_is_held_once_however_often_it_is_taken),
		TEST(a_name_lives_until_its_last_reference_is_dropped),
		TEST(there_are_2048_names_and_no_more),
		TEST(bytes_are_used_to_the_last_and_not_beyond),
		TEST(what_was_dropped_makes_room_and_the_rest_keeps_its_text),
		TEST(the_pool_agrees_with_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
