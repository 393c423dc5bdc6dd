/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/pipeline collector/intake collector/waiting collector/batch collector/rows */
/* uses: collector/line collector/ledger collector/ledger_boot collector/ledger_forget */
/* uses: collector/ledger_runs */
/* uses: collector/ledger_table collector/ledger_touches */
/* uses: collector/probes collector/names collector/name_cache */
/* uses: collector/ptr collector/scope collector/name_seen collector/name_text collector/tags */
/* uses: collector/fold collector/series collector/series_slots collector/label_file */
/* uses: collector/labels */
/* uses: collector/dns collector/loop collector/worker collector/gzip */
/* uses: collector/spool_account collector/spool_statements collector/spool_sqlite */
/* uses: collector/spool_db collector/spool_room collector/spool_setup collector/spool_backup */
/* uses: collector/spool_aside collector/spool_rows collector/spool_commit collector/spool_settle */
/* uses: collector/spool_dead collector/spool_file collector/spool */
/* uses: collector/strbuf collector/live */
/* uses: collector/live_text collector/live_out collector/line_own collector/bodies */
/* uses: collector/figures collector/losses collector/stats collector/acks */
/* uses: collector/kube collector/kube_watch collector/kube_access collector/kube_map */
/* uses: collector/kube_slots collector/kube_claims collector/kube_split collector/kube_event */
/* uses: collector/kube_pace */
/* uses: collector/kube_workload collector/intern collector/http_client collector/retry */
/* uses: collector/secret */
#include "pipeline_lab.h"

static void nothing_is_acknowledged_before_it_is_committed(void **state)
{
	struct fixture *f = *state;

	send_flow(f, 1, 1, 1000);
	send_flow(f, 1, 1, 1000);
	pipeline_flush(f->pipeline, stopped, f);
	assert_int_equal(f->stats.committing_bytes, 1000);
	assert_int_equal(f->n_acks, 0);
	run(f);
	assert_int_equal(f->stats.committed_bytes, 1000);
	assert_int_equal(f->n_acks, 1);
	assert_int_equal(f->last_ack.contiguous, 1);
	assert_memory_equal(f->last_ack.boot_id, report_of(1).boot_id, BOOT_ID_LEN);
}

static void a_batch_is_acknowledged_by_one_datagram_a_boot(void **state)
{
	struct fixture *f = *state;

	for (uint8_t i = 1; i <= 100; i++)
		send_flow(f, i, i, 1000);
	flush(f);
	assert_int_equal(f->n_acks, 1);
	assert_int_equal(f->last_ack.contiguous, 100);
}

static void the_gaps_of_a_batch_are_seen_in_the_bitmap(void **state)
{
	struct fixture *f = *state;

	send_flow(f, 1, 1, 1000);
	send_flow(f, 3, 1, 1000);
	flush(f);
	assert_int_equal(f->last_ack.contiguous, 1);
	assert_int_equal(f->last_ack.bitmap_len, 1);
	assert_int_equal(f->last_ack.bitmap[0], 1);
}

static bool count_boots(void *ctx, const struct ledger_entry *entry)
{
	*(unsigned *)ctx += strcmp(entry->table, "boot") == 0;
	return true;
}

static void a_boot_that_the_full_ledger_forgets_leaves_the_spool_too(void **state)
{
	const struct ledger_config config = {
		.hash_seed = 1, .limits = {.boots_max = 1, .finished_ms = -1}}; /* at once */
	struct fixture *f = *state;
	struct report next = report_of(1), last = report_of(1);
	struct record record = flow_to(1, 1000);
	char err[ERR_LEN];
	unsigned n = 0;

	ledger_free(f->ledger);
	f->ledger = ledger_new(&config);
	pipeline_start(f, &(struct names_config){0});
	last.is_final = true;
	send_report(f, &last, &record, 1);
	flush(f);
	memset(next.boot_id, 'n', BOOT_ID_LEN);
	send_report(f, &next, &record, 1);
	flush(f);
	assert_int_equal(f->stats.accepted, 2);
	assert_int_equal(f->stats.reject_ledger_full, 0);
	assert_int_equal(spool_load_ledger(f->spool, count_boots, &n, err), 0);
	assert_int_equal(n, 1);
}

/* The probe has not heard of the commit: it is told again, by the next beat. */
static void a_duplicate_is_acknowledged_again_and_not_committed(void **state)
{
	struct fixture *f = *state;

	send_flow(f, 1, 1, 1000);
	flush(f);
	send_flow(f, 1, 1, 1000);
	assert_int_equal(f->n_acks, 1);
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + PIPELINE_BEAT_MS + 200);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->n_acks, 2);
	assert_int_equal(f->stats.commits, 1);
	assert_int_equal(f->stats.committed_bytes, 1000);
}

static void one_that_is_ahead_is_never_acknowledged(void **state)
{
	struct fixture *f = *state;

	send_flow(f, 1, 1, 1000);
	send_flow(f, LEDGER_WINDOW + 1, 1, 1000);
	assert_int_equal(f->stats.reject_ahead, 1);
	flush(f);
	assert_int_equal(f->n_acks, 1);
	assert_int_equal(f->last_ack.contiguous, 1);
	assert_int_equal(f->last_ack.bitmap_len, 0);
}

static void nothing(void *ctx)
{
	(void)ctx;
}

/* The worker's queue is full of others' jobs. */
static void a_commit_that_fails_is_counted_and_its_datagrams_may_come_again(void **state)
{
	struct fixture *f = *state;
	struct worker_job jobs[WORKER_JOBS];

	for (size_t i = 0; i < WORKER_JOBS; i++) {
		bool is_last = i == WORKER_JOBS - 1;

		jobs[i] = (struct worker_job){
			.run = nothing, .done = is_last ? stopped : nothing, .ctx = f};
		assert_true(worker_submit(f->worker, &jobs[i]));
	}
	send_flow(f, 1, 1, 1000);
	pipeline_flush(f->pipeline, nothing, f);
	assert_int_equal(f->stats.commit_failures, 1);
	assert_int_equal(f->stats.commit_failed_bytes, 1000);
	assert_int_equal(f->n_acks, 0);
	send_flow(f, 1, 1, 1000);
	assert_int_equal(f->stats.duplicates, 0);
	assert_int_equal(f->stats.waiting_bytes, 1000);
	run(f); /* until the jobs are done */
	flush(f);
	assert_int_equal(f->n_acks, 1);
	assert_int_equal(f->last_ack.contiguous, 1);
}

static void closing_while_a_commit_is_under_way_keeps_it(void **state)
{
	struct fixture *f = *state;

	send_flow(f, 1, 1, 1000);
	pipeline_flush(f->pipeline, stopped, f);
	pipeline_close(f->pipeline);
	f->pipeline = NULL;
	worker_close(f->worker);
	f->worker = NULL;
	assert_non_null(strstr(spooled_text(f), "tx_bytes=1000i"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_acknowledged_before_it_is_committed),
		cmocka_unit_test_setup_teardown(
			a_boot_that_the_full_ledger_forgets_leaves_the_spool_too, set_up_bare,
			tear_down),
		TEST(a_batch_is_acknowledged_by_one_datagram_a_boot),
		TEST(the_gaps_of_a_batch_are_seen_in_the_bitmap),
		TEST(a_duplicate_is_acknowledged_again_and_not_committed),
		TEST(one_that_is_ahead_is_never_acknowledged),
		TEST(a_commit_that_fails_is_counted_and_its_datagrams_may_come_again),
		TEST(closing_while_a_commit_is_under_way_keeps_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
