/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/intake collector/waiting collector/batch collector/rows collector/line */
/* uses: collector/ledger collector/ledger_boot collector/ledger_forget collector/ledger_runs */
/* uses: collector/ledger_table collector/ledger_touches */
/* uses: collector/probes collector/names collector/name_cache collector/dns collector/loop */
/* uses: collector/ptr collector/scope collector/name_seen collector/name_text collector/tags */
/* uses: collector/fold collector/series collector/series_slots collector/label_file */
/* uses: collector/labels */
/* uses: collector/line_own collector/bodies */
/* uses: collector/gzip collector/strbuf collector/live collector/live_text collector/live_out */
/* uses: collector/acks */
/* uses: collector/kube collector/kube_watch collector/kube_access collector/kube_map */
/* uses: collector/kube_slots collector/kube_claims collector/kube_split collector/kube_event */
/* uses: collector/kube_pace */
/* uses: collector/kube_workload collector/intern collector/http_client collector/retry */
/* uses: collector/secret */
#include "intake.h"

#include "wire_encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORDS_MAX 400000 /* more than a full ledger has boots, with what a datagram costs */

/* One datagram, ready to be spoilt. */
struct fixture {
	struct loop *loop;
	struct stats stats;
	struct intake_parts parts;
	struct intake *intake;
	struct wire_encoder *encoder;
	struct report report;
	struct record record;
	struct receive_from from;
	unsigned n_acks;
	int64_t now_ms;
};

static bool acknowledged(void *ctx, const struct receive_from *to, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	(void)data;
	(void)len;
	assert_int_equal(to->len, f->from.len);
	f->n_acks++;
	return true;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct names_config no_names = {0};
	char err[ERR_LEN];

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop, err), 0);
	assert_int_equal(names_open(f->loop, &no_names, &f->stats, &f->parts.names, err), 0);
	f->parts.ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
	f->parts.probes = probes_new(1);
	f->parts.waiting = waiting_new(RECORDS_MAX, 1);
	f->parts.acks = acks_new(f->parts.ledger, &f->stats, 1, acknowledged, f);
	f->from.len = 7; /* looked at by nobody on the way */
	f->parts.stats = &f->stats;
	f->parts.cluster = "test";
	f->intake = intake_new(&f->parts);
	f->encoder = wire_encoder_new();
	f->report = (struct report){.boot_id = "boot-0123456789",
		.sequence = 1,
		.oldest = 1,
		.start_ms = 1795378530000,
		.interval_ms = 2000,
		.parts = 1,
		.identity = {.host = "web-0"}};
	f->record = (struct record){
		.kind = RECORD_OTHER, .proto = 6, .sum = {.tx_bytes = 1000, .tx_packets = 1}};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	wire_encoder_free(f->encoder);
	intake_free(f->intake);
	acks_free(f->parts.acks);
	waiting_free(f->parts.waiting);
	probes_free(f->parts.probes);
	ledger_free(f->parts.ledger);
	names_close(f->parts.names);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void give(struct fixture *f)
{
	uint8_t data[WIRE_DATAGRAM_MAX];
	size_t len = wire_encode(f->encoder, &f->report, &f->record, 1, data);

	assert_true(len > 0);
	intake_datagram(f->intake, data, len, &f->from, f->now_ms);
}

static void give_bytes(struct fixture *f, const void *data, size_t len)
{
	intake_datagram(f->intake, data, len, &f->from, f->now_ms);
}

static void a_good_datagram_waits(void **state)
{
	struct fixture *f = *state;

	give(f);
	assert_int_equal(f->stats.accepted, 1);
	assert_int_equal(f->stats.records, 1);
	assert_int_equal(f->stats.accepted_bytes, 1000);
	assert_int_equal(f->stats.waiting_bytes, 1000);
	assert_int_equal(probes_count(f->parts.probes), 1);
}

static void one_that_came_before_is_a_duplicate(void **state)
{
	struct fixture *f = *state;

	give(f);
	give(f);
	assert_int_equal(f->stats.duplicates, 1);
	assert_int_equal(f->stats.accepted, 1);
}

static void one_below_the_oldest_is_late(void **state)
{
	struct fixture *f = *state;

	f->report.sequence = f->report.oldest = 5;
	give(f);
	f->report.sequence = f->report.oldest = 3;
	give(f);
	assert_int_equal(f->stats.late, 1);
	assert_int_equal(f->stats.accepted, 1);
}

static void one_beyond_the_window_is_ahead(void **state)
{
	struct fixture *f = *state;

	f->report.sequence = LEDGER_WINDOW + 1;
	give(f);
	assert_int_equal(f->stats.reject_ahead, 1);
	assert_int_equal(f->stats.accepted, 0);
}

static void a_value_beyond_its_limit_is_refused(void **state)
{
	struct fixture *f = *state;

	f->report.parts = 0;
	give(f);
	assert_int_equal(f->stats.reject_limit, 1);
}

static void one_that_is_too_long_is_refused(void **state)
{
	uint8_t data[WIRE_DATAGRAM_MAX + 1] = {0};

	give_bytes(*state, data, sizeof(data));
	assert_int_equal(((struct fixture *)*state)->stats.reject_oversize, 1);
}

static void one_that_is_no_protobuf_is_refused(void **state)
{
	give_bytes(*state, "\xff\xff", 2);
	assert_int_equal(((struct fixture *)*state)->stats.reject_undecodable, 1);
}

static void an_ack_is_no_report(void **state)
{
	/* Packet.ack: field 2, length-delimited, empty. */
	give_bytes(*state, "\x12\x00", 2);
	assert_int_equal(((struct fixture *)*state)->stats.reject_not_report, 1);
}

static void name_boot(struct fixture *f, unsigned i)
{
	memcpy(f->report.boot_id, &i, sizeof(i));
}

static void what_finds_no_room_is_refused_and_may_come_again(void **state)
{
	struct fixture *f = *state;
	uint64_t n = 0;

	for (; f->stats.reject_busy == 0 && n < RECORDS_MAX; n++) {
		name_boot(f, (unsigned)(n / LEDGER_WINDOW));
		f->report.sequence = n % LEDGER_WINDOW + 1;
		give(f);
	}
	assert_int_equal(f->stats.reject_busy, 1);
	free(waiting_pop(f->parts.waiting, waiting_first(f->parts.waiting)));
	give(f);
	assert_int_equal(f->stats.duplicates, 0);
	assert_int_equal(f->stats.accepted, n);
}

static void a_full_ledger_refuses_new_boots_and_keeps_the_old(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < LEDGER_BOOTS_MAX; i++) {
		name_boot(f, i);
		give(f);
	}
	assert_int_equal(f->stats.reject_ledger_full, 0);
	name_boot(f, LEDGER_BOOTS_MAX);
	give(f);
	assert_int_equal(f->stats.reject_ledger_full, 1);
	acks_owe(f->parts.acks, f->report.boot_id);
	acks_send(f->parts.acks, f->now_ms);
	assert_int_equal(f->n_acks, 0);
	name_boot(f, 0);
	f->report.sequence = 2;
	give(f);
	assert_int_equal(f->stats.reject_ledger_full, 1);
	assert_int_equal(f->stats.accepted, LEDGER_BOOTS_MAX + 1);
}

static void a_full_table_of_probes_refuses_new_ones(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i <= PROBES_MAX; i++) {
		snprintf(f->report.identity.host, sizeof(f->report.identity.host), "web-%u", i);
		name_boot(f, i);
		give(f);
	}
	assert_int_equal(f->stats.probes_refused, 1);
	assert_int_equal(probes_count(f->parts.probes), PROBES_MAX);
}

/* How many acknowledgements a beat sends. */
static unsigned beat(struct fixture *f)
{
	unsigned n = f->n_acks;

	acks_send(f->parts.acks, f->now_ms);
	return f->n_acks - n;
}

static void owe(void *ctx, const uint8_t boot_id[static BOOT_ID_LEN])
{
	acks_owe(ctx, boot_id);
}

/* All that waits; its rows go nowhere. */
static void commit(struct fixture *f)
{
	struct waiting_group *group;

	ledger_batch_begin(f->parts.ledger);
	while ((group = waiting_first(f->parts.waiting))) {
		struct waiting_datagram *d = waiting_pop(f->parts.waiting, group);

		ledger_batch_add(
			f->parts.ledger, f->report.boot_id, d->report.sequence, d->row_bytes);
		free(d);
	}
	ledger_batch_commit(f->parts.ledger, owe, f->parts.acks);
}

static void none_is_acknowledged_while_it_waits(void **state)
{
	struct fixture *f = *state;

	give(f);
	assert_int_equal(beat(f), 0);
	give(f);
	assert_int_equal(f->stats.duplicates, 1);
	assert_int_equal(beat(f), 0);
	commit(f);
	assert_int_equal(beat(f), 1);
	assert_int_equal(beat(f), 0);
}

static void a_duplicate_of_what_is_committed_is_acknowledged(void **state)
{
	struct fixture *f = *state;

	give(f);
	commit(f);
	beat(f);
	give(f);
	assert_int_equal(f->stats.duplicates, 1);
	assert_int_equal(beat(f), 1);
}

static void one_that_is_late_is_acknowledged(void **state)
{
	struct fixture *f = *state;

	f->report.sequence = f->report.oldest = 5;
	give(f);
	f->report.sequence = f->report.oldest = 3;
	give(f);
	assert_int_equal(f->stats.late, 1);
	assert_int_equal(beat(f), 1);
}

static void one_that_is_ahead_is_not_acknowledged(void **state)
{
	struct fixture *f = *state;

	f->report.sequence = LEDGER_WINDOW + 1;
	give(f);
	assert_int_equal(f->stats.reject_ahead, 1);
	commit(f);
	acks_owe(f->parts.acks, f->report.boot_id);
	assert_int_equal(beat(f), 0);
}

static void one_that_is_refused_whole_is_not_acknowledged(void **state)
{
	struct fixture *f = *state;

	give(f);
	commit(f);
	beat(f);
	f->report.parts = 0;
	give(f);
	give_bytes(f, "\xff\xff", 2);
	assert_int_equal(beat(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_datagram_waits),
		TEST(one_that_came_before_is_a_duplicate),
		TEST(one_below_the_oldest_is_late),
		TEST(one_beyond_the_window_is_ahead),
		TEST(a_value_beyond_its_limit_is_refused),
		TEST(one_that_is_too_long_is_refused),
		TEST(one_that_is_no_protobuf_is_refused),
		TEST(an_ack_is_no_report),
		TEST(what_finds_no_room_is_refused_and_may_come_again),
		TEST(a_full_ledger_refuses_new_boots_and_keeps_the_old),
		TEST(a_full_table_of_probes_refuses_new_ones),
		TEST(none_is_acknowledged_while_it_waits),
		TEST(a_duplicate_of_what_is_committed_is_acknowledged),
		TEST(one_that_is_late_is_acknowledged),
		TEST(one_that_is_ahead_is_not_acknowledged),
		TEST(one_that_is_refused_whole_is_not_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
