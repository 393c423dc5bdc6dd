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

#define SMALL     4
#define SAVED_MAX 64
#define FLOOD     2000

struct saved {
	char table[16];
	uint8_t key[64];
	size_t key_len;
	uint8_t value[1024];
	size_t value_len;
};

static struct ledger *ledger;
static struct saved saved[SAVED_MAX];
static size_t n_saved;
static size_t n_deleted;
static int64_t now_ms;
static struct ledger_limits limits;

static void start(void)
{
	const struct ledger_config config = {.hash_seed = 1, .now_ms = now_ms, .limits = limits};

	ledger_free(ledger);
	ledger = ledger_new(&config);
	assert_non_null(ledger);
}

static int set_up(void **state)
{
	(void)state;
	now_ms = 1000;
	limits = (struct ledger_limits){.boots_max = SMALL, .observers_max = 2 * SMALL};
	n_saved = n_deleted = 0;
	ledger = NULL;
	start();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ledger_free(ledger);
	return 0;
}

static struct saved *find(const struct ledger_entry *entry)
{
	struct saved *s = saved;

	while (s < saved + n_saved &&
		(strcmp(s->table, entry->table) != 0 || s->key_len != entry->key_len ||
			memcmp(s->key, entry->key, entry->key_len) != 0))
		s++;
	return s;
}

/* As a spool does it. */
static bool save(void *ctx, const struct ledger_entry *entry)
{
	struct saved *s = find(entry);

	(void)ctx;
	if (entry->value_len == 0) {
		if (s == saved + n_saved)
			return true; /* was never committed */
		*s = saved[--n_saved];
		n_deleted++;
		return true;
	}
	if (s == saved + n_saved)
		n_saved++;
	assert_true(n_saved < SAVED_MAX);
	snprintf(s->table, sizeof(s->table), "%s", entry->table);
	memcpy(s->key, entry->key, entry->key_len);
	s->key_len = entry->key_len;
	memcpy(s->value, entry->value, entry->value_len);
	s->value_len = entry->value_len;
	return true;
}

static void reload(void)
{
	start();
	for (size_t i = 0; i < n_saved; i++) {
		const struct ledger_entry entry = {.table = saved[i].table,
			.key = saved[i].key,
			.key_len = saved[i].key_len,
			.value = saved[i].value,
			.value_len = saved[i].value_len};

		assert_true(ledger_load(ledger, &entry));
	}
}

static const uint8_t *id(unsigned boot)
{
	static uint8_t ret[BOOT_ID_LEN];

	memset(ret, 'b', sizeof(ret));
	memcpy(ret, &boot, sizeof(boot));
	return ret;
}

static enum ledger_verdict offer_as(
	unsigned boot, const char *observer, uint64_t sequence, bool is_final)
{
	const struct ledger_claim claim = {.boot_id = id(boot),
		.sequence = sequence,
		.oldest = 1,
		.sealed_bytes = sequence * 100,
		.observer = observer,
		.is_final = is_final,
		.now_ms = now_ms};

	return ledger_offer(ledger, &claim);
}

static enum ledger_verdict offer(unsigned boot, uint64_t sequence, bool is_final)
{
	return offer_as(boot, "c,ns,web-0", sequence, is_final);
}

static void begin(unsigned boot, uint64_t sequence)
{
	ledger_batch_begin(ledger);
	ledger_batch_add(ledger, id(boot), sequence, 100);
	ledger_batch_k(ledger, "c,ns,web-0", 10000, 10000);
}

static void commit(unsigned boot, uint64_t sequence)
{
	begin(boot, sequence);
	assert_true(ledger_batch_entries(ledger, save, NULL));
	ledger_batch_commit(ledger, NULL, NULL);
}

static void store(unsigned boot, uint64_t sequence, bool is_final)
{
	assert_int_equal(offer(boot, sequence, is_final), LEDGER_NEW);
	commit(boot, sequence);
}

/* Boots 0 to SMALL - 1, each with one datagram. */
static void fill(bool is_final)
{
	for (unsigned i = 0; i < SMALL; i++)
		store(i, 1, is_final);
}

static bool knows(unsigned boot)
{
	struct ledger_boot_state state;

	return ledger_boot(ledger, id(boot), &state);
}

static bool is_stored(const char *table, const void *key, size_t key_len)
{
	const struct ledger_entry entry = {.table = table, .key = key, .key_len = key_len};

	return find(&entry) < saved + n_saved;
}

static void while_there_is_room_nothing_is_forgotten(void **state)
{
	(void)state;
	for (unsigned i = 0; i + 1 < SMALL; i++)
		store(i, 1, true);
	now_ms += 100 * (int64_t)LEDGER_SILENT_MS;
	store(SMALL, 1, false);
	assert_true(knows(0));
}

static void a_finished_boot_goes_after_its_time_and_a_live_one_stays(void **state)
{
	(void)state;
	fill(false);
	assert_int_equal(offer(2, 2, true), LEDGER_NEW);
	commit(2, 2);
	now_ms += LEDGER_FINISHED_MS - 1;
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
	now_ms += LEDGER_SWEEP_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
	assert_false(knows(2));
	for (unsigned i = 0; i < SMALL; i++)
		assert_true(i == 2 || knows(i));
	assert_int_equal(offer(0, 1, false), LEDGER_DUPLICATE);
	assert_int_equal(offer(8, 1, false), LEDGER_FULL);
}

static void a_boot_whose_end_came_but_not_all_before_it_is_not_finished(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SMALL; i++)
		store(i, 2, true);
	now_ms += 2 * LEDGER_FINISHED_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
}

static void a_repeated_datagram_begins_the_rest_anew(void **state)
{
	(void)state;
	fill(true);
	now_ms += LEDGER_FINISHED_MS - 1;
	for (unsigned i = 0; i < SMALL; i++)
		assert_int_equal(offer(i, 1, true), LEDGER_DUPLICATE);
	now_ms += LEDGER_FINISHED_MS - 1;
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
}

static void a_silent_boot_goes_after_a_day(void **state)
{
	(void)state;
	fill(false);
	now_ms += LEDGER_SILENT_MS - 1;
	assert_int_equal(offer(1, 1, false), LEDGER_DUPLICATE);
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
	now_ms += LEDGER_SWEEP_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
	assert_true(knows(1));
	assert_false(knows(0));
}

static void what_waits_or_flies_keeps_its_boot(void **state)
{
	(void)state;
	fill(false);
	for (unsigned i = 0; i < SMALL; i++)
		assert_int_equal(offer(i, 3, false), LEDGER_NEW);
	begin(0, 3);
	now_ms += 2 * (int64_t)LEDGER_SILENT_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
	ledger_batch_commit(ledger, NULL, NULL);
	now_ms += LEDGER_FINISHED_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
	assert_false(knows(0));
	assert_true(knows(1));
}

static void what_was_forgotten_is_deleted_by_the_next_batch(void **state)
{
	(void)state;
	fill(true);
	now_ms += LEDGER_FINISHED_MS;
	store(9, 1, false);
	assert_int_equal(n_deleted, SMALL);
	assert_false(is_stored("boot", id(0), BOOT_ID_LEN));
	assert_true(is_stored("boot", id(9), BOOT_ID_LEN));
	reload();
	assert_false(knows(0));
	assert_true(knows(9));
	store(9, 2, false);
	assert_int_equal(n_deleted, SMALL);
}

static bool count(void *ctx, const struct ledger_entry *entry)
{
	*(size_t *)ctx += entry->value_len == 0;
	return true;
}

static void a_batch_that_fails_keeps_its_deletes_for_the_next(void **state)
{
	size_t n = 0;

	(void)state;
	fill(true);
	now_ms += LEDGER_FINISHED_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
	begin(9, 1);
	assert_true(ledger_batch_entries(ledger, count, &n));
	assert_int_equal(n, SMALL);
	ledger_batch_abort(ledger, NULL, NULL);
	store(9, 1, false);
	assert_int_equal(n_deleted, SMALL);
}

/* Its old entry goes, its new one stays. */
static void a_boot_that_comes_back_before_its_deletion_is_kept(void **state)
{
	(void)state;
	fill(true);
	now_ms += LEDGER_FINISHED_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
	store(0, 5, false);
	assert_true(is_stored("boot", id(0), BOOT_ID_LEN));
	commit(9, 1);
	assert_true(is_stored("boot", id(0), BOOT_ID_LEN));
	reload();
	assert_int_equal(offer(0, 5, false), LEDGER_DUPLICATE);
}

static void a_reloaded_ledger_knows_who_is_finished(void **state)
{
	(void)state;
	fill(true);
	now_ms += 10 * LEDGER_FINISHED_MS;
	reload();
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
	now_ms += LEDGER_FINISHED_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
}

static void an_entry_of_version_1_is_that_of_a_boot_that_is_not_finished(void **state)
{
	(void)state;
	fill(true);
	for (size_t i = 0; i < n_saved; i++) {
		if (strcmp(saved[i].table, "boot") != 0)
			continue;
		assert_int_equal(saved[i].value[0], 2);
		saved[i].value[1] = 1;
		saved[i].value_len--;
		memmove(saved[i].value, saved[i].value + 1, saved[i].value_len);
	}
	reload();
	assert_int_equal(offer(0, 1, false), LEDGER_DUPLICATE);
	now_ms += 2 * LEDGER_FINISHED_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
	now_ms += LEDGER_SILENT_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
}

static void a_flood_of_invented_boots_is_refused_and_the_live_are_exact(void **state)
{
	struct ledger_boot_state live;

	(void)state;
	store(0, 1, false);
	for (unsigned i = 1; i < SMALL; i++)
		store(i, 1, false); /* invented */
	for (unsigned i = 0; i < FLOOD; i++, now_ms += LEDGER_SILENT_MS / (2 * FLOOD)) {
		assert_int_equal(offer(100 + i, 1, false), LEDGER_FULL);
		store(0, 2 + i, false);
	}
	assert_true(ledger_boot(ledger, id(0), &live));
	assert_int_equal(live.stored_bytes, (FLOOD + 1) * 100);
	assert_int_equal(live.lost_bytes, 0);
	now_ms += LEDGER_SILENT_MS / 2;
	assert_int_equal(offer(0, 2, false), LEDGER_DUPLICATE);
	now_ms += LEDGER_FINISHED_MS;
	assert_int_equal(offer(200, 1, false), LEDGER_NEW);
	assert_int_equal(offer(0, 2, false), LEDGER_DUPLICATE);
}

static void the_sum_of_losses_keeps_what_forgotten_boots_lost(void **state)
{
	struct ledger_claim claim = {
		.sequence = 3, .oldest = 3, .sealed_bytes = 300, .observer = "o", .is_final = true};
	struct ledger_counts counts;

	(void)state;
	fill(false);
	reload();
	claim.boot_id = id(0);
	claim.now_ms = now_ms;
	assert_int_equal(ledger_offer(ledger, &claim), LEDGER_NEW);
	commit(0, 3);
	assert_int_equal(ledger_lost_bytes(ledger), 100);
	now_ms += LEDGER_FINISHED_MS;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
	assert_false(knows(0));
	assert_int_equal(ledger_lost_bytes(ledger), 100);
	ledger_counts(ledger, &counts);
	assert_int_equal(counts.boots, SMALL);
	assert_int_equal(counts.boots_finished, 1);
	assert_int_equal(counts.boots_silent, 0);
}

/* Of 300 bytes that it sealed, as its third datagram says, only that one's 100 came: then a hole.
 */
static void heard_of_300_and_killed(unsigned boot)
{
	const struct ledger_claim claim = {.boot_id = id(boot),
		.sequence = 3,
		.oldest = 1,
		.sealed_bytes = 300,
		.observer = "o",
		.now_ms = now_ms};

	assert_int_equal(ledger_offer(ledger, &claim), LEDGER_NEW);
	commit(boot, 3);
}

static void what_a_silent_boot_sealed_and_nobody_got_is_missing(void **state)
{
	(void)state;
	heard_of_300_and_killed(0);
	now_ms += LEDGER_MISSED_MS - 1;
	assert_int_equal(ledger_missing_bytes(ledger, now_ms), 0);
	assert_int_equal(ledger_missing_bytes(ledger, now_ms + 1), 200);
	assert_int_equal(ledger_lost_bytes(ledger), 0);
	reload();
	assert_int_equal(ledger_missing_bytes(ledger, now_ms), 0);
	assert_int_equal(ledger_missing_bytes(ledger, now_ms + LEDGER_MISSED_MS), 200);
}

static void what_comes_after_all_is_missing_no_more(void **state)
{
	(void)state;
	heard_of_300_and_killed(0);
	now_ms += LEDGER_MISSED_MS;
	assert_int_equal(ledger_missing_bytes(ledger, now_ms), 200);
	store(0, 1, false);
	assert_int_equal(ledger_missing_bytes(ledger, now_ms), 0); /* it lives */
	now_ms += LEDGER_MISSED_MS;
	assert_int_equal(ledger_missing_bytes(ledger, now_ms), 100);
	assert_int_equal(offer(0, 2, false), LEDGER_NEW);
	now_ms += LEDGER_MISSED_MS;
	assert_int_equal(ledger_missing_bytes(ledger, now_ms), 0); /* it waits for its commit */
	commit(0, 2);
	assert_int_equal(ledger_missing_bytes(ledger, now_ms), 0);
}

static void what_is_missing_of_a_forgotten_boot_stays_missing(void **state)
{
	(void)state;
	heard_of_300_and_killed(0);
	now_ms += LEDGER_SILENT_MS - 1;
	for (unsigned i = 1; i < SMALL; i++)
		store(i, 1, false);
	now_ms++;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
	assert_false(knows(0));
	assert_int_equal(ledger_missing_bytes(ledger, now_ms), 200);
}

/* One boot says that it is this and that; what it says no more is nobody's. */
static void an_observer_that_no_boot_is_goes_after_a_day(void **state)
{
	char name[16];

	(void)state;
	store(0, 1, false);
	for (unsigned i = 1; i < 2 * SMALL; i++) {
		snprintf(name, sizeof(name), "pod-%u", i);
		assert_int_equal(offer_as(1, name, i, false), LEDGER_NEW);
	}
	assert_int_equal(offer_as(2, "new", 1, false), LEDGER_FULL);
	assert_false(knows(2)); /* who is refused leaves nothing behind */
	now_ms += LEDGER_SILENT_MS;
	assert_int_equal(offer_as(2, "new", 1, false), LEDGER_NEW);
	ledger_batch_begin(ledger);
	assert_int_equal(ledger_batch_k(ledger, "c,ns,web-0", 10000, 10000), 1);
	assert_true(ledger_batch_entries(ledger, save, NULL));
	ledger_batch_abort(ledger, NULL, NULL);
}

static void a_search_is_not_repeated_before_it_can_find_something(void **state)
{
	(void)state;
	fill(false);
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
	assert_int_equal(offer(0, 2, true), LEDGER_NEW);
	commit(0, 2);
	now_ms += LEDGER_FINISHED_MS - 1;
	assert_int_equal(offer(9, 1, false), LEDGER_FULL);
	now_ms++;
	assert_int_equal(offer(9, 1, false), LEDGER_NEW);
}

#define HUGE_TABLE LEDGER_BOOTS_MAX

/* All finish at once: they go in portions, and those that stay are found wherever they moved to. */
static void a_large_table_is_swept_in_portions(void **state)
{
	const struct ledger_config config = {.hash_seed = 3, .now_ms = now_ms};
	unsigned n_known = 0, n_new = 0;

	(void)state;
	ledger_free(ledger);
	ledger = ledger_new(&config);
	for (unsigned i = 0; i < HUGE_TABLE; i++) {
		size_t ignored = 0;

		assert_int_equal(offer(i, 1, true), LEDGER_NEW);
		begin(i, 1);
		assert_true(ledger_batch_entries(ledger, count, &ignored));
		ledger_batch_commit(ledger, NULL, NULL);
	}
	now_ms += LEDGER_FINISHED_MS;
	while (offer(HUGE_TABLE + n_new, 1, false) == LEDGER_NEW)
		n_new++;
	assert_int_equal(n_new, LEDGER_FORGET_MAX);
	for (unsigned i = 0; i < HUGE_TABLE + n_new; i++)
		n_known += knows(i);
	assert_int_equal(n_known, HUGE_TABLE);
	now_ms += LEDGER_SWEEP_MS;
	assert_int_equal(offer(HUGE_TABLE + n_new, 1, false), LEDGER_FULL);
	begin(HUGE_TABLE, 1);
	ledger_batch_entries(ledger, count, &(size_t){0});
	ledger_batch_commit(ledger, NULL, NULL);
	now_ms += LEDGER_SWEEP_MS;
	assert_int_equal(offer(HUGE_TABLE + n_new, 1, false), LEDGER_NEW);
}

static void the_limits_follow_from_the_bytes_that_there_are(void **state)
{
	struct ledger_limits few = ledger_limits_of(512 * 1024);
	struct ledger_limits usual = ledger_limits_of(UINT64_C(1) << 27);

	(void)state;
	assert_int_equal(few.boots_max, 1024);
	assert_int_equal(few.observers_max, 113);
	assert_int_equal(usual.boots_max, LEDGER_BOOTS_MAX);
	assert_int_equal(usual.observers_max, LEDGER_OBSERVERS_MAX);
}

static void a_file_of_larger_limits_loads_and_what_is_new_waits(void **state)
{
	struct ledger_counts counts;

	(void)state;
	fill(true);
	limits.boots_max = 2;
	reload();
	ledger_counts(ledger, &counts);
	assert_int_equal(counts.boots, SMALL);
	assert_int_equal(offer(SMALL, 1, false), LEDGER_FULL);
	assert_int_equal(offer(0, 1, false), LEDGER_DUPLICATE);
	now_ms += LEDGER_FINISHED_MS;
	assert_int_equal(offer(SMALL, 1, false), LEDGER_NEW);
}

static void a_file_of_more_observers_loads_and_a_new_one_is_refused(void **state)
{
	struct ledger_counts counts;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c,ns,p-%u", i);
		assert_int_equal(offer_as(i, name, 1, false), LEDGER_NEW);
		ledger_batch_begin(ledger);
		ledger_batch_add(ledger, id(i), 1, 100);
		ledger_batch_k(ledger, name, 10000, 10000);
		assert_true(ledger_batch_entries(ledger, save, NULL));
		ledger_batch_commit(ledger, NULL, NULL);
	}
	limits.observers_max = 2;
	reload();
	ledger_counts(ledger, &counts);
	assert_int_equal(counts.observers, 3);
	assert_int_equal(offer_as(3, "c,ns,new", 1, false), LEDGER_FULL);
	assert_int_equal(offer_as(0, "c,ns,p-0", 2, false), LEDGER_NEW);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(while_there_is_room_nothing_is_forgotten),
		TEST(a_finished_boot_goes_after_its_time_and_a_live_one_stays),
		TEST(a_boot_whose_end_came_but_not_all_before_it_is_not_finished),
		TEST(a_repeated_datagram_begins_the_rest_anew),
		TEST(a_silent_boot_goes_after_a_day),
		TEST(what_waits_or_flies_keeps_its_boot),
		TEST(what_was_forgotten_is_deleted_by_the_next_batch),
		TEST(a_batch_that_fails_keeps_its_deletes_for_the_next),
		TEST(a_boot_that_comes_back_before_its_deletion_is_kept),
		TEST(a_reloaded_ledger_knows_who_is_finished),
		TEST(an_entry_of_version_1_is_that_of_a_boot_that_is_not_finished),
		TEST(a_flood_of_invented_boots_is_refused_and_the_live_are_exact),
		TEST(the_sum_of_losses_keeps_what_forgotten_boots_lost),
		TEST(what_a_silent_boot_sealed_and_nobody_got_is_missing),
		TEST(what_comes_after_all_is_missing_no_more),
		TEST(what_is_missing_of_a_forgotten_boot_stays_missing),
		TEST(an_observer_that_no_boot_is_goes_after_a_day),
		TEST(a_search_is_not_repeated_before_it_can_find_something),
		TEST(the_limits_follow_from_the_bytes_that_there_are),
		TEST(a_file_of_larger_limits_loads_and_what_is_new_waits),
		TEST(a_file_of_more_observers_loads_and_a_new_one_is_refused),
		TEST(a_large_table_is_swept_in_portions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
