/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/series_slots */
#include "series_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CAP 4096

static struct series_slots slots;

static int set_up(void **state)
{
	(void)state;
	return series_slots_init(&slots, 1, CAP) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	series_slots_done(&slots);
	return 0;
}

static uint64_t first_hash(enum series_queue queue)
{
	return series_slots_first(&slots, queue)->hash;
}

static void a_full_table_takes_no_more_until_one_is_dropped(void **state)
{
	struct series_slot *slot;

	(void)state;
	for (uint64_t hash = 0; hash < CAP; hash++)
		assert_non_null(series_slots_add(&slots, hash));
	assert_null(series_slots_add(&slots, CAP));
	slot = series_slots_find(&slots, 7);
	slot->is_over = true;
	series_slots_drop(&slots, slot);
	assert_null(series_slots_find(&slots, 7));
	slot = series_slots_add(&slots, CAP);
	assert_non_null(slot);
	assert_false(slot->is_over);
	assert_null(series_slots_add(&slots, 7));
}

static void those_of_one_bucket_are_told_apart(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		series_slots_add(&slots, i << 32)->pod = (uint16_t)i;
	series_slots_find(&slots, UINT64_C(2) << 32)->is_over = true;
	series_slots_drop(&slots, series_slots_find(&slots, UINT64_C(2) << 32));
	assert_int_equal(series_slots_find(&slots, UINT64_C(1) << 32)->pod, 1);
	assert_null(series_slots_find(&slots, UINT64_C(2) << 32));
	assert_int_equal(series_slots_find(&slots, UINT64_C(3) << 32)->pod, 3);
	assert_null(series_slots_find(&slots, 0));
}

static void a_queue_gives_out_in_order_and_each_one_once(void **state)
{
	struct series_slot *first = series_slots_add(&slots, 1);
	struct series_slot *second = series_slots_add(&slots, 2);
	const struct series_slot *next;

	(void)state;
	assert_null(series_slots_first(&slots, SERIES_FRESH));
	series_slots_push(&slots, second, SERIES_FRESH);
	series_slots_push(&slots, first, SERIES_FRESH);
	series_slots_push(&slots, second, SERIES_FRESH);
	assert_int_equal(first_hash(SERIES_FRESH), 2);
	next = series_slots_next(&slots, series_slots_first(&slots, SERIES_FRESH), SERIES_FRESH);
	assert_int_equal(next->hash, 1);
	assert_null(series_slots_next(&slots, next, SERIES_FRESH));
	assert_ptr_equal(series_slots_pop(&slots, SERIES_FRESH), second);
	assert_ptr_equal(series_slots_pop(&slots, SERIES_FRESH), first);
	assert_null(series_slots_first(&slots, SERIES_FRESH));
	series_slots_push(&slots, second, SERIES_FRESH);
	assert_int_equal(first_hash(SERIES_FRESH), 2);
}

static void a_slot_may_stand_in_both_queues(void **state)
{
	struct series_slot *slot = series_slots_add(&slots, 1);

	(void)state;
	series_slots_push(&slots, slot, SERIES_FRESH);
	series_slots_push(&slots, slot, SERIES_PATIENT);
	assert_ptr_equal(series_slots_pop(&slots, SERIES_FRESH), slot);
	assert_int_equal(first_hash(SERIES_PATIENT), 1);
	assert_ptr_equal(series_slots_pop(&slots, SERIES_PATIENT), slot);
}

static void what_is_queued_stays_so_when_the_table_grows(void **state)
{
	(void)state;
	for (uint64_t hash = 0; hash < CAP; hash++)
		series_slots_push(&slots, series_slots_add(&slots, hash), SERIES_PATIENT);
	for (uint64_t hash = 0; hash < CAP; hash++)
		assert_int_equal(series_slots_pop(&slots, SERIES_PATIENT)->hash, hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_full_table_takes_no_more_until_one_is_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			those_of_one_bucket_are_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_queue_gives_out_in_order_and_each_one_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_slot_may_stand_in_both_queues, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_queued_stays_so_when_the_table_grows, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
