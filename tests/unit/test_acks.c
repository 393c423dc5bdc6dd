/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/acks collector/ledger collector/ledger_boot collector/ledger_forget */
/* uses: collector/ledger_runs collector/ledger_table collector/ledger_touches */
#include "acks.h"

#include "wire_ack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REQUEST_LEN 200

struct fixture {
	struct ledger *ledger;
	struct acks *acks;
	struct stats stats;
	bool is_deaf; /* the kernel takes nothing */
	unsigned n_sent;
	struct ack last;
	size_t last_len;
	socklen_t last_to;
	size_t longest;
};

static bool sent(void *ctx, const struct receive_from *to, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	if (f->is_deaf)
		return false;
	assert_int_equal(wire_ack_decode(data, len, &f->last), WIRE_OK);
	f->last_len = len;
	f->last_to = to->len;
	f->n_sent++;
	if (len > f->longest)
		f->longest = len;
	return true;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
	f->acks = acks_new(f->ledger, &f->stats, 1, sent, f);
	*state = f;
	return f->ledger && f->acks ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	acks_free(f->acks);
	ledger_free(f->ledger);
	free(f);
	return 0;
}

static const uint8_t *boot(uint32_t i)
{
	static uint8_t id[BOOT_ID_LEN] = "boot";

	memcpy(id + 8, &i, sizeof(i));
	return id;
}

static enum ledger_verdict offer(struct fixture *f, uint32_t i, uint64_t sequence, uint64_t oldest)
{
	const struct ledger_claim claim = {.boot_id = boot(i),
		.sequence = sequence,
		.oldest = oldest,
		.observer = "test,-,web-0"};

	return ledger_offer(f->ledger, &claim);
}

/* `from.len` tells the senders apart: the module does not look into it. */
static void note(
	struct fixture *f, uint32_t i, socklen_t sender, size_t len, bool is_owed, int64_t now_ms)
{
	struct receive_from from = {.len = sender};

	acks_note(f->acks, boot(i), &from, len, is_owed, now_ms);
}

static void arrive(struct fixture *f, uint32_t i, uint64_t sequence)
{
	assert_int_equal(offer(f, i, sequence, 1), LEDGER_NEW);
	note(f, i, 1, REQUEST_LEN, false, 0);
}

static void owe(void *ctx, const uint8_t boot_id[static BOOT_ID_LEN])
{
	acks_owe(ctx, boot_id);
}

static void commit(struct fixture *f, uint32_t i, uint64_t first, uint64_t last, uint64_t step)
{
	ledger_batch_begin(f->ledger);
	for (uint64_t sequence = first; sequence <= last; sequence += step)
		ledger_batch_add(f->ledger, boot(i), sequence, 10);
	ledger_batch_commit(f->ledger, owe, f->acks);
}

static void before_the_commit_none_is_sent(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1, 1);
	acks_send(f->acks, 0);
	assert_int_equal(f->n_sent, 0);
	commit(f, 1, 1, 1, 1);
	acks_send(f->acks, 0);
	assert_int_equal(f->n_sent, 1);
	assert_int_equal(f->last.contiguous, 1);
	assert_int_equal(f->last.bitmap_len, 0);
	assert_int_equal(f->stats.acks, 1);
	assert_int_equal(f->stats.ack_bytes, f->last_len);
}

static void a_batch_of_many_datagrams_has_one_for_each_boot(void **state)
{
	struct fixture *f = *state;

	for (uint64_t sequence = 1; sequence <= 100; sequence++)
		arrive(f, 1, sequence);
	arrive(f, 2, 1);
	commit(f, 1, 1, 100, 1);
	commit(f, 2, 1, 1, 1);
	acks_send(f->acks, 0);
	assert_int_equal(f->n_sent, 2);
	acks_send(f->acks, 0);
	assert_int_equal(f->n_sent, 2);
}

static void what_is_committed_beyond_a_gap_is_in_the_bitmap(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1, 1);
	arrive(f, 1, 3);
	arrive(f, 1, 5);
	commit(f, 1, 1, 5, 2);
	acks_send(f->acks, 0);
	assert_int_equal(f->last.contiguous, 1);
	assert_int_equal(f->last.bitmap_len, 1);
	assert_int_equal(f->last.bitmap[0], 0x05); /* 3 and 5 */
}

static void what_is_stepped_over_is_acknowledged_as_if_it_were_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(offer(f, 1, 8, 8), LEDGER_NEW);
	note(f, 1, 1, REQUEST_LEN, false, 0);
	commit(f, 1, 8, 8, 1);
	acks_send(f->acks, 0);
	assert_int_equal(f->last.contiguous, 8);
}

static void an_aborted_batch_owes_none(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1, 1);
	ledger_batch_begin(f->ledger);
	ledger_batch_add(f->ledger, boot(1), 1, 10);
	ledger_batch_abort(f->ledger, NULL, NULL);
	acks_send(f->acks, 0);
	assert_int_equal(f->n_sent, 0);
}

static void a_duplicate_is_acknowledged_once_a_beat(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1, 1);
	commit(f, 1, 1, 1, 1);
	acks_send(f->acks, 0);
	for (int i = 0; i < 50; i++)
		note(f, 1, 1, REQUEST_LEN, true, 1);
	acks_send(f->acks, 1);
	assert_int_equal(f->n_sent, 2);
}

static void it_goes_to_where_the_last_datagram_came_from(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1, 1);
	note(f, 1, 7, REQUEST_LEN, false, 0);
	commit(f, 1, 1, 1, 1);
	acks_send(f->acks, 0);
	assert_int_equal(f->last_to, 7);
}

static void none_is_longer_than_what_it_answers(void **state)
{
	struct fixture *f = *state;

	for (uint64_t sequence = 2; sequence <= 2000; sequence += 2)
		arrive(f, 1, sequence);
	commit(f, 1, 2, 2000, 2);
	for (size_t len = 0; len <= WIRE_DATAGRAM_MAX; len += 10) {
		f->last_len = 0;
		note(f, 1, 1, len, true, 0);
		acks_send(f->acks, 0);
		assert_true(f->last_len <= len);
	}
	assert_true(f->longest > 200);
	assert_int_equal(f->stats.acks + f->stats.acks_dropped, WIRE_DATAGRAM_MAX / 10 + 1);
	assert_true(f->stats.acks_dropped >= 2 && f->stats.acks_dropped < 5);
}

static void one_that_the_kernel_does_not_take_is_counted_and_not_kept(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1, 1);
	commit(f, 1, 1, 1, 1);
	f->is_deaf = true;
	acks_send(f->acks, 0);
	assert_int_equal(f->stats.acks_dropped, 1);
	assert_int_equal(f->stats.acks, 0);
	f->is_deaf = false;
	acks_send(f->acks, 0);
	assert_int_equal(f->n_sent, 0);
}

static void a_boot_that_the_ledger_does_not_know_has_none(void **state)
{
	struct fixture *f = *state;

	note(f, 9, 1, REQUEST_LEN, true, 0);
	acks_owe(f->acks, boot(10));
	acks_send(f->acks, 0);
	assert_int_equal(f->n_sent, 0);
}

static void a_full_table_keeps_those_that_it_has_and_counts_the_others(void **state)
{
	struct fixture *f = *state;

	arrive(f, 0, 1);
	for (uint32_t i = 1; i < ACKS_MAX; i++)
		note(f, i, 1, REQUEST_LEN, false, 1);
	assert_int_equal(f->stats.acks_dropped, 0);
	note(f, ACKS_MAX, 1, REQUEST_LEN, false, 1);
	assert_int_equal(f->stats.acks_dropped, 1);
	commit(f, 0, 1, 1, 1);
	acks_send(f->acks, 1);
	assert_int_equal(f->n_sent, 1);
}

static void those_that_are_not_heard_of_make_room_after_a_minute(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < ACKS_MAX; i++)
		note(f, i, 1, REQUEST_LEN, false, 0);
	note(f, 5, 1, REQUEST_LEN, false, 1);
	acks_send(f->acks, ACKS_KEPT_MS);
	note(f, ACKS_MAX, 1, REQUEST_LEN, false, ACKS_KEPT_MS);
	assert_int_equal(f->stats.acks_dropped, 1);
	acks_send(f->acks, ACKS_KEPT_MS + 1);
	for (uint32_t i = ACKS_MAX; i < 2 * ACKS_MAX - 1; i++)
		note(f, i, 1, REQUEST_LEN, false, ACKS_KEPT_MS + 1);
	assert_int_equal(f->stats.acks_dropped, 1);
	note(f, 0, 1, REQUEST_LEN, false, ACKS_KEPT_MS + 1);
	assert_int_equal(f->stats.acks_dropped, 2);
}

/* Its commit took longer than its address is kept: the probe sends it again, and is told then. */
static void a_commit_after_its_expiry_owes_none_and_harms_nothing(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1, 1);
	acks_send(f->acks, ACKS_KEPT_MS + 1);
	commit(f, 1, 1, 1, 1);
	acks_send(f->acks, ACKS_KEPT_MS + 2);
	assert_int_equal(f->n_sent, 0);
	assert_int_equal(offer(f, 1, 1, 1), LEDGER_DUPLICATE);
	note(f, 1, 1, REQUEST_LEN, true, ACKS_KEPT_MS + 3);
	acks_send(f->acks, ACKS_KEPT_MS + 3);
	assert_int_equal(f->n_sent, 1);
}

static void one_that_is_owed_and_expires_at_once_is_still_sent(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1, 1);
	commit(f, 1, 1, 1, 1);
	acks_send(f->acks, ACKS_KEPT_MS * 2);
	assert_int_equal(f->n_sent, 1);
	acks_send(f->acks, ACKS_KEPT_MS * 2);
	assert_int_equal(f->n_sent, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_the_commit_none_is_sent),
		TEST(a_batch_of_many_datagrams_has_one_for_each_boot),
		TEST(what_is_committed_beyond_a_gap_is_in_the_bitmap),
		TEST(what_is_stepped_over_is_acknowledged_as_if_it_were_there),
		TEST(an_aborted_batch_owes_none),
		TEST(a_duplicate_is_acknowledged_once_a_beat),
		TEST(it_goes_to_where_the_last_datagram_came_from),
		TEST(none_is_longer_than_what_it_answers),
		TEST(one_that_the_kernel_does_not_take_is_counted_and_not_kept),
		TEST(a_boot_that_the_ledger_does_not_know_has_none),
		TEST(a_full_table_keeps_those_that_it_has_and_counts_the_others),
		TEST(those_that_are_not_heard_of_make_room_after_a_minute),
		TEST(a_commit_after_its_expiry_owes_none_and_harms_nothing),
		TEST(one_that_is_owed_and_expires_at_once_is_still_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
