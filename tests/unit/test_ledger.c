/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/ledger collector/ledger_boot collector/ledger_forget collector/ledger_runs */
/* uses: collector/ledger_table collector/ledger_touches */
#include "ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEP 10000

static const uint8_t boot_a[BOOT_ID_LEN] = "boot a, 16 byte";
static const uint8_t boot_b[BOOT_ID_LEN] = "boot b, 16 byte";

struct saved {
	char table[16];
	uint8_t key[64];
	size_t key_len;
	uint8_t value[1024];
	size_t value_len;
};

static struct ledger *ledger;
static struct saved saved[8];
static size_t n_saved;

static int set_up(void **state)
{
	(void)state;
	ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
	n_saved = 0;
	return !ledger;
}

static int tear_down(void **state)
{
	(void)state;
	ledger_free(ledger);
	return 0;
}

static bool save(void *ctx, const struct ledger_entry *entry)
{
	struct saved *s = &saved[0];

	(void)ctx;
	while (s < saved + n_saved &&
		(strcmp(s->table, entry->table) != 0 || s->key_len != entry->key_len ||
			memcmp(s->key, entry->key, entry->key_len) != 0))
		s++;
	if (s == saved + n_saved)
		n_saved++;
	assert_true(n_saved <= 8);
	assert_true(entry->key_len <= sizeof(s->key) && entry->value_len <= sizeof(s->value));
	snprintf(s->table, sizeof(s->table), "%s", entry->table);
	memcpy(s->key, entry->key, entry->key_len);
	s->key_len = entry->key_len;
	memcpy(s->value, entry->value, entry->value_len);
	s->value_len = entry->value_len;
	return true;
}

static bool load(const struct saved *s)
{
	const struct ledger_entry entry = {
		.table = s->table,
		.key = s->key,
		.key_len = s->key_len,
		.value = s->value,
		.value_len = s->value_len,
	};

	return ledger_load(ledger, &entry);
}

static void reload(void)
{
	size_t i;

	ledger_free(ledger);
	ledger = ledger_new(&(struct ledger_config){.hash_seed = 2});
	for (i = 0; i < n_saved; i++)
		assert_true(load(&saved[i]));
}

/* Every datagram holds 100 bytes. */
static enum ledger_verdict offer(const uint8_t *boot, uint64_t sequence, uint64_t oldest)
{
	const struct ledger_claim claim = {
		.boot_id = boot,
		.sequence = sequence,
		.oldest = oldest,
		.sealed_bytes = sequence * 100,
		.observer = "c/ns/web-0",
	};

	return ledger_offer(ledger, &claim);
}

static void begin(const uint64_t *sequences, size_t n)
{
	size_t i;

	ledger_batch_begin(ledger);
	for (i = 0; i < n; i++)
		ledger_batch_add(ledger, boot_a, sequences[i], 100);
}

static void commit(uint64_t sequence)
{
	begin(&sequence, 1);
	assert_true(ledger_batch_entries(ledger, save, NULL));
	ledger_batch_commit(ledger, NULL, NULL);
}

static void offer_and_commit(uint64_t sequence, uint64_t oldest)
{
	assert_int_equal(offer(boot_a, sequence, oldest), LEDGER_NEW);
	commit(sequence);
}

static struct ledger_boot_state state_of(const uint8_t *boot)
{
	struct ledger_boot_state ret;

	assert_true(ledger_boot(ledger, boot, &ret));
	return ret;
}

static void a_datagram_is_new_then_waiting_then_a_duplicate(void **state)
{
	(void)state;
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_NEW);
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_WAITING);
	commit(1);
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_DUPLICATE);
}

static void a_flying_datagram_is_not_taken_again(void **state)
{
	const uint64_t one = 1;

	(void)state;
	offer(boot_a, 1, 1);
	begin(&one, 1);
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_WAITING);
	ledger_batch_commit(ledger, NULL, NULL);
}

static void contiguous_rises_over_what_is_committed_only(void **state)
{
	(void)state;
	offer(boot_a, 2, 1);
	offer_and_commit(1, 1);
	assert_int_equal(state_of(boot_a).contiguous, 1);
	commit(2);
	assert_int_equal(state_of(boot_a).contiguous, 2);
}

static void above_a_gap_a_committed_datagram_is_a_duplicate(void **state)
{
	(void)state;
	offer_and_commit(3, 1);
	assert_int_equal(state_of(boot_a).contiguous, 0);
	assert_int_equal(offer(boot_a, 3, 1), LEDGER_DUPLICATE);
	assert_int_equal(offer(boot_a, 2, 1), LEDGER_NEW);
}

static void an_aborted_datagram_is_new_again(void **state)
{
	const uint64_t one = 1;

	(void)state;
	offer(boot_a, 1, 1);
	begin(&one, 1);
	ledger_batch_abort(ledger, NULL, NULL);
	assert_int_equal(state_of(boot_a).stored_bytes, 0);
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_NEW);
}

static void a_forgotten_datagram_is_new_again(void **state)
{
	(void)state;
	offer(boot_a, 1, 1);
	ledger_forget(ledger, boot_a, 1);
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_NEW);
}

static void contiguous_steps_over_what_the_ring_dropped(void **state)
{
	(void)state;
	offer_and_commit(1, 1);
	offer_and_commit(5, 5);
	assert_int_equal(state_of(boot_a).contiguous, 5);
	assert_int_equal(state_of(boot_a).lost_bytes, 300);
}

static void what_was_stepped_over_is_late(void **state)
{
	(void)state;
	offer_and_commit(1, 1);
	offer_and_commit(5, 5);
	assert_int_equal(offer(boot_a, 3, 1), LEDGER_LATE);
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_DUPLICATE);
	assert_int_equal(state_of(boot_a).stored_bytes, 200);
}

static void what_waits_below_oldest_is_committed_and_not_lost(void **state)
{
	(void)state;
	offer(boot_a, 2, 1);
	offer(boot_a, 9, 9);
	assert_int_equal(state_of(boot_a).contiguous, 1);
	commit(2);
	commit(9);
	assert_int_equal(state_of(boot_a).contiguous, 9);
	assert_int_equal(state_of(boot_a).stored_bytes, 200);
	assert_int_equal(state_of(boot_a).lost_bytes, 700);
}

static void what_is_aborted_below_oldest_is_lost(void **state)
{
	const uint64_t two = 2;

	(void)state;
	offer(boot_a, 2, 1);
	offer(boot_a, 3, 3);
	begin(&two, 1);
	ledger_batch_abort(ledger, NULL, NULL);
	assert_int_equal(state_of(boot_a).contiguous, 2);
	assert_int_equal(offer(boot_a, 2, 1), LEDGER_LATE);
	commit(3);
	assert_int_equal(state_of(boot_a).lost_bytes, 200);
}

static void what_a_batch_will_change_can_be_seen_before_its_commit(void **state)
{
	const uint64_t five = 5;
	struct ledger_boot_state then, now;

	(void)state;
	assert_false(ledger_batch_boot(ledger, boot_a, &then));
	offer_and_commit(1, 1);
	offer(boot_a, 4, 4); /* 2 and 3 never came; this one goes on waiting */
	offer(boot_a, 5, 4);
	begin(&five, 1);
	assert_true(ledger_batch_boot(ledger, boot_a, &then));
	assert_int_equal(then.stored_bytes, 200);
	assert_int_equal(then.contiguous, 3);
	assert_int_equal(state_of(boot_a).stored_bytes, 100);
	ledger_batch_commit(ledger, NULL, NULL);
	now = state_of(boot_a);
	assert_memory_equal(&now, &then, sizeof(then));
	commit(4);
	assert_int_equal(state_of(boot_a).lost_bytes, 200);
}

static void a_boot_first_seen_late_has_lost_what_went_before(void **state)
{
	(void)state;
	offer_and_commit(500, 500);
	assert_int_equal(state_of(boot_a).contiguous, 500);
	assert_int_equal(state_of(boot_a).lost_bytes, 49900);
}

static void a_mark_that_is_set_while_a_batch_flies_counts_what_flies(void **state)
{
	const uint64_t six = 6;

	(void)state;
	offer(boot_a, 5, 1); /* the mark */
	offer(boot_a, 6, 1);
	begin(&six, 1);
	ledger_forget(ledger, boot_a, 5);
	offer(boot_a, 7, 6); /* the next one, as all up to 5 is given up */
	ledger_batch_commit(ledger, NULL, NULL);
	commit(7);
	assert_int_equal(state_of(boot_a).lost_bytes, 500);
}

static void nothing_is_lost_while_the_ring_still_has_it(void **state)
{
	(void)state;
	offer_and_commit(3, 1);
	assert_int_equal(state_of(boot_a).lost_bytes, 0);
	offer_and_commit(2, 1);
	offer_and_commit(1, 1);
	assert_int_equal(state_of(boot_a).contiguous, 3);
	assert_int_equal(state_of(boot_a).lost_bytes, 0);
}

static void the_window_ends_where_the_header_says(void **state)
{
	(void)state;
	offer_and_commit(1, 1);
	assert_int_equal(offer(boot_a, 1 + LEDGER_WINDOW, 1), LEDGER_NEW);
	assert_int_equal(offer(boot_a, 2 + LEDGER_WINDOW, 1), LEDGER_AHEAD);
	offer_and_commit(2, 1);
	assert_int_equal(offer(boot_a, 2 + LEDGER_WINDOW, 1), LEDGER_NEW);
}

static void the_last_sequence_number_there_is_does_no_harm(void **state)
{
	(void)state;
	offer_and_commit(UINT64_MAX, UINT64_MAX);
	assert_int_equal(state_of(boot_a).contiguous, UINT64_MAX);
	assert_int_equal(offer(boot_a, UINT64_MAX, 1), LEDGER_DUPLICATE);
	reload();
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_DUPLICATE);
}

static void boots_do_not_mix(void **state)
{
	(void)state;
	offer_and_commit(1, 1);
	assert_int_equal(offer(boot_b, 1, 1), LEDGER_NEW);
	assert_int_equal(state_of(boot_b).stored_bytes, 0);
}

static void the_sum_of_losses_is_over_all_boots(void **state)
{
	(void)state;
	offer_and_commit(3, 3);
	offer(boot_b, 5, 5);
	ledger_batch_begin(ledger);
	ledger_batch_add(ledger, boot_b, 5, 100);
	ledger_batch_commit(ledger, NULL, NULL);
	assert_int_equal(ledger_lost_bytes(ledger), 200 + 400);
}

static void a_full_table_refuses_new_boots_and_keeps_the_old(void **state)
{
	uint8_t id[BOOT_ID_LEN] = {0};
	uint32_t i;

	(void)state;
	for (i = 0; i < LEDGER_BOOTS_MAX; i++) {
		memcpy(id, &i, sizeof(i));
		assert_int_equal(offer(id, 1, 1), LEDGER_NEW);
	}
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_FULL);
	assert_int_equal(offer(id, 2, 1), LEDGER_NEW);
}

static void a_full_table_refuses_new_observers(void **state)
{
	struct ledger_claim claim = {.boot_id = boot_a, .sequence = 1, .oldest = 1};
	char observer[32];
	uint32_t i;

	(void)state;
	claim.observer = observer;
	for (i = 0; i < LEDGER_OBSERVERS_MAX; i++) {
		snprintf(observer, sizeof(observer), "pod-%u", i);
		assert_int_not_equal(ledger_offer(ledger, &claim), LEDGER_FULL);
	}
	snprintf(observer, sizeof(observer), "one more");
	claim.sequence = 2;
	assert_int_equal(ledger_offer(ledger, &claim), LEDGER_FULL);
}

static uint32_t k_of(uint64_t start_ms)
{
	return ledger_batch_k(ledger, "c/ns/web-0", start_ms, STEP);
}

static void commit_interval(uint64_t start_ms)
{
	ledger_batch_begin(ledger);
	k_of(start_ms);
	assert_true(ledger_batch_entries(ledger, save, NULL));
	ledger_batch_commit(ledger, NULL, NULL);
}

static void k_counts_the_commits_of_an_interval(void **state)
{
	(void)state;
	ledger_batch_begin(ledger);
	assert_int_equal(k_of(50000), 0);
	assert_int_equal(k_of(60000), 0);
	assert_int_equal(k_of(50000), 0);
	ledger_batch_commit(ledger, NULL, NULL);
	ledger_batch_begin(ledger);
	assert_int_equal(k_of(50000), 1);
	assert_int_equal(k_of(60000), 1);
	assert_int_equal(k_of(70000), 0);
	ledger_batch_abort(ledger, NULL, NULL);
}

static void an_aborted_batch_does_not_raise_k(void **state)
{
	(void)state;
	ledger_batch_begin(ledger);
	k_of(50000);
	ledger_batch_abort(ledger, NULL, NULL);
	ledger_batch_begin(ledger);
	assert_int_equal(k_of(50000), 0);
	ledger_batch_abort(ledger, NULL, NULL);
}

static void an_interval_that_was_left_out_still_has_k_0(void **state)
{
	(void)state;
	commit_interval(10000);
	commit_interval(30000);
	ledger_batch_begin(ledger);
	assert_int_equal(k_of(20000), 0);
	ledger_batch_abort(ledger, NULL, NULL);
}

static void k_does_not_depend_on_the_length_of_a_short_interval(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < 10; i++) {
		ledger_batch_begin(ledger);
		assert_int_equal(ledger_batch_k(ledger, "o", 1000, 1), i);
		ledger_batch_commit(ledger, NULL, NULL);
	}
}

static void a_reloaded_ledger_knows_what_was_committed(void **state)
{
	(void)state;
	offer_and_commit(1, 1);
	offer_and_commit(3, 1);
	commit_interval(10000);
	reload();
	assert_int_equal(offer(boot_a, 1, 1), LEDGER_DUPLICATE);
	assert_int_equal(offer(boot_a, 3, 1), LEDGER_DUPLICATE);
	assert_int_equal(offer(boot_a, 2, 1), LEDGER_NEW);
	assert_int_equal(state_of(boot_a).stored_bytes, 200);
	ledger_batch_begin(ledger);
	assert_int_equal(k_of(10000), 1);
	ledger_batch_abort(ledger, NULL, NULL);
}

static void a_reloaded_ledger_forgets_what_only_waited(void **state)
{
	(void)state;
	offer(boot_a, 2, 1);
	offer_and_commit(1, 1);
	reload();
	assert_int_equal(offer(boot_a, 2, 1), LEDGER_NEW);
}

static void a_reloaded_ledger_has_the_losses(void **state)
{
	(void)state;
	offer_and_commit(3, 3);
	reload();
	assert_int_equal(ledger_lost_bytes(ledger), 200);
}

static void a_quiet_boot_is_not_written_again(void **state)
{
	(void)state;
	offer_and_commit(1, 1);
	n_saved = 0;
	commit_interval(10000);
	assert_int_equal(n_saved, 1);
	assert_string_equal(saved[0].table, "observer");
}

/* What an entry may claim is checked by trying: none may crash, loop or be taken and then
 * misbehave. */
static void every_truncation_of_an_entry_is_rejected_or_harmless(void **state)
{
	size_t i, len;

	(void)state;
	offer_and_commit(1, 1);
	offer_and_commit(900, 1);
	commit_interval(10000);
	assert_int_equal(n_saved, 2);
	for (i = 0; i < n_saved; i++) {
		size_t whole = saved[i].value_len;

		for (len = 0; len < whole; len++) {
			ledger_free(ledger);
			ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
			saved[i].value_len = len;
			if (load(&saved[i]))
				offer(boot_a, 2, 1);
		}
		saved[i].value_len = whole;
	}
}

static void every_flipped_byte_of_an_entry_is_rejected_or_harmless(void **state)
{
	size_t i, at;

	(void)state;
	offer_and_commit(1, 1);
	offer_and_commit(900, 1);
	commit_interval(10000);
	for (i = 0; i < n_saved; i++)
		for (at = 0; at < saved[i].value_len; at++) {
			ledger_free(ledger);
			ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
			saved[i].value[at] ^= 0xff;
			if (load(&saved[i]))
				offer(boot_a, 2, 1);
			saved[i].value[at] ^= 0xff;
		}
}

static void entries_of_unknown_tables_versions_and_keys_are_rejected(void **state)
{
	struct saved good, bad;

	(void)state;
	offer_and_commit(1, 1);
	good = saved[0];
	ledger_free(ledger);
	ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
	bad = good;
	snprintf(bad.table, sizeof(bad.table), "other");
	assert_false(load(&bad));
	bad = good;
	bad.value[0]++;
	assert_false(load(&bad));
	bad = good;
	bad.key_len--;
	assert_false(load(&bad));
	assert_true(load(&good));
	assert_false(load(&good));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_is_new_then_waiting_then_a_duplicate),
		TEST(a_flying_datagram_is_not_taken_again),
		TEST(contiguous_rises_over_what_is_committed_only),
		TEST(above_a_gap_a_committed_datagram_is_a_duplicate),
		TEST(an_aborted_datagram_is_new_again),
		TEST(a_forgotten_datagram_is_new_again),
		TEST(contiguous_steps_over_what_the_ring_dropped),
		TEST(what_was_stepped_over_is_late),
		TEST(what_waits_below_oldest_is_committed_and_not_lost),
		TEST(what_is_aborted_below_oldest_is_lost),
		TEST(a_boot_first_seen_late_has_lost_what_went_before),
		TEST(what_a_batch_will_change_can_be_seen_before_its_commit),
		TEST(a_mark_that_is_set_while_a_batch_flies_counts_what_flies),
		TEST(nothing_is_lost_while_the_ring_still_has_it),
		TEST(the_window_ends_where_the_header_says),
		TEST(the_last_sequence_number_there_is_does_no_harm),
		TEST(boots_do_not_mix),
		TEST(the_sum_of_losses_is_over_all_boots),
		TEST(a_full_table_refuses_new_boots_and_keeps_the_old),
		TEST(a_full_table_refuses_new_observers),
		TEST(k_counts_the_commits_of_an_interval),
		TEST(an_aborted_batch_does_not_raise_k),
		TEST(an_interval_that_was_left_out_still_has_k_0),
		TEST(k_does_not_depend_on_the_length_of_a_short_interval),
		TEST(a_reloaded_ledger_knows_what_was_committed),
		TEST(a_reloaded_ledger_forgets_what_only_waited),
		TEST(a_reloaded_ledger_has_the_losses),
		TEST(a_quiet_boot_is_not_written_again),
		TEST(every_truncation_of_an_entry_is_rejected_or_harmless),
		TEST(every_flipped_byte_of_an_entry_is_rejected_or_harmless),
		TEST(entries_of_unknown_tables_versions_and_keys_are_rejected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
