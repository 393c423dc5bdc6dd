/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is a row of numbers, a datagram their columns: the table here is the only list of the
 * columns, for both ways. What encodes and decodes includes this, and nobody else.
 */
#pragma once

#include "nstats.pb-c.h"
#include "wire.h"

#define WIRE_HAS_REMOTE(kind) ((kind) == NSTATS__V1__KIND__IPV4 || (kind) == NSTATS__V1__KIND__IPV6)

enum column_id {
	PROTO,
	KIND,
	ROLE,
	PORT,
	LOCAL,
	TX_BYTES,
	RX_BYTES,
	TX_PACKETS,
	RX_PACKETS,
	CONNECTIONS,
	RETRANSMITS,
	RESETS,
	FAILED,
	RTT_US,
	NAME,
	N_COLUMNS
};

struct wire_column {
	size_t n; /* offsets of the count and of the array in the generated struct */
	size_t data;
	bool is_wide; /* uint64_t; else uint32_t, or an enum, which protobuf-c makes as large */
	uint8_t tag_bytes;
	uint64_t max;
};

extern const struct wire_column wire_columns[N_COLUMNS];

/* Its numbers; is_comparable is the other one. */
/* clang-format off */
#define WIRE_EACH_TOTAL(X)                                                                         \
	X(captured_bytes) X(captured_packets) X(self_bytes) X(self_packets) X(kernel_drops)        \
	X(if_rx_bytes_open) X(if_tx_bytes_open) X(if_rx_bytes) X(if_tx_bytes) X(evicted_bytes)     \
	X(table_full_packets) X(role_guessed) X(send_errors) X(cpu_us) X(rss_bytes) X(uptime_ms)   \
	X(dns_names) X(dns_unasked) X(dns_unread) X(dns_unkept)
/* clang-format on */
