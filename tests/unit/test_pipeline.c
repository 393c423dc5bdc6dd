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

#include "batch.h"
#include "bodies.h"

#include <fcntl.h>
#include <sys/syscall.h>

static _Atomic int64_t stopped_at_ms; /* the monotonic clock; 0: it goes */

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int64_t ms = stopped_at_ms;

	if (id != CLOCK_MONOTONIC || !ms)
		return (int)syscall(SYS_clock_gettime, id, ret);
	*ret = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	return 0;
}

static void a_record_becomes_a_point_with_all_its_tags(void **state)
{
	struct fixture *f = *state;

	send_flow(f, 1, 1, 1000);
	flush(f);
	assert_string_equal(spooled_text(f),
		"nstat,cluster=test,hosts=web-0,named_by=address,namespace=-,node=-,port=443,"
		"proto=tcp,receiver=192.0.2.1,receiver_kind=external,receiver_namespace=-,"
		"receiver_zone=-,role=client,sender=10.0.0.5,workload=-,zone=- "
		"receiveRate=0.0,rx_bytes=0i,rx_packets=0i,sendRate=4000.0,tx_bytes=1000i,"
		"tx_packets=1i 1795378530000\n"
		"nstats_probe,cluster=test,hosts=web-0,namespace=-,node=-,workload=-,zone=- "
		"captured_bytes=0i,captured_packets=0i,self_bytes=0i,evicted_bytes=0i,"
		"kernel_drops=0i,table_full_packets=0i,send_errors=0i,cpu_us=0i,rss_bytes=0i,"
		"uptime_s=0i,interface_bytes=0i,sealed_bytes=1000i,stored_bytes=1000i,"
		"lost_bytes=0i,unreported_bytes=0i 1795378530000\n");
	assert_int_equal(f->stats.spool_lines, 2);
	assert_int_equal(f->stats.points, 1);
}

static bool count_series(void *ctx, const struct ledger_entry *entry)
{
	unsigned *n = ctx;

	*n += strcmp(entry->table, "series") == 0;
	return true;
}

/* Half of a budget of 10 is one pod's: 4 series as they are, and a fifth without its port. */
static void what_is_beyond_the_budget_is_one_sum_and_what_is_not_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);
	struct record records[20];
	unsigned n_remembered = 0;
	char err[ERR_LEN];

	for (uint8_t i = 0; i < 20; i++)
		records[i] = flow_to(i, 100);
	report.sealed_bytes = 2000;
	send_report(f, &report, records, 20);
	flush(f);
	spooled_text(f);
	assert_non_null(strstr(f->text, ",port=443,proto=tcp,receiver=192.0.2.3,"));
	assert_non_null(strstr(f->text, ",port=-,proto=tcp,receiver=192.0.2.4,"));
	assert_null(strstr(f->text, "receiver=192.0.2.5,"));
	assert_non_null(strstr(f->text, ",named_by=-,namespace=-,node=-,port=-,proto=tcp,"
					"receiver=~other,receiver_kind=other,"));
	assert_non_null(strstr(f->text, ",tx_bytes=1500i,tx_packets=15i "));
	assert_int_equal(f->stats.points, 6);
	assert_int_equal(f->stats.folded_port_pod, 1);
	assert_int_equal(f->stats.folded_name_pod, 15);
	assert_int_equal(f->stats.committed_bytes, 2000);
	assert_int_equal(spool_load_ledger(f->spool, count_series, &n_remembered, err), 0);
	assert_int_equal(n_remembered, 5 + 1); /* and their seed */
}

static void overwrite(const char *path)
{
	static uint8_t junk[1024 * 1024];
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	memset(junk, 0x5a, sizeof(junk));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 4096), sizeof(junk));
	close(fd);
}

/* Of a body that no cache holds whole. */
static void damage_spool(struct fixture *f)
{
	static uint8_t data[4 * 1024 * 1024];
	struct spool_body body = {.data = data, .len = sizeof(data)};
	const struct spool_batch batch = {.bodies = &body, .n_bodies = 1};
	struct spool_state state;
	char path[256], err[ERR_LEN];

	for (int i = 0; i < 2; i++)
		assert_int_equal(spool_commit(f->spool, &batch, err), 0);
	snprintf(path, sizeof(path), "%s-wal", f->path);
	overwrite(path);
	overwrite(f->path);
	for (int i = 0; i < 10; i++)
		spool_check(f->spool, err);
	spool_state(f->spool, &state);
	assert_int_equal(state.corrupt_files, 1);
}

static void what_is_live_is_remembered_in_a_new_spool_after_damage(void **state)
{
	struct fixture *f = *state;
	unsigned n_remembered = 0;
	char err[ERR_LEN];

	send_flow(f, 1, 1, 1000);
	flush(f);
	damage_spool(f);
	send_flow(f, 2, 1, 1000);
	flush(f);
	assert_int_equal(spool_load_ledger(f->spool, count_series, &n_remembered, err), 0);
	assert_int_equal(n_remembered, 1 + 1); /* and their seed */
}

/* Ten pods with a new series each: 8 tenths as they are, the ninth without its port, then none. */
static void what_all_pods_together_have_beyond_the_budget_is_counted_as_such(void **state)
{
	struct fixture *f = *state;

	for (uint8_t i = 0; i < 10; i++) {
		struct report report = report_of(1);
		struct record record = flow_to(i, 100);

		report.boot_id[0] = (uint8_t)('0' + i);
		report.identity.host[0] = (char)('0' + i);
		report.sealed_bytes = 100;
		send_report(f, &report, &record, 1);
	}
	flush(f);
	assert_int_equal(series_count(f->series), 9);
	assert_int_equal(f->stats.folded_port_total, 1);
	assert_int_equal(f->stats.folded_name_total, 1);
	assert_int_equal(f->stats.folded_port_pod + f->stats.folded_name_pod, 0);
	assert_int_equal(f->stats.committed_bytes, 1000);
}

static void what_a_probe_said_stands_beside_what_is_stored_with_this_commit(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(3);
	struct record record = flow_to(1, 1000);

	report.oldest = 3; /* what went before never came */
	report.sealed_bytes = 3500;
	report.totals.captured_bytes = 3600;
	report.totals.self_bytes = 100;
	send_report(f, &report, &record, 1);
	flush(f);
	assert_non_null(strstr(spooled_text(f), "nstats_probe,"));
	assert_non_null(strstr(f->text, " captured_bytes=3600i,"));
	assert_non_null(strstr(f->text, ",self_bytes=100i,"));
	assert_non_null(
		strstr(f->text, ",sealed_bytes=3500i,stored_bytes=1000i,lost_bytes=2500i,"));
}

static void a_probe_has_one_point_a_commit_at_its_newest_interval(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(2);
	const char *point;

	report.start_ms = START_MS + 10000;
	report.totals.captured_bytes = 77;
	send_report(f, &report, NULL, 0);
	send_flow(f, 1, 1, 1000);
	flush(f);
	point = strstr(spooled_text(f), "nstats_probe,");
	assert_non_null(point);
	assert_non_null(strstr(point, " captured_bytes=77i,"));
	assert_non_null(strstr(
		point, ",stored_bytes=1000i,lost_bytes=0i,unreported_bytes=0i 1795378540000\n"));
	assert_null(strstr(point + 1, "nstats_probe,"));
}

/* The point waits for no traffic: it is a commit of its own. */
static void the_collectors_own_point_is_committed_without_a_probe(void **state)
{
	struct fixture *f = *state;
	struct figures_parts figures = {.cluster = "test",
		.host = "collector-0",
		.stats = &f->stats,
		.spool = f->spool,
		.probes = f->probes};
	struct names_config off = {0};
	char expected[64];
	const char *text;
	int64_t line_ms;

	f->figures = figures_new(&figures, clock_wall_ms() - FIGURES_EVERY_MS);
	assert_non_null(f->figures);
	f->stats.posts = 42;
	pipeline_start(f, &off);
	run(f);
	line_ms = clock_wall_ms() / FIGURES_EVERY_MS * FIGURES_EVERY_MS;
	text = spooled_text(f);
	assert_ptr_equal(strstr(text, "nstats_collector,cluster=test,hosts=collector-0 "
				      "accepted_bytes="),
		text);
	assert_non_null(strstr(f->text, ",posts=42i,"));
	snprintf(expected, sizeof(expected), " %lld\n", (long long)line_ms);
	assert_non_null(strstr(f->text, expected));
	assert_int_equal(f->stats.commits, 1);
	assert_int_equal(f->stats.spool_lines, 1);
	assert_int_equal(f->stats.spool_max_bytes, SPOOL_MAX);
	assert_int_equal(f->stats.spool_bytes, 0);
}

static void send_interval_that_ended(struct fixture *f, uint64_t sequence, int64_t ago_ms)
{
	struct report report = report_of(sequence);

	report.start_ms = (uint64_t)(clock_wall_ms() - ago_ms) / 1000 * 1000 - 2000;
	send_report(f, &report, NULL, 0);
}

static void the_longest_time_to_a_commit_is_kept(void **state)
{
	struct fixture *f = *state;

	send_interval_that_ended(f, 2, 30000);
	send_interval_that_ended(f, 3, 5000);
	flush(f);
	assert_in_range(f->stats.commit_us, 30000000, 39000000);
	assert_int_equal(f->stats.commit_us % 1000, 0);
}

static void a_boot_s_first_interval_ended_where_it_says_that_it_began_and_so_long_after(
	void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);

	report.begin_ms = 8000;
	report.start_ms = (uint64_t)clock_wall_ms() / 1000 * 1000 - 30000 - 10000;
	send_report(f, &report, NULL, 0);
	flush(f);
	assert_in_range(f->stats.commit_us, 30000000, 39000000);
}

static void an_interval_that_says_nothing_of_the_delay_is_left_out_of_it(void **state)
{
	struct fixture *f = *state;

	send_interval_that_ended(f, 1, 30000); /* a boot's first: who knows where it began */
	send_interval_that_ended(f, 2, 48 * 3600000L); /* a capture file is replayed */
	send_interval_that_ended(f, 3, -60000);        /* the probe's clock is ahead */
	flush(f);
	assert_int_equal(f->stats.commit_us, 0);
}

static void remainders_have_reserved_names_and_no_address(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);
	struct record records[] = {
		{.kind = RECORD_OTHER, .proto = 17, .role = ROLE_SERVER, .sum.tx_bytes = 1},
		{.kind = RECORD_NON_IP, .sum.tx_bytes = 2},
		{.kind = RECORD_MALFORMED, .sum.tx_bytes = 3},
	};
	const char *text;

	send_report(f, &report, records, 3);
	flush(f);
	text = spooled_text(f);
	assert_non_null(strstr(text, ",named_by=-,namespace=-,node=-,port=-,proto=udp,receiver=~"
				     "other,receiver_kind=other,"));
	assert_non_null(strstr(text, "role=server,sender=-,"));
	assert_non_null(strstr(text, ",port=-,proto=-,receiver=~non-ip,receiver_kind=other,"));
	assert_non_null(strstr(text, ",receiver=~malformed,"));
	assert_non_null(strstr(text, "role=-,sender=-,"));
}

static void bytes_are_conserved_from_the_datagram_to_the_spool(void **state)
{
	struct fixture *f = *state;

	for (uint8_t i = 1; i <= 100; i++)
		send_flow(f, i, i, 1000);
	assert_int_equal(f->stats.accepted_bytes, 100000);
	assert_int_equal(f->stats.waiting_bytes, 100000);
	flush(f);
	assert_int_equal(f->stats.waiting_bytes, 0);
	assert_int_equal(f->stats.committing_bytes, 0);
	assert_int_equal(f->stats.committed_bytes, 100000);
	assert_int_equal(f->stats.spool_bytes, 100000);
	assert_int_equal(f->stats.points, 100);
}

static void a_duplicate_is_not_counted_again(void **state)
{
	struct fixture *f = *state;

	send_flow(f, 1, 1, 1000);
	send_flow(f, 1, 1, 1000);
	flush(f);
	send_flow(f, 1, 1, 1000);
	assert_int_equal(f->stats.duplicates, 2);
	assert_int_equal(f->stats.accepted_bytes, 1000);
}

static void how_much_the_ledger_holds_is_shown_with_the_beat(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);
	struct record record = flow_to(1, 1000);

	report.boot_id[0]++;
	report.sealed_bytes = 1000;
	send_report(f, &report, &record, 1);
	send_flow(f, 1, 1, 1000);
	flush(f);
	send_flow(f, 2, 1, 1000);
	while (f->stats.ledger_boots == 0)
		run(f);
	assert_int_equal(f->stats.ledger_boots, 2);
	assert_int_equal(f->stats.ledger_observers, 1);
}

static void a_later_commit_of_an_interval_is_shifted_by_a_millisecond(void **state)
{
	struct fixture *f = *state;

	send_flow(f, 1, 1, 1000);
	flush(f);
	send_flow(f, 2, 1, 1000);
	flush(f);
	assert_non_null(strstr(spooled_text(f), " 1795378530001\n"));
	/* The totals too: in which order the two are delivered is not known. */
	assert_non_null(strstr(strstr(spooled_text(f), "nstats_probe,"), " 1795378530001\n"));
	assert_int_equal(f->stats.points_shifted, 1);
}

static void rows_of_an_interval_that_was_committed_too_often_are_lost_and_counted(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);
	struct record record = flow_to(1, 1000);

	for (uint32_t n = 0; n <= LEDGER_K_MAX; n++) {
		ledger_batch_begin(f->ledger);
		ledger_batch_k(f->ledger, "test,-,web-0", START_MS, 2000);
		ledger_batch_commit(f->ledger, NULL, NULL);
	}
	report.sealed_bytes = 1000;
	send_report(f, &report, &record, 1);
	flush(f);
	assert_int_equal(f->stats.rows_dropped_bytes, 1000);
	assert_int_equal(ledger_lost_bytes(f->ledger), 1000);
	assert_non_null(strstr(spooled_text(f), ",stored_bytes=0i,lost_bytes=1000i,"));
	assert_int_equal(f->stats.committed_bytes, 0);
	assert_int_equal(f->stats.points, 0);
}

static void the_parts_of_an_interval_wait_for_each_other(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);
	struct record record = flow_to(1, 1000);

	report.parts = 2;
	send_report(f, &report, &record, 1);
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + PIPELINE_BEAT_MS + 200);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->n_committed, 0);
	report = report_of(2);
	report.parts = 2;
	report.part = 1;
	record = flow_to(2, 1000);
	send_report(f, &report, &record, 1);
	run(f);
	assert_int_equal(f->stats.points, 2);
	assert_int_equal(f->stats.points_shifted, 0);
}

static void send_half_an_interval(struct fixture *f, uint64_t n)
{
	struct report report = report_of(n);
	struct record record = flow_to(1, 1000);

	report.start_ms += n * report.interval_ms;
	report.parts = 2;
	send_report(f, &report, &record, 1);
}

/* At the beat when the first has waited for all the time that it may, and the second has not. */
static void a_part_that_never_comes_holds_the_others_up_for_2_s_only(void **state)
{
	struct fixture *f = *state;

	stopped_at_ms = clock_mono_ms();
	send_half_an_interval(f, 1);
	stopped_at_ms++;
	send_half_an_interval(f, 2);
	assert_int_equal(f->stats.waiting_bytes, 2000);
	stopped_at_ms += PIPELINE_WAIT_MS - 1;
	loop_timer_set(
		f->loop, &f->guard, stopped_at_ms); /* after the beat, which was due before */
	assert_int_equal(loop_run(f->loop), 0);
	stopped_at_ms = 0;
	assert_int_equal(f->stats.waiting_bytes, 1000);
	run(f);
	assert_int_equal(f->stats.committed_bytes, 1000);
	assert_int_equal(PIPELINE_WAIT_MS, 2000);
}

static void a_datagram_without_rows_is_committed_for_the_ledger(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);
	struct ledger_boot_state boot;
	const char *text;

	send_report(f, &report, NULL, 0);
	flush(f);
	assert_true(ledger_boot(f->ledger, report.boot_id, &boot));
	assert_int_equal(boot.contiguous, 1);
	text = spooled_text(f);
	assert_ptr_equal(strstr(text, "nstats_probe,"), text);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void two_addresses_with_one_name_are_one_point(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);
	struct record records[] = {flow_to(1, 1000), flow_to(2, 500)};

	send_report(f, &report, records, 2);
	run(f);
	assert_int_equal(f->stats.points, 1);
	assert_non_null(strstr(spooled_text(f), "named_by=ptr,"));
	assert_non_null(strstr(f->text, "receiver=same.example,"));
	assert_non_null(strstr(f->text, "tx_bytes=1500i,"));
}

static void answer_now(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	(void)now_ms;
	assert_int_equal(loop_watch(f->loop, f->dns_fd, EPOLLIN, dns_serve, f), 0);
}

/* The answer comes after a beat and before the two seconds are over. */
static void an_interval_waits_for_a_name_that_is_being_asked_for(void **state)
{
	struct fixture *f = *state;
	struct loop_timer later = {.fn = answer_now, .ctx = f};

	loop_unwatch(f->loop, f->dns_fd);
	loop_timer_set(f->loop, &later, clock_mono_ms() + PIPELINE_BEAT_MS + 300);
	send_flow(f, 1, 1, 1000);
	run(f);
	assert_non_null(strstr(spooled_text(f), "receiver=same.example,"));
}

static void a_hosts_name_cannot_inject_a_line(void **state)
{
	struct fixture *f = *state;
	struct report report = report_of(1);
	struct record record = flow_to(1, 1);
	const char *text;

	snprintf(report.identity.host, sizeof(report.identity.host), "a\nevil,x=y z=1i 1\\");
	send_report(f, &report, &record, 1);
	flush(f);
	text = spooled_text(f);
	assert_non_null(strstr(text, "nstat,cluster=test,hosts=a_evil_x_y_z_1i_1_,"));
	text = strchr(text, '\n') + 1;
	assert_ptr_equal(strstr(text, "nstats_probe,cluster=test,hosts=a_evil_x_y_z_1i_1_,"), text);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void bodies_are_bounded_in_lines_and_bytes(void **state)
{
	struct fixture *f = *state;
	unsigned n_bodies;

	for (unsigned i = 0; i < 2000; i++) {
		struct report report = report_of(i + 1);
		struct record record = flow_to((uint8_t)i, 1);

		snprintf(report.identity.host, sizeof(report.identity.host), "host-%u", i);
		send_report(f, &report, &record, 1);
	}
	flush(f);
	spooled(f, &n_bodies);
	assert_int_equal(f->stats.points, 2000);
	assert_true(n_bodies >= strlen(f->text) / BODIES_BYTES_MAX + 1);
	assert_true(n_bodies <= 2 * (strlen(f->text) / BODIES_BYTES_MAX + 1));
}

static void beyond_the_bound_datagrams_are_refused_and_may_come_again(void **state)
{
	const uint64_t max = PIPELINE_RECORDS_MAX / (1 + WAITING_DATAGRAM_COST);
	struct fixture *f = *state;

	/* A boot has LEDGER_WINDOW numbers in flight: several of them fill the store. */
	for (uint64_t i = 0; i <= max; i++) {
		struct report report = report_of(1 + i % 1000);
		struct record record = flow_to(1, 1);

		report.boot_id[0] = (uint8_t)(i / 1000);
		send_report(f, &report, &record, 1);
	}
	assert_int_equal(f->stats.records, max);
	assert_int_equal(f->stats.reject_busy, 1);
	/* More than a transaction of so small a spool may hold. */
	for (int i = 0; i < 20 && f->stats.committed_bytes < max; i++)
		flush(f);
	assert_int_equal(f->stats.committed_bytes, max);
	send_flow(f, 1 + max % 1000, 1, 1);
	assert_int_equal(f->stats.duplicates, 0);
}

static void garbage_is_counted_by_its_reason(void **state)
{
	uint8_t data[WIRE_DATAGRAM_MAX + 1] = {0xff, 0xff};
	struct fixture *f = *state;

	pipeline_datagram(f->pipeline, data, sizeof(data), &f->from);
	pipeline_datagram(f->pipeline, data, 2, &f->from);
	assert_int_equal(f->stats.reject_oversize, 1);
	assert_int_equal(f->stats.reject_undecodable, 1);
	assert_int_equal(f->stats.accepted_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_becomes_a_point_with_all_its_tags),
		cmocka_unit_test_setup_teardown(
			what_is_live_is_remembered_in_a_new_spool_after_damage, set_up_with_budget,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_beyond_the_budget_is_one_sum_and_what_is_not_is_remembered,
			set_up_with_budget, tear_down),
		cmocka_unit_test_setup_teardown(
			what_all_pods_together_have_beyond_the_budget_is_counted_as_such,
			set_up_with_budget, tear_down),
		TEST(what_a_probe_said_stands_beside_what_is_stored_with_this_commit),
		TEST(a_probe_has_one_point_a_commit_at_its_newest_interval),
		cmocka_unit_test_setup_teardown(
			the_collectors_own_point_is_committed_without_a_probe, set_up_bare,
			tear_down),
		TEST(the_longest_time_to_a_commit_is_kept),
		TEST(a_boot_s_first_interval_ended_where_it_says_that_it_began_and_so_long_after),
		TEST(an_interval_that_says_nothing_of_the_delay_is_left_out_of_it),
		TEST(remainders_have_reserved_names_and_no_address),
		TEST(bytes_are_conserved_from_the_datagram_to_the_spool),
		TEST(a_duplicate_is_not_counted_again),
		TEST(how_much_the_ledger_holds_is_shown_with_the_beat),
		TEST(a_later_commit_of_an_interval_is_shifted_by_a_millisecond),
		TEST(rows_of_an_interval_that_was_committed_too_often_are_lost_and_counted),
		TEST(the_parts_of_an_interval_wait_for_each_other),
		TEST(a_part_that_never_comes_holds_the_others_up_for_2_s_only),
		TEST(a_datagram_without_rows_is_committed_for_the_ledger),
		cmocka_unit_test_setup_teardown(
			two_addresses_with_one_name_are_one_point, set_up_with_names, tear_down),
		cmocka_unit_test_setup_teardown(
			an_interval_waits_for_a_name_that_is_being_asked_for, set_up_with_names,
			tear_down),
		TEST(a_hosts_name_cannot_inject_a_line),
		TEST(bodies_are_bounded_in_lines_and_bytes),
		TEST(beyond_the_bound_datagrams_are_refused_and_may_come_again),
		TEST(garbage_is_counted_by_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
