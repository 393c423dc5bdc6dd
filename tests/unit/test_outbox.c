/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/outbox probe/ring probe/send */
#include "outbox.h"
#include "wire.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define RING_BYTES (64 * 1024)
#define N_ROWS     500
#define ROW_BYTES  1500
#define N_FULL     30 /* intervals: several times what the ring holds */

static const struct addr loopback = {.len = 4, .bytes = {127, 0, 0, 1}};

static struct sender *sender;
static struct outbox *outbox;
static struct wire_decoder *decoder;
static int collector;
static struct record rows[N_ROWS];
static struct report head;

static void fill_rows(void)
{
	memset(rows, 0, sizeof(rows));
	for (size_t i = 0; i < N_ROWS; i++) {
		struct record *row = &rows[i];
		const uint8_t remote[4] = {192, 0, (uint8_t)(i >> 8), (uint8_t)i};

		row->kind = RECORD_FLOW;
		row->proto = IPPROTO_TCP;
		row->port = (uint16_t)i;
		row->local = loopback;
		row->remote = addr_v4(remote);
		row->sum.tx_bytes = ROW_BYTES;
		row->sum.tx_packets = 1;
	}
	head = (struct report){.start_ms = 1700000000000, .interval_ms = 10000};
	memcpy(head.identity.host, "pod", 4);
}

static int set_up(void **state)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&loopback, 0, &ss);
	char err[ERR_LEN];

	(void)state;
	fill_rows();
	decoder = wire_decoder_new();
	collector = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(collector, (struct sockaddr *)&ss, len) < 0 || sender_open(&sender, err) < 0)
		return -1;
	return outbox_new(sender, RING_BYTES, &outbox, err);
}

static int tear_down(void **state)
{
	(void)state;
	outbox_free(outbox);
	sender_close(sender);
	wire_decoder_free(decoder);
	close(collector);
	return 0;
}

static void connect_sender(void)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct addr addr;
	uint16_t port;

	assert_int_equal(getsockname(collector, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(&ss, &addr, &port);
	assert_int_equal(sender_set_peer(sender, &addr, port), 0);
}

static size_t seal(size_t n_rows)
{
	size_t n = 0;

	outbox_begin(outbox, &head, rows, n_rows);
	while (outbox_seal_next(outbox))
		n++;
	return n;
}

static size_t send_all(void)
{
	size_t n;

	assert_int_equal(outbox_send(outbox, 1000, &n), OUTBOX_EMPTY);
	return n;
}

/* The next datagram that arrived. */
static size_t receive(struct report *ret, const struct record **ret_rows)
{
	uint8_t data[WIRE_DATAGRAM_MAX + 1];
	ssize_t len = recv(collector, data, sizeof(data), MSG_DONTWAIT);
	size_t n = 0;

	assert_true(len > 0);
	assert_int_equal(wire_decode(decoder, data, (size_t)len, ret, ret_rows, &n), WIRE_OK);
	return n;
}

static void an_interval_without_rows_is_one_datagram(void **state)
{
	const struct record *got;
	struct report report;

	(void)state;
	head.totals.captured_bytes = 42;
	connect_sender();
	assert_int_equal(seal(0), 1);
	assert_int_equal(send_all(), 1);
	assert_int_equal(receive(&report, &got), 0);
	assert_int_equal(report.totals.captured_bytes, 42);
	assert_int_equal(report.parts, 1);
}

static void the_parts_hold_all_rows_in_order(void **state)
{
	const struct record *got;
	struct report report;
	size_t n_parts, at = 0;

	(void)state;
	connect_sender();
	n_parts = seal(N_ROWS);
	assert_true(n_parts > 1);
	send_all();
	for (size_t part = 0; part < n_parts; part++) {
		size_t n = receive(&report, &got);

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
	connect_sender();
	n_parts = seal(N_ROWS);
	send_all();
	while (n_parts-- > 0) {
		sum += receive(&report, &got) * ROW_BYTES;
		assert_int_equal(report.sealed_bytes, sum);
	}
	assert_int_equal(sum, (uint64_t)N_ROWS * ROW_BYTES);
}

static void sequences_go_on_over_intervals(void **state)
{
	const struct record *got;
	struct report report;

	(void)state;
	connect_sender();
	seal(1);
	seal(1);
	send_all();
	receive(&report, &got);
	assert_int_equal(report.sequence, 1);
	receive(&report, &got);
	assert_int_equal(report.sequence, 2);
	assert_int_equal(report.oldest, 1);
}

static void what_was_sent_is_no_longer_the_oldest(void **state)
{
	const struct record *got;
	struct report report;

	(void)state;
	connect_sender();
	seal(1);
	send_all();
	seal(1);
	send_all();
	receive(&report, &got);
	receive(&report, &got);
	assert_int_equal(report.oldest, 2);
}

static void without_an_address_it_waits(void **state)
{
	size_t n;

	(void)state;
	seal(N_ROWS);
	assert_int_equal(outbox_send(outbox, 1000, &n), OUTBOX_BLOCKED);
	assert_int_equal(n, 0);
	connect_sender();
	assert_true(send_all() > 1);
}

static void a_budget_ends_a_step(void **state)
{
	size_t n;

	(void)state;
	connect_sender();
	seal(N_ROWS);
	assert_int_equal(outbox_send(outbox, 2, &n), OUTBOX_MORE);
	assert_int_equal(n, 2);
}

static void what_the_full_ring_lost_is_counted(void **state)
{
	const struct record *got;
	struct report report;
	uint64_t sealed, arrived = 0;
	size_t n_sent;

	(void)state;
	for (int i = 0; i < N_FULL; i++)
		seal(N_ROWS);
	sealed = (uint64_t)N_FULL * N_ROWS * ROW_BYTES;
	connect_sender();
	n_sent = send_all();
	while (n_sent-- > 0)
		arrived += receive(&report, &got) * ROW_BYTES;
	assert_int_equal(report.sealed_bytes, sealed);
	assert_true(arrived < sealed);
	assert_int_equal(arrived + outbox_evicted_bytes(outbox), sealed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_interval_without_rows_is_one_datagram),
		TEST(the_parts_hold_all_rows_in_order),
		TEST(sealed_bytes_count_up_to_each_datagram),
		TEST(sequences_go_on_over_intervals),
		TEST(what_was_sent_is_no_longer_the_oldest),
		TEST(without_an_address_it_waits),
		TEST(a_budget_ends_a_step),
		TEST(what_the_full_ring_lost_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
