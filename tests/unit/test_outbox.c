/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/outbox probe/resend probe/ring probe/send */
#include "outbox_lab.h"

#include <stdio.h>

#define N_FULL    30 /* intervals: several times what the ring holds */
#define N_NAMES   200
#define SPREAD_MS 5000

static void an_interval_without_rows_is_one_datagram(void **state)
{
	const struct record *got;
	struct report report;

	(void)state;
	head.totals.captured_bytes = 42;
	lab_connect();
	assert_int_equal(lab_seal(0, 0), 1);
	assert_int_equal(lab_step(0, OUTBOX_WAITING), 1);
	assert_int_equal(lab_receive(&report, &got), 0);
	assert_int_equal(report.totals.captured_bytes, 42);
	assert_int_equal(report.parts, 1);
}

static void the_parts_hold_all_rows_in_order(void **state)
{
	const struct record *got;
	struct report report;
	size_t n_parts, at = 0;

	(void)state;
	lab_connect();
	n_parts = lab_seal(N_ROWS, 0);
	assert_true(n_parts > 1);
	lab_step(0, OUTBOX_WAITING);
	for (size_t part = 0; part < n_parts; part++) {
		size_t n = lab_receive(&report, &got);

		assert_int_equal(report.part, part);
		assert_int_equal(report.parts, n_parts);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(got[i].port, at++);
	}
	assert_int_equal(at, N_ROWS);
}

static void sealed_bytes_count_up_to_each_datagram(void **state)
{
	const struct record *got;
	struct report report;
	size_t n_parts;
	uint64_t sum = 0;

	(void)state;
	lab_connect();
	n_parts = lab_seal(N_ROWS, 0);
	lab_step(0, OUTBOX_WAITING);
	while (n_parts-- > 0) {
		sum += lab_receive(&report, &got) * ROW_BYTES;
		assert_int_equal(report.sealed_bytes, sum);
	}
	assert_int_equal(sum, (uint64_t)N_ROWS * ROW_BYTES);
}

static void sequences_go_on_over_intervals(void **state)
{
	const struct record *got;
	struct report report;

	(void)state;
	lab_connect();
	lab_seal(1, 0);
	lab_seal(1, 0);
	lab_step(0, OUTBOX_WAITING);
	lab_receive(&report, &got);
	assert_int_equal(report.sequence, 1);
	lab_receive(&report, &got);
	assert_int_equal(report.sequence, 2);
	assert_int_equal(report.oldest, 1);
}

static void what_was_sent_stays_the_oldest_until_it_is_acknowledged(void **state)
{
	struct report report;
	struct ack ack;

	(void)state;
	lab_connect();
	lab_seal(1, 0);
	lab_seal(1, 0);
	lab_step(0, OUTBOX_WAITING);
	assert_int_equal(lab_receive_all(&report), 2);
	assert_int_equal(report.oldest, 1);
	ack = lab_ack_up_to(&report, 2);
	lab_acknowledge(&ack);
	lab_step(1, OUTBOX_EMPTY);
	lab_seal(1, 1);
	lab_step(1, OUTBOX_WAITING);
	assert_int_equal(lab_receive_all(&report), 1);
	assert_int_equal(report.oldest, 3);
}

static void without_an_address_it_waits(void **state)
{
	(void)state;
	lab_seal(N_ROWS, 0);
	assert_int_equal(lab_step(0, OUTBOX_BLOCKED), 0);
	lab_connect();
	assert_true(lab_step(0, OUTBOX_WAITING) > 1);
}

static void a_budget_ends_a_step(void **state)
{
	size_t n;

	(void)state;
	lab_connect();
	lab_seal(N_ROWS, 0);
	assert_int_equal(outbox_step(outbox, 0, 2, &n), OUTBOX_MORE);
	assert_int_equal(n, 2);
}

/* As while the kernel takes nothing: acknowledgements are read all the same. */
static void without_a_budget_it_still_listens(void **state)
{
	struct report report;
	struct ack ack;
	size_t n;

	(void)state;
	lab_connect();
	lab_seal(1, 0);
	lab_step(0, OUTBOX_WAITING);
	lab_receive_all(&report);
	ack = lab_ack_up_to(&report, 1);
	lab_acknowledge(&ack);
	outbox_step(outbox, 0, 0, &n);
	assert_int_equal(outbox_stats(outbox)->acks, 1);
	lab_step(0, OUTBOX_EMPTY);
}

static void nothing_goes_before_its_share_of_the_time(void **state)
{
	(void)state;
	lab_connect();
	lab_seal(N_ROWS, SPREAD_MS);
	assert_int_equal(lab_step(SPREAD_MS - 1, OUTBOX_WAITING), 0);
	assert_int_equal(outbox_due_ms(outbox), SPREAD_MS);
	assert_true(lab_step(SPREAD_MS, OUTBOX_WAITING) > 1);
	assert_in_range(outbox_spread_ms(outbox, SPREAD_MS), 0, SPREAD_MS - 1);
	assert_int_equal(outbox_spread_ms(outbox, 0), 0);
}

static void at_the_end_what_is_new_goes_at_once_and_what_went_only_when_it_is_asked(void **state)
{
	(void)state;
	lab_connect();
	lab_seal(1, SPREAD_MS);
	outbox_hurry(outbox, 10, false);
	assert_int_equal(lab_step(10, OUTBOX_WAITING), 1);
	outbox_hurry(outbox, 20, false);
	assert_int_equal(lab_step(20, OUTBOX_WAITING), 0);
	outbox_hurry(outbox, 20, true);
	assert_int_equal(lab_step(20, OUTBOX_WAITING), 1);
}

static void what_the_full_ring_lost_is_counted(void **state)
{
	const struct record *got;
	struct report report;
	uint64_t sealed, arrived = 0;
	size_t n_sent;

	(void)state;
	for (int i = 0; i < N_FULL; i++)
		lab_seal(N_ROWS, 0);
	sealed = (uint64_t)N_FULL * N_ROWS * ROW_BYTES;
	lab_connect();
	n_sent = lab_step(0, OUTBOX_WAITING);
	while (n_sent-- > 0)
		arrived += lab_receive(&report, &got) * ROW_BYTES;
	assert_int_equal(report.sealed_bytes, sealed);
	assert_true(arrived < sealed);
	assert_int_equal(arrived + outbox_evicted_bytes(outbox), sealed);
}

/* So that also the probe's last datagram lets the collector step over what is gone. */
static void the_datagram_that_evicts_says_what_is_the_oldest_after_it(void **state)
{
	const struct record *got;
	struct report report;
	uint64_t first;

	(void)state;
	for (int i = 0; i < N_FULL; i++)
		lab_seal(N_ROWS, 0);
	assert_true(outbox_evicted_bytes(outbox) > 0);
	lab_connect();
	lab_step(0, OUTBOX_WAITING);
	lab_receive(&report, &got);
	first = report.sequence;
	lab_receive_all(&report);
	assert_int_equal(report.oldest, first);
}

static void where_there_is_room_none_is_evicted(void **state)
{
	(void)state;
	while (outbox_has_room(outbox))
		lab_seal(1, 0);
	assert_int_equal(outbox_evicted_bytes(outbox), 0);
	lab_seal(N_NAMES, 0);
	assert_true(outbox_evicted_bytes(outbox) > 0);
}

/* A name of 253 bytes takes the place of ten rows: two hundred of them would take all of the ring.
 */
static void names_that_would_take_too_much_of_the_ring_stay_at_home_and_are_counted(void **state)
{
	static char names[N_NAMES][RECORD_NAME_LEN];
	const struct record *got;
	struct report report;
	size_t n_nameless, n_rows = 0;

	(void)state;
	n_nameless = lab_seal(N_NAMES, 0);
	for (size_t i = 0; i < N_NAMES; i++) {
		snprintf(names[i], RECORD_NAME_LEN, "%0*zu", RECORD_NAME_LEN - 1, i);
		rows[i].name = names[i];
	}
	assert_int_equal(lab_seal(N_NAMES, 0), n_nameless);
	assert_int_equal(outbox_names_left_out(outbox), N_NAMES);
	assert_int_equal(outbox_evicted_bytes(outbox), 0);
	assert_true(lab_seal(4, 0) == 1);
	assert_int_equal(outbox_names_left_out(outbox), N_NAMES);
	lab_connect();
	for (size_t n = lab_step(0, OUTBOX_WAITING); n > 1; n--) {
		n_rows += lab_receive(&report, &got);
		assert_null(got[0].name);
	}
	assert_int_equal(n_rows, 2 * N_NAMES);
	assert_int_equal(lab_receive(&report, &got), 4);
	assert_string_equal(got[3].name, names[3]);
}

/* Of the next datagram's last row; the decoder's until the next one. */
static const char *last_name(void)
{
	const struct record *got;
	struct report report;
	size_t n = lab_receive(&report, &got);

	assert_true(n > 0);
	return got[n - 1].name;
}

/* The longest identity leaves a row room, but not its longest name. */
static void a_row_that_does_not_fit_with_its_name_goes_without_and_the_next_with_its_own(
	void **state)
{
	static char name[RECORD_NAME_LEN];
	uint64_t *totals = (uint64_t *)&head.totals;
	const char *last = NULL;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	memset(head.identity.host, 'h', sizeof(head.identity.host) - 1);
	memset(head.identity.namespace, 's', 63);
	memset(head.identity.cluster, 'c', sizeof(head.identity.cluster) - 1);
	memset(head.identity.node, 'n', sizeof(head.identity.node) - 1);
	for (size_t i = 0; i < sizeof(head.totals) / sizeof(*totals); i++)
		totals[i] = UINT64_C(1) << 44;
	rows[1].name = name;
	rows[2].name = "b.example";
	assert_true(lab_seal(3, 0) > 0);
	assert_int_equal(outbox_evicted_bytes(outbox), 0);
	assert_int_equal(outbox_names_left_out(outbox), 1);
	lab_connect();
	for (size_t n = lab_step(0, OUTBOX_WAITING); n > 0; n--)
		last = last_name();
	assert_string_equal(last ? last : "none", "b.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(an_interval_without_rows_is_one_datagram),
		LAB_TEST(the_parts_hold_all_rows_in_order),
		LAB_TEST(sealed_bytes_count_up_to_each_datagram),
		LAB_TEST(sequences_go_on_over_intervals),
		LAB_TEST(what_was_sent_stays_the_oldest_until_it_is_acknowledged),
		LAB_TEST(without_an_address_it_waits),
		LAB_TEST(a_budget_ends_a_step),
		LAB_TEST(without_a_budget_it_still_listens),
		LAB_TEST(nothing_goes_before_its_share_of_the_time),
		LAB_TEST(at_the_end_what_is_new_goes_at_once_and_what_went_only_when_it_is_asked),
		LAB_TEST(what_the_full_ring_lost_is_counted),
		LAB_TEST(the_datagram_that_evicts_says_what_is_the_oldest_after_it),
		LAB_TEST(where_there_is_room_none_is_evicted),
		LAB_TEST(names_that_would_take_too_much_of_the_ring_stay_at_home_and_are_counted),
		LAB_TEST(
			a_row_that_does_not_fit_with_its_name_goes_without_and_the_next_with_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
