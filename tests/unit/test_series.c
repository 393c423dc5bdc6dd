/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/series collector/series_slots */
#include "series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX     1000
#define DAY_MS  INT64_C(86400000)
#define DAY0_MS (20000 * DAY_MS)
#define SEED    7

#define SERIES_DAYS 7 /* as --series-days is by itself */

/* What a spool would hold. */
struct kept {
	uint8_t key[8];
	size_t key_len;
	uint8_t value[8];
	size_t value_len;
};

static struct series *series;
static struct kept kept[4 * MAX];
static size_t n_kept;
static size_t n_written;
static size_t n_deleted;

static int set_up(void **state)
{
	(void)state;
	n_kept = n_written = n_deleted = 0;
	series = series_new(MAX, SERIES_DAYS, SEED);
	series_batch_begin(series, DAY0_MS);
	return series ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	series_free(series);
	return 0;
}

static struct kept *kept_find(const struct ledger_entry *entry)
{
	for (size_t i = 0; i < n_kept; i++)
		if (kept[i].key_len == entry->key_len &&
			memcmp(kept[i].key, entry->key, entry->key_len) == 0)
			return &kept[i];
	return NULL;
}

static bool keep(void *ctx, const struct ledger_entry *entry)
{
	struct kept *old = kept_find(entry);

	(void)ctx;
	assert_string_equal(entry->table, "series");
	assert_true(entry->key_len <= sizeof(kept->key) && entry->value_len <= sizeof(kept->value));
	n_written++;
	if (entry->value_len == 0) {
		assert_non_null(old);
		*old = kept[--n_kept];
		n_deleted++;
		return true;
	}
	if (!old) {
		assert_true(n_kept < sizeof(kept) / sizeof(kept[0]));
		old = &kept[n_kept++];
	}
	memcpy(old->key, entry->key, entry->key_len);
	memcpy(old->value, entry->value, entry->value_len);
	old->key_len = entry->key_len;
	old->value_len = entry->value_len;
	return true;
}

/* What the batch wrote. */
static size_t commit(void)
{
	n_written = n_deleted = 0;
	assert_true(series_batch_entries(series, keep, NULL));
	series_batch_commit(series);
	return n_written;
}

static void commit_all(void)
{
	while (commit() > 0)
		continue;
}

static void restart(size_t max)
{
	series_free(series);
	series = series_new(max, SERIES_DAYS, SEED + 1);
	assert_non_null(series);
	for (size_t i = 0; i < n_kept; i++) {
		const struct ledger_entry entry = {.table = "series",
			.key = kept[i].key,
			.key_len = kept[i].key_len,
			.value = kept[i].value,
			.value_len = kept[i].value_len};

		assert_true(series_load(series, &entry));
	}
	series_batch_begin(series, DAY0_MS);
}

static enum series_verdict admit_of(
	const char *workload, unsigned pod, unsigned n, enum series_fold fold)
{
	char text[64], observer[32];
	struct series_owner owner;

	snprintf(text, sizeof(text), "nstat,hosts=pod-%u,receiver=r%u", pod, n);
	snprintf(observer, sizeof(observer), "-,-,pod-%u", pod);
	owner.pod = series_share(series, observer);
	owner.workload = series_share(series, workload ? workload : observer);
	return series_admit(series, owner, fold, text, strlen(text));
}

/* A pod that is a workload of its own. */
static enum series_verdict admit_as(unsigned pod, unsigned n, enum series_fold fold)
{
	return admit_of(NULL, pod, n, fold);
}

static enum series_verdict admit(unsigned pod, unsigned n)
{
	return admit_as(pod, n, SERIES_WHOLE);
}

/* How many of that many new ones begin. */
static unsigned begin_many(unsigned pod, unsigned from, unsigned n, enum series_fold fold)
{
	unsigned n_begun = 0;

	for (unsigned i = from; i < from + n; i++)
		n_begun += admit_as(pod, i, fold) == SERIES_LIVE;
	return n_begun;
}

static void a_series_counts_once(void **state)
{
	(void)state;
	assert_int_equal(admit(1, 1), SERIES_LIVE);
	assert_int_equal(admit(1, 1), SERIES_LIVE);
	assert_int_equal(series_count(series), 1);
	assert_int_equal(admit(2, 1), SERIES_LIVE);
	assert_int_equal(series_count(series), 2);
}

/* Half of 8/10, then of 9/10, then of all: what each limit leaves when as many are the pod's. */
static void a_pod_that_scans_takes_half_of_each_limit(void **state)
{
	(void)state;
	assert_int_equal(begin_many(1, 0, 100000, SERIES_WHOLE), 400);
	assert_int_equal(begin_many(1, 200000, 1000, SERIES_PORTLESS), 50);
	assert_int_equal(begin_many(1, 300000, 1000, SERIES_LABEL), 50);
	assert_int_equal(admit_as(1, 400000, SERIES_LABEL), SERIES_POD_FULL);
	assert_int_equal(series_count(series), 500);
}

static void another_pod_s_series_begin_all_the_same(void **state)
{
	(void)state;
	begin_many(1, 0, 10000, SERIES_WHOLE);
	assert_int_equal(begin_many(2, 0, 100, SERIES_WHOLE), 100);
	assert_int_equal(begin_many(3, 0, 100, SERIES_WHOLE), 100);
}

static void two_that_scan_take_a_third_each(void **state)
{
	unsigned n[2] = {0};

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		for (unsigned pod = 0; pod < 2; pod++)
			n[pod] += admit(pod, i) == SERIES_LIVE;
	assert_in_range(n[0], 266, 268); /* a third of 800 */
	assert_in_range(n[1], 266, 268);
}

static void no_fold_goes_beyond_the_budget_however_many_pods_there_are(void **state)
{
	(void)state;
	for (unsigned pod = 0; pod < 3000; pod++)
		begin_many(pod, 0, 1, SERIES_WHOLE);
	assert_int_equal(series_count(series), 800);
	assert_int_equal(admit(5000, 1), SERIES_TOTAL_FULL);
	for (unsigned pod = 0; pod < 3000; pod++)
		begin_many(pod, 1, 1, SERIES_PORTLESS);
	assert_int_equal(series_count(series), 900);
	for (unsigned pod = 0; pod < 3000; pod++)
		begin_many(pod, 2, 1, SERIES_LABEL);
	assert_int_equal(series_count(series), MAX);
	assert_int_equal(admit_as(5000, 1, SERIES_LABEL), SERIES_TOTAL_FULL);
}

static void those_that_are_live_go_on_in_a_full_table(void **state)
{
	(void)state;
	begin_many(1, 0, 10000, SERIES_WHOLE);
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(admit(1, i), SERIES_LIVE);
	assert_int_equal(series_count(series), 400);
}

static void a_quiet_batch_writes_nothing(void **state)
{
	(void)state;
	begin_many(1, 0, 10, SERIES_WHOLE);
	assert_int_equal(commit(), 10 + 1); /* and the seed */
	series_batch_begin(series, DAY0_MS + DAY_MS - 1);
	begin_many(1, 0, 10, SERIES_WHOLE);
	assert_int_equal(commit(), 0);
	begin_many(1, 0, 11, SERIES_WHOLE);
	assert_int_equal(commit(), 1);
}

static void one_that_goes_on_is_written_once_a_day(void **state)
{
	(void)state;
	begin_many(1, 0, 10, SERIES_WHOLE);
	commit();
	series_batch_begin(series, DAY0_MS + DAY_MS);
	begin_many(1, 0, 10, SERIES_WHOLE);
	assert_int_equal(commit(), 10);
	begin_many(1, 0, 10, SERIES_WHOLE);
	assert_int_equal(commit(), 0);
}

/* InfluxDB gets their points with this batch: a kill right after it must not forget one. */
static void new_ones_are_all_written_with_their_batch(void **state)
{
	static const unsigned n = 3 * SERIES_WRITES_MAX;

	(void)state;
	series_free(series);
	series = series_new(10 * SERIES_WRITES_MAX, SERIES_DAYS, SEED);
	series_batch_begin(series, DAY0_MS);
	begin_many(1, 0, n, SERIES_WHOLE);
	assert_int_equal(commit(), n + 1);
	assert_int_equal(commit(), 0);
}

static void of_those_that_go_on_a_batch_writes_its_share_and_the_next_the_rest(void **state)
{
	static const unsigned n = SERIES_WRITES_MAX + 100;

	(void)state;
	series_free(series);
	series = series_new(10 * SERIES_WRITES_MAX, SERIES_DAYS, SEED);
	series_batch_begin(series, DAY0_MS);
	begin_many(1, 0, n, SERIES_WHOLE);
	commit();
	series_batch_begin(series, DAY0_MS + DAY_MS);
	begin_many(1, 0, n + 10, SERIES_WHOLE);
	assert_int_equal(commit(), SERIES_WRITES_MAX + 10);
	assert_int_equal(commit(), 100);
	assert_int_equal(commit(), 0);
}

/* It waits for its deletion, behind many others, and begins again. */
static void one_that_begins_again_is_written_with_its_batch(void **state)
{
	static const unsigned n = 2 * SERIES_WRITES_MAX;

	(void)state;
	series_free(series);
	series = series_new(10 * SERIES_WRITES_MAX, SERIES_DAYS, SEED);
	series_batch_begin(series, DAY0_MS - (SERIES_DAYS + 1) * (int64_t)DAY_MS);
	begin_many(1, 0, n, SERIES_WHOLE);
	commit();
	series_batch_begin(series, DAY0_MS);
	assert_int_equal(series_count(series), 0);
	assert_int_equal(admit(1, n - 1), SERIES_LIVE);
	assert_int_equal(commit(), SERIES_WRITES_MAX + 1);
	restart(10 * SERIES_WRITES_MAX);
	assert_int_equal(series_count(series), 1);
	assert_int_equal(admit(1, n - 1), SERIES_LIVE);
	assert_int_equal(series_count(series), 1);
}

static void a_restart_knows_them_and_their_pods_share(void **state)
{
	(void)state;
	begin_many(1, 0, 10000, SERIES_WHOLE);
	commit_all();
	restart(MAX);
	assert_int_equal(series_count(series), 400);
	assert_int_equal(begin_many(1, 0, 10000, SERIES_WHOLE), 400);
	assert_int_equal(begin_many(2, 0, 200, SERIES_WHOLE), 200);
	assert_int_equal(admit(2, 200), SERIES_POD_FULL);
	assert_int_equal(commit(), 200);
}

static void more_than_a_smaller_budget_go_on_and_no_new_one_begins(void **state)
{
	(void)state;
	begin_many(1, 0, 300, SERIES_WHOLE);
	commit_all();
	restart(100);
	assert_int_equal(series_count(series), 300);
	assert_int_equal(begin_many(1, 0, 300, SERIES_WHOLE), 300);
	assert_int_equal(admit(2, 1), SERIES_TOTAL_FULL);
}

static void an_aborted_batch_s_entries_go_with_the_next(void **state)
{
	(void)state;
	begin_many(1, 0, 10, SERIES_WHOLE);
	assert_true(series_batch_entries(series, keep, NULL));
	series_batch_abort(series);
	n_kept = 0; /* it was rolled back */
	assert_int_equal(series_count(series), 10);
	assert_int_equal(commit(), 10 + 1);
	restart(MAX);
	assert_int_equal(series_count(series), 10);
}

/* Under the collector: what is live is in the new file a few batches later, a share in each. */
static void in_a_new_spool_the_seed_and_the_live_ones_are_written_again(void **state)
{
	static const unsigned n = SERIES_WRITES_MAX + 100;

	(void)state;
	series_free(series);
	series = series_new(10 * SERIES_WRITES_MAX, SERIES_DAYS, SEED);
	series_batch_begin(series, DAY0_MS);
	begin_many(1, 0, n, SERIES_WHOLE);
	commit();
	n_kept = 0;
	series_write_again(series);
	assert_int_equal(commit(), SERIES_WRITES_MAX + 1);
	assert_int_equal(commit(), 100);
	assert_int_equal(commit(), 0);
	restart(10 * SERIES_WRITES_MAX);
	assert_int_equal(series_count(series), n);
	begin_many(1, 0, n, SERIES_WHOLE);
	assert_int_equal(series_count(series), n);
}

static void what_is_over_is_not_written_to_a_new_spool(void **state)
{
	(void)state;
	begin_many(1, 0, 10, SERIES_WHOLE);
	commit_all();
	series_batch_begin(series, DAY0_MS + (SERIES_DAYS + 1) * DAY_MS);
	commit_all();
	begin_many(1, 5, 1, SERIES_WHOLE);
	commit_all();
	n_kept = 0;
	series_write_again(series);
	assert_int_equal(commit(), 1 + 1);
}

static bool refuse(void *ctx, const struct ledger_entry *entry)
{
	unsigned *n_left = ctx;

	(void)entry;
	return (*n_left)-- > 0;
}

static void entries_that_find_no_memory_are_not_lost(void **state)
{
	unsigned n_left = 3;

	(void)state;
	begin_many(1, 0, 10, SERIES_WHOLE);
	assert_false(series_batch_entries(series, refuse, &n_left));
	series_batch_abort(series);
	assert_int_equal(commit(), 10 + 1);
}

static void one_that_was_silent_for_more_than_seven_days_is_over(void **state)
{
	(void)state;
	begin_many(1, 0, 2, SERIES_WHOLE);
	commit();
	series_batch_begin(series, DAY0_MS + 3 * DAY_MS);
	admit(1, 1);
	commit();
	series_batch_begin(series, DAY0_MS + SERIES_DAYS * DAY_MS);
	assert_int_equal(series_count(series), 2);
	series_batch_begin(series, DAY0_MS + (SERIES_DAYS + 1) * DAY_MS);
	assert_int_equal(series_count(series), 1);
	assert_int_equal(commit(), 1);
	assert_int_equal(n_deleted, 1);
	assert_int_equal(n_kept, 1 + 1);
	restart(MAX);
	assert_int_equal(series_count(series), 1);
}

static void a_longer_retention_keeps_them_longer(void **state)
{
	(void)state;
	series_free(series);
	series = series_new(MAX, 30, SEED);
	series_batch_begin(series, DAY0_MS);
	begin_many(1, 0, 2, SERIES_WHOLE);
	series_batch_begin(series, DAY0_MS + 30 * DAY_MS);
	assert_int_equal(series_count(series), 2);
	series_batch_begin(series, DAY0_MS + 31 * DAY_MS);
	assert_int_equal(series_count(series), 0);
}

/* Each pod has a new name, and scans until it is refused; the series of those before are live. */
static void scan_in_turn(unsigned first_pod)
{
	for (unsigned pod = first_pod; pod < first_pod + 20; pod++)
		for (unsigned n = 0; n < MAX; n++)
			admit_of("-,-,scan", pod, n, SERIES_WHOLE);
}

static void pods_that_follow_one_another_have_the_share_of_a_workload(void **state)
{
	(void)state;
	scan_in_turn(100);
	assert_int_equal(series_count(series), MAX * 8 / 10 * 3 / 4);
	assert_int_equal(begin_many(1, 0, 50, SERIES_WHOLE), 50);
	commit_all();
	restart(MAX);
	scan_in_turn(200);
	assert_int_equal(series_count(series), MAX * 8 / 10 * 3 / 4 + 50);
	assert_int_equal(begin_many(2, 0, 50, SERIES_WHOLE), 50);
}

/* Spools of version 4 had the pod's share, its day, and nothing of its workload. */
static void an_entry_without_a_workload_is_loaded(void **state)
{
	(void)state;
	begin_many(1, 0, 10, SERIES_WHOLE);
	commit_all();
	for (size_t i = 0; i < n_kept; i++)
		if (kept[i].value_len == 6)
			kept[i].value_len = 4;
	restart(MAX);
	assert_int_equal(series_count(series), 10);
	assert_int_equal(begin_many(1, 0, 10, SERIES_WHOLE), 10);
	assert_int_equal(series_count(series), 10);
}

static void what_is_over_makes_room(void **state)
{
	(void)state;
	begin_many(1, 0, 10000, SERIES_WHOLE);
	commit_all();
	series_batch_begin(series, DAY0_MS + (SERIES_DAYS + 1) * DAY_MS);
	assert_int_equal(begin_many(1, 20000, 10000, SERIES_WHOLE), 400);
	commit_all();
	assert_int_equal(n_kept, 400 + 1);
}

/* Before its deletion was written, and after. */
static void what_is_over_may_come_back(void **state)
{
	(void)state;
	begin_many(1, 0, 2, SERIES_WHOLE);
	commit();
	series_batch_begin(series, DAY0_MS + (SERIES_DAYS + 1) * DAY_MS);
	assert_int_equal(series_count(series), 0);
	assert_int_equal(admit(1, 0), SERIES_LIVE);
	commit();
	assert_int_equal(admit(1, 1), SERIES_LIVE);
	commit();
	restart(MAX);
	assert_int_equal(series_count(series), 2);
	assert_int_equal(begin_many(1, 0, 10000, SERIES_WHOLE), 400);
}

static void a_clock_that_goes_back_ends_none(void **state)
{
	(void)state;
	begin_many(1, 0, 10, SERIES_WHOLE);
	commit();
	series_batch_begin(series, DAY0_MS - 30 * DAY_MS);
	assert_int_equal(series_count(series), 10);
	series_batch_begin(series, DAY0_MS - (30 - SERIES_DAYS) * DAY_MS);
	assert_int_equal(series_count(series), 10);
	series_batch_begin(series, DAY0_MS - (29 - SERIES_DAYS) * DAY_MS);
	assert_int_equal(series_count(series), 0);
}

static void the_budget_follows_from_the_bytes_that_there_are(void **state)
{
	(void)state;
	assert_int_equal(series_max_of(24 * 1000), 1000);
	assert_int_equal(series_max_of(24 * 1000 - 1), 999);
	assert_int_equal(series_max_of(UINT64_C(24) * SERIES_MAX), SERIES_MAX);
	assert_int_equal(series_max_of(UINT64_MAX), SERIES_MAX);
}

static void what_no_version_wrote_is_refused(void **state)
{
	static const struct {
		size_t key_len;
		size_t value_len;
	} wrong[] = {{8, 3}, {8, 5}, {8, 0}, {7, 4}, {9, 4}, {0, 4}};
	uint8_t bytes[16] = {0};
	struct ledger_entry entry = {.table = "series", .key = bytes, .value = bytes};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		entry.key_len = wrong[i].key_len;
		entry.value_len = wrong[i].value_len;
		assert_false(series_load(series, &entry));
	}
	entry.key = (const uint8_t *)"seed";
	entry.key_len = 4;
	entry.value_len = 7;
	assert_false(series_load(series, &entry));
	assert_int_equal(series_count(series), 0);
}

/* Twenty times the budget over weeks: slots are used again, none is lost or counted twice. */
static void weeks_of_coming_and_going_add_up(void **state)
{
	(void)state;
	for (unsigned day = 0; day < 60; day++) {
		series_batch_begin(series, DAY0_MS + day * DAY_MS);
		assert_int_equal(begin_many(day, day * 1000, 40, SERIES_WHOLE), 40);
		assert_int_equal(
			series_count(series), 40 * (day < SERIES_DAYS ? day + 1 : SERIES_DAYS + 1));
		commit_all();
		assert_int_equal(n_kept, series_count(series) + 1);
	}
}

static bool pass(void *ctx, const struct ledger_entry *entry)
{
	(void)ctx;
	(void)entry;
	return true;
}

/* More of them than the table will ever have slots, a few a day that are over on the next. */
static void what_was_over_gives_its_slot_back(void **state)
{
	static const unsigned n_a_day = 4000;
	unsigned n = 0;

	(void)state;
	series_free(series);
	series = series_new(10 * n_a_day, 0, SEED);
	for (unsigned day = 0; n < 3 * SERIES_MAX; day++) {
		series_batch_begin(series, DAY0_MS + day * DAY_MS);
		for (unsigned end = n + n_a_day; n < end; n++)
			assert_int_equal(series_admit(series, (struct series_owner){0},
						 SERIES_WHOLE, (const char *)&n, sizeof(n)),
				SERIES_LIVE);
		for (unsigned i = 0; i <= n_a_day / SERIES_WRITES_MAX; i++) {
			assert_true(series_batch_entries(series, pass, NULL));
			series_batch_commit(series);
		}
	}
	assert_int_equal(series_count(series), n_a_day);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_series_counts_once),
		TEST(a_pod_that_scans_takes_half_of_each_limit),
		TEST(another_pod_s_series_begin_all_the_same),
		TEST(two_that_scan_take_a_third_each),
		TEST(no_fold_goes_beyond_the_budget_however_many_pods_there_are),
		TEST(those_that_are_live_go_on_in_a_full_table),
		TEST(a_quiet_batch_writes_nothing),
		TEST(one_that_goes_on_is_written_once_a_day),
		TEST(new_ones_are_all_written_with_their_batch),
		TEST(of_those_that_go_on_a_batch_writes_its_share_and_the_next_the_rest),
		TEST(one_that_begins_again_is_written_with_its_batch),
		TEST(a_restart_knows_them_and_their_pods_share),
		TEST(more_than_a_smaller_budget_go_on_and_no_new_one_begins),
		TEST(an_aborted_batch_s_entries_go_with_the_next),
		TEST(in_a_new_spool_the_seed_and_the_live_ones_are_written_again),
		TEST(what_is_over_is_not_written_to_a_new_spool),
		TEST(entries_that_find_no_memory_are_not_lost),
		TEST(one_that_was_silent_for_more_than_seven_days_is_over),
		TEST(a_longer_retention_keeps_them_longer),
		TEST(pods_that_follow_one_another_have_the_share_of_a_workload),
		TEST(an_entry_without_a_workload_is_loaded),
		TEST(what_is_over_makes_room),
		TEST(what_is_over_may_come_back),
		TEST(a_clock_that_goes_back_ends_none),
		TEST(the_budget_follows_from_the_bytes_that_there_are),
		TEST(what_no_version_wrote_is_refused),
		TEST(weeks_of_coming_and_going_add_up),
		TEST(what_was_over_gives_its_slot_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
