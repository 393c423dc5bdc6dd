/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/ring */
#include "ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define RING_CAP  65536
#define ITEM_MAX  1232
#define MODEL_MAX 4096

static void push(struct ring *ring, uint64_t sequence, size_t len)
{
	uint8_t data[RING_CAP + 1];

	memset(data, (int)sequence, len);
	ring_push(ring, &(struct ring_item){
				.sequence = sequence,
				.data = data,
				.len = len,
				.row_bytes = sequence * 10,
			});
}

static void datagrams_come_out_in_order_byte_for_byte(void **state)
{
	struct ring *ring = ring_new(RING_CAP);
	struct ring_item item;

	(void)state;
	push(ring, 1, 100);
	push(ring, 2, 3);
	assert_true(ring_next_unsent(ring, &item));
	assert_int_equal(item.sequence, 1);
	assert_int_equal(item.len, 100);
	assert_int_equal(item.data[99], 1);
	ring_mark_sent(ring, 1);
	assert_true(ring_next_unsent(ring, &item));
	assert_int_equal(item.sequence, 2);
	assert_int_equal(item.row_bytes, 20);
	ring_free(ring);
}

static void what_was_sent_stays_until_it_is_released(void **state)
{
	struct ring *ring = ring_new(RING_CAP);
	struct ring_item item;

	(void)state;
	push(ring, 1, 100);
	ring_mark_sent(ring, 1);
	assert_false(ring_next_unsent(ring, &item));
	assert_int_equal(ring_oldest(ring, 2), 1);
	ring_release(ring, 1);
	assert_int_equal(ring_oldest(ring, 2), 2);
	ring_free(ring);
}

static void a_release_frees_all_up_to_its_sequence(void **state)
{
	struct ring *ring = ring_new(RING_CAP);
	struct ring_item item;

	(void)state;
	for (uint64_t i = 1; i <= 5; i++)
		push(ring, i, 100);
	ring_release(ring, 3);
	assert_int_equal(ring_oldest(ring, 6), 4);
	assert_true(ring_next_unsent(ring, &item));
	assert_int_equal(item.sequence, 4);
	assert_int_equal(ring_stats(ring)->evicted_datagrams, 0);
	ring_release(ring, UINT64_MAX);
	assert_int_equal(ring_oldest(ring, 6), 6);
	ring_free(ring);
}

static void a_full_ring_evicts_the_oldest_and_counts_its_traffic(void **state)
{
	struct ring *ring = ring_new(4096);

	(void)state;
	for (uint64_t i = 1; i <= 5; i++)
		push(ring, i, 1010);
	assert_int_equal(ring_oldest(ring, 6), 3);
	assert_int_equal(ring_stats(ring)->evicted_datagrams, 2);
	assert_int_equal(ring_stats(ring)->evicted_bytes, 30);
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
	struct ring_item item;

	(void)state;
	ring_mark_sent(ring, 1);
	push(ring, 1, 100);
	ring_mark_sent(ring, 7);
	assert_true(ring_next_unsent(ring, &item));
	ring_free(ring);
}

/* The ring as a plain list, which knows neither wrapping nor eviction: both are read from the ring.
 */
struct model {
	struct {
		uint64_t sequence, row_bytes;
		size_t len;
		bool is_sent;
	} items[MODEL_MAX];
	size_t first, n;
	uint64_t next;
	uint64_t evicted_bytes, evicted_datagrams;
};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(*seed >> 33) % below;
}

static void model_push(struct model *m, struct ring *ring, size_t len)
{
	size_t last = (m->first + m->n++) % MODEL_MAX;

	m->items[last].sequence = m->next;
	m->items[last].row_bytes = m->next * 10;
	m->items[last].len = len;
	m->items[last].is_sent = false;
	push(ring, m->next++, len);
	while (m->items[m->first].sequence < ring_oldest(ring, m->next)) {
		m->evicted_bytes += m->items[m->first].row_bytes;
		m->evicted_datagrams++;
		m->first = (m->first + 1) % MODEL_MAX;
		m->n--;
	}
}

static void model_release(struct model *m, struct ring *ring, uint64_t sequence)
{
	while (m->n > 0 && m->items[m->first].sequence <= sequence) {
		m->first = (m->first + 1) % MODEL_MAX;
		m->n--;
	}
	ring_release(ring, sequence);
}

static void model_send(struct model *m, struct ring *ring, uint64_t sequence)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->items[(m->first + i) % MODEL_MAX].sequence == sequence)
			m->items[(m->first + i) % MODEL_MAX].is_sent = true;
	ring_mark_sent(ring, sequence);
}

static void check_item(const struct ring_item *item, size_t len)
{
	uint8_t expected[ITEM_MAX];

	memset(expected, (int)item->sequence, len);
	assert_int_equal(item->len, len);
	assert_int_equal(item->row_bytes, item->sequence * 10);
	assert_memory_equal(item->data, expected, len);
}

static void check_against(const struct model *m, struct ring *ring)
{
	struct ring_item item;
	size_t i = 0;

	assert_int_equal(ring_stats(ring)->evicted_bytes, m->evicted_bytes);
	assert_int_equal(ring_stats(ring)->evicted_datagrams, m->evicted_datagrams);
	assert_int_equal(
		ring_oldest(ring, m->next), m->n > 0 ? m->items[m->first].sequence : m->next);
	while (i < m->n && m->items[(m->first + i) % MODEL_MAX].is_sent)
		i++;
	assert_int_equal(ring_next_unsent(ring, &item), i < m->n);
	if (i == m->n)
		return;
	assert_int_equal(item.sequence, m->items[(m->first + i) % MODEL_MAX].sequence);
	check_item(&item, m->items[(m->first + i) % MODEL_MAX].len);
}

static void the_ring_agrees_with_a_list_over_random_schedules(void **state)
{
	static struct model m;
	uint64_t seed = 99;

	(void)state;
	for (unsigned run = 0; run < 20; run++) {
		size_t cap = 3000 + draw(&seed, 20000);
		struct ring *ring = ring_new(cap);

		m = (struct model){.next = 1};
		for (unsigned i = 0; i < 5000; i++) {
			uint64_t near = m.next - draw(&seed, (uint32_t)(m.n + 1));

			switch (draw(&seed, 4 + run % 4)) {
			case 0:
				model_send(&m, ring, near);
				break;
			case 1:
				model_release(&m, ring, near - (near > 1));
				break;
			default:
				model_push(&m, ring, draw(&seed, ITEM_MAX + 1));
				assert_true(m.n >= 1);
			}
			check_against(&m, ring);
		}
		ring_free(ring);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_come_out_in_order_byte_for_byte),
		cmocka_unit_test(what_was_sent_stays_until_it_is_released),
		cmocka_unit_test(a_release_frees_all_up_to_its_sequence),
		cmocka_unit_test(a_full_ring_evicts_the_oldest_and_counts_its_traffic),
		cmocka_unit_test(a_datagram_larger_than_the_ring_is_counted_and_evicts_nobody),
		cmocka_unit_test(an_unknown_sequence_marks_nothing),
		cmocka_unit_test(the_ring_agrees_with_a_list_over_random_schedules),
		cmocka_unit_test(a_ring_keeps_most_of_its_capacity_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
