/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/ring */
#include "ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define RING_CAP 65536
#define ITEM_MAX 1232
#define FOR_EVER UINT32_MAX

static void push_due(struct ring *ring, uint64_t sequence, size_t len, int64_t due_ms)
{
	uint8_t data[RING_CAP + 1];

	memset(data, (int)sequence, len);
	ring_push(ring, &(struct ring_item){
				.sequence = sequence,
				.data = data,
				.len = len,
				.row_bytes = sequence * 10,
				.due_ms = due_ms,
			});
}

static void push(struct ring *ring, uint64_t sequence, size_t len)
{
	push_due(ring, sequence, len, 0);
}

/* 0: none. */
static uint64_t next_due(const struct ring *ring, int64_t now_ms, uint32_t max_tries)
{
	struct ring_item item;

	return ring_next_due(ring, now_ms, max_tries, &item) ? item.sequence : 0;
}

static void datagrams_come_out_in_order_byte_for_byte(void **state)
{
	struct ring *ring = ring_new(RING_CAP);
	struct ring_item item;

	(void)state;
	push(ring, 1, 100);
	push(ring, 2, 3);
	assert_true(ring_next_due(ring, 0, 0, &item));
	assert_int_equal(item.sequence, 1);
	assert_int_equal(item.len, 100);
	assert_int_equal(item.data[99], 1);
	ring_mark_sent(ring, 1, 5);
	assert_true(ring_next_due(ring, 0, 0, &item));
	assert_int_equal(item.sequence, 2);
	assert_int_equal(item.row_bytes, 20);
	ring_free(ring);
}

static void nothing_goes_before_it_is_due(void **state)
{
	struct ring *ring = ring_new(RING_CAP);

	(void)state;
	push_due(ring, 1, 10, 100);
	push_due(ring, 2, 10, 50);
	assert_int_equal(next_due(ring, 49, FOR_EVER), 0);
	assert_int_equal(next_due(ring, 50, FOR_EVER), 2);
	assert_int_equal(next_due(ring, 100, FOR_EVER), 1);
	assert_int_equal(ring_due_ms(ring, FOR_EVER), 50);
	ring_free(ring);
}

static void what_was_sent_is_due_again_and_stays_until_it_is_acknowledged(void **state)
{
	struct ring *ring = ring_new(RING_CAP);

	(void)state;
	push(ring, 1, 100);
	ring_mark_sent(ring, 1, 5000);
	assert_int_equal(next_due(ring, 4999, FOR_EVER), 0);
	assert_int_equal(next_due(ring, 5000, FOR_EVER), 1);
	assert_int_equal(next_due(ring, 5000, 0), 0);
	assert_int_equal(ring_due_ms(ring, 0), INT64_MAX);
	assert_true(ring_acknowledge(ring, 1));
	assert_int_equal(next_due(ring, 5000, FOR_EVER), 0);
	assert_true(ring_is_empty(ring));
	assert_int_equal(ring_oldest(ring, 2), 2);
	ring_free(ring);
}

static void one_in_the_middle_is_acknowledged_and_the_oldest_stays(void **state)
{
	struct ring *ring = ring_new(RING_CAP);

	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		push(ring, i, 100);
	assert_true(ring_acknowledge(ring, 2));
	assert_false(ring_acknowledge(ring, 2));
	assert_int_equal(ring_oldest(ring, 4), 1);
	assert_true(ring_acknowledge(ring, 1));
	assert_int_equal(ring_oldest(ring, 4), 3);
	assert_false(ring_acknowledge(ring, 1));
	assert_false(ring_acknowledge(ring, 9));
	ring_free(ring);
}

static void all_up_to_a_sequence_are_acknowledged_at_once(void **state)
{
	struct ring *ring = ring_new(RING_CAP);

	(void)state;
	for (uint64_t i = 1; i <= 5; i++)
		push(ring, i, 100);
	assert_int_equal(ring_acknowledge_up_to(ring, 3), 3);
	assert_int_equal(ring_oldest(ring, 6), 4);
	assert_int_equal(ring_acknowledge_up_to(ring, 3), 0);
	assert_int_equal(ring_acknowledge_up_to(ring, UINT64_MAX), 2);
	assert_true(ring_is_empty(ring));
	assert_int_equal(ring_stats(ring)->evicted_datagrams, 0);
	ring_free(ring);
}

static void a_full_ring_evicts_the_oldest_and_counts_its_traffic(void **state)
{
	struct ring *ring = ring_new(4096);

	(void)state;
	for (uint64_t i = 1; i <= 5; i++)
		push(ring, i, 1000);
	assert_int_equal(ring_oldest(ring, 6), 3);
	assert_int_equal(ring_stats(ring)->evicted_datagrams, 2);
	assert_int_equal(ring_stats(ring)->evicted_bytes, 30);
	ring_free(ring);
}

static void what_was_acknowledged_is_not_counted_when_it_makes_room(void **state)
{
	struct ring *ring = ring_new(4096);

	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		push(ring, i, 1000);
	ring_acknowledge(ring, 2);
	push(ring, 4, 1000);
	assert_int_equal(ring_oldest(ring, 5), 3);
	assert_int_equal(ring_stats(ring)->evicted_datagrams, 1);
	assert_int_equal(ring_stats(ring)->evicted_bytes, 10);
	ring_free(ring);
}

static void room_can_be_made_before_the_push(void **state)
{
	struct ring *ring = ring_new(4096);

	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		push(ring, i, 1000);
	assert_false(ring_has_room(ring, 1000));
	ring_make_room(ring, 1000);
	assert_true(ring_has_room(ring, 1000));
	assert_int_equal(ring_oldest(ring, 4), 2);
	push(ring, 4, 1000);
	assert_int_equal(ring_oldest(ring, 5), 2);
	ring_make_room(ring, RING_CAP); /* never */
	assert_true(ring_is_empty(ring));
	ring_free(ring);
}

static void a_datagram_larger_than_the_ring_is_counted_and_evicts_nobody(void **state)
{
	struct ring *ring = ring_new(4096);

	(void)state;
	push(ring, 1, 1000);
	push(ring, 2, 4096);
	assert_int_equal(ring_oldest(ring, 3), 1);
	assert_int_equal(ring_stats(ring)->evicted_datagrams, 1);
	assert_int_equal(ring_stats(ring)->evicted_bytes, 20);
	ring_free(ring);
}

static void an_unknown_sequence_marks_nothing(void **state)
{
	struct ring *ring = ring_new(RING_CAP);

	(void)state;
	ring_mark_sent(ring, 1, 9);
	push(ring, 1, 100);
	ring_mark_sent(ring, 7, 9);
	assert_int_equal(next_due(ring, 0, 0), 1);
	ring_free(ring);
}

static void haste_spares_those_that_were_sent_too_often(void **state)
{
	struct ring *ring = ring_new(RING_CAP);
	struct ring_item item;

	(void)state;
	push_due(ring, 1, 10, 500);
	push_due(ring, 2, 10, 500);
	ring_mark_sent(ring, 1, 500);
	ring_mark_sent(ring, 1, 500);
	ring_hurry(ring, 10, 0);
	assert_int_equal(next_due(ring, 10, FOR_EVER), 2);
	ring_hurry(ring, 10, FOR_EVER);
	assert_true(ring_next_due(ring, 10, FOR_EVER, &item));
	assert_int_equal(item.sequence, 1);
	assert_int_equal(item.tries, 1);
	ring_free(ring);
}

static void a_ring_keeps_most_of_its_capacity_in_use(void **state)
{
	struct ring *ring = ring_new(RING_CAP);

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++)
		push(ring, i, ITEM_MAX);
	assert_true((1001 - ring_oldest(ring, 1001)) * ITEM_MAX > RING_CAP * 95 / 100);
	ring_free(ring);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(datagrams_come_out_in_order_byte_for_byte),
		TEST(nothing_goes_before_it_is_due),
		TEST(what_was_sent_is_due_again_and_stays_until_it_is_acknowledged),
		TEST(one_in_the_middle_is_acknowledged_and_the_oldest_stays),
		TEST(all_up_to_a_sequence_are_acknowledged_at_once),
		TEST(a_full_ring_evicts_the_oldest_and_counts_its_traffic),
		TEST(what_was_acknowledged_is_not_counted_when_it_makes_room),
		TEST(room_can_be_made_before_the_push),
		TEST(a_datagram_larger_than_the_ring_is_counted_and_evicts_nobody),
		TEST(an_unknown_sequence_marks_nothing),
		TEST(haste_spares_those_that_were_sent_too_often),
		TEST(a_ring_keeps_most_of_its_capacity_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
