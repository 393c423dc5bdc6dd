/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CAP 1024

static alignas(max_align_t) uint8_t bytes[CAP];

static struct arena arena_new(void)
{
	return (struct arena){.bytes = bytes, .cap = CAP};
}

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
	struct arena arena = arena_new();
	uint8_t *before = NULL;
	size_t size = 1;

	(void)state;
	for (uint8_t *p; (p = arena_alloc(&arena, size)); size = size % 40 + 1) {
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		assert_true(p >= bytes && p + size <= bytes + CAP);
		assert_true(!before || p > before);
		memset(p, 0xff, size);
		before = p;
	}
	assert_true(arena.used > CAP * 3 / 4);
}

static void all_of_it_may_be_one_piece(void **state)
{
	struct arena arena = arena_new();

	(void)state;
	assert_non_null(arena_alloc(&arena, CAP));
	assert_null(arena_alloc(&arena, 1));
	assert_ptr_equal(arena_alloc(&arena, 0), bytes + CAP);
}

static void an_odd_last_piece_does_not_pass_the_end(void **state)
{
	struct arena arena = arena_new();

	(void)state;
	assert_non_null(arena_alloc(&arena, CAP - 1));
	assert_int_equal(arena.used, CAP);
	assert_null(arena_alloc(&arena, 1));
}

static void more_than_there_is_is_refused_and_takes_nothing(void **state)
{
	struct arena arena = arena_new();

	(void)state;
	assert_null(arena_alloc(&arena, CAP + 1));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - alignof(max_align_t) + 2));
	assert_int_equal(arena.used, 0);
	assert_non_null(arena_alloc(&arena, 16));
	assert_null(arena_alloc(&arena, SIZE_MAX - 8));
	assert_null(arena_alloc(&arena, CAP - 15));
	assert_non_null(arena_alloc(&arena, CAP - 16));
}

static void what_was_used_is_taken_back_at_once(void **state)
{
	struct arena arena = arena_new();
	void *first;

	(void)state;
	first = arena_alloc(&arena, CAP);
	arena.used = 0;
	assert_ptr_equal(arena_alloc(&arena, 8), first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
		cmocka_unit_test(all_of_it_may_be_one_piece),
		cmocka_unit_test(an_odd_last_piece_does_not_pass_the_end),
		cmocka_unit_test(more_than_there_is_is_refused_and_takes_nothing),
		cmocka_unit_test(what_was_used_is_taken_back_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
