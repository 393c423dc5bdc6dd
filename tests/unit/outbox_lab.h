/* SPDX-License-Identifier: Apache-2.0 */
/* An outbox, its sender, and a collector that is a socket on loopback and does what a test says. */
#pragma once

#include "outbox.h"
#include "wire_ack.h"
#include "wire_decode.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define N_ROWS     500
#define ROW_BYTES  1500
#define ALL_OF_IT  1000 /* a budget that no test uses up */
#define RING_BYTES (64 * 1024)

static const struct addr loopback = {.len = 4, .bytes = {127, 0, 0, 1}};

static struct sender *sender;
static struct outbox *outbox;
static struct wire_decoder *decoder;
static int collector;
static struct sockaddr_storage probe; /* where the last datagram came from */
static struct record rows[N_ROWS];
static struct report head;

static inline void lab_fill_rows(void)
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

static inline int lab_set_up(void **state)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&loopback, 0, &ss);
	char err[ERR_LEN];

	(void)state;
	lab_fill_rows();
	decoder = wire_decoder_new();
	collector = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(collector, (struct sockaddr *)&ss, len) < 0 || sender_open(&sender, err) < 0)
		return -1;
	return outbox_new(sender, RING_BYTES, 0, &outbox, err);
}

static inline int lab_tear_down(void **state)
{
	(void)state;
	outbox_free(outbox);
	sender_close(sender);
	wire_decoder_free(decoder);
	close(collector);
	return 0;
}

static inline void lab_connect(void)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct addr addr;
	uint16_t port;

	assert_int_equal(getsockname(collector, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(&ss, &addr, &port);
	assert_int_equal(sender_set_peer(sender, &addr, port), 0);
}

/* How many datagrams it became. */
static inline size_t lab_seal(size_t n_rows, int64_t due_ms)
{
	size_t n = 0;

	outbox_begin(outbox, &head, rows, n_rows, due_ms);
	while (outbox_seal_next(outbox))
		n++;
	return n;
}

/* How many went. */
static inline size_t lab_step(int64_t now_ms, enum outbox_state expected)
{
	size_t n;

	assert_int_equal(outbox_step(outbox, now_ms, ALL_OF_IT, &n), expected);
	return n;
}

/* The next datagram that arrived, as it was; 0: none did. */
static inline size_t lab_receive_bytes(uint8_t ret[static WIRE_DATAGRAM_MAX])
{
	socklen_t from_len = sizeof(probe);
	ssize_t len = recvfrom(collector, ret, WIRE_DATAGRAM_MAX, MSG_DONTWAIT,
		(struct sockaddr *)&probe, &from_len);

	return len > 0 ? (size_t)len : 0;
}

/* The next datagram that arrived; one must. Returns its number of rows. */
static inline size_t lab_receive(struct report *ret, const struct record **ret_rows)
{
	uint8_t data[WIRE_DATAGRAM_MAX];
	size_t len = lab_receive_bytes(data);
	size_t n = 0;

	assert_true(len > 0);
	assert_int_equal(wire_decode(decoder, data, len, ret, ret_rows, &n), WIRE_OK);
	return n;
}

/* All that arrived; the last one's header. */
static inline size_t lab_receive_all(struct report *ret_last)
{
	uint8_t data[WIRE_DATAGRAM_MAX];
	const struct record *got;
	size_t len, n_rows, n = 0;

	while ((len = lab_receive_bytes(data)) > 0) {
		assert_int_equal(wire_decode(decoder, data, len, ret_last, &got, &n_rows), WIRE_OK);
		n++;
	}
	return n;
}

static inline void lab_reply(const void *data, size_t len)
{
	assert_int_equal(
		sendto(collector, data, len, 0, (struct sockaddr *)&probe, sizeof(probe)), len);
}

static inline void lab_acknowledge(const struct ack *ack)
{
	uint8_t data[WIRE_DATAGRAM_MAX];

	lab_reply(data, wire_ack_encode(ack, sizeof(data), data));
}

static inline struct ack lab_ack_up_to(const struct report *report, uint64_t sequence)
{
	struct ack ack = {.contiguous = sequence};

	memcpy(ack.boot_id, report->boot_id, BOOT_ID_LEN);
	return ack;
}

#define LAB_TEST(f) cmocka_unit_test_setup_teardown(f, lab_set_up, lab_tear_down)
