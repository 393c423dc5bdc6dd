/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the probe tells the collector, as plain C. wire_encode turns it into datagrams and
 * wire_decode back; nobody else knows protobuf.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOT_ID_LEN     16
#define RECORD_NAME_LEN ADDR_HOST_LEN

enum record_kind {
	RECORD_FLOW,
	RECORD_OTHER, /* "~other": exact remainder of one protocol and role */
	RECORD_NON_IP,
	RECORD_MALFORMED,
};

enum role {
	ROLE_CLIENT,
	ROLE_SERVER,
};
#define N_ROLES 2

/* tx is what left the pod, rx what came in; bytes are frame lengths as the kernel counts them. */
struct counters {
	uint64_t tx_bytes;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t rx_packets;
	uint64_t retransmits; /* TCP payload bytes seen again or out of order, both ways */
	uint32_t connections; /* TCP: handshakes completed */
	uint32_t resets;      /* TCP: connections that ended by RST after they were established */
	uint32_t failed;      /* TCP: attempts refused or never answered */
	uint32_t rtt_us;      /* smallest handshake round trip; 0: none seen */
};

/* A row of one interval: connections summed over their ephemeral ports. */
struct record {
	enum record_kind kind;
	enum role role;     /* of the pod; flows and ~other only */
	uint8_t proto;      /* IANA number; flows and ~other only */
	uint16_t port;      /* the service's; 0: none (ICMP, later fragments, ~other) */
	struct addr local;  /* none unless RECORD_FLOW */
	struct addr remote; /* none unless RECORD_FLOW */
	const char *name;   /* of the remote end, as the pod looked it up; NULL: not known. Borrowed
			     */
	struct counters sum;
};

/* Cumulative since the probe started. Interface counters are absolute, in bytes. */
struct totals {
	uint64_t captured_bytes;
	uint64_t captured_packets;
	uint64_t self_bytes;
	uint64_t self_packets;
	uint64_t kernel_drops;
	uint64_t if_rx_bytes_open;
	uint64_t if_tx_bytes_open;
	uint64_t if_rx_bytes;
	uint64_t if_tx_bytes;
	uint64_t evicted_bytes;
	uint64_t table_full_packets;
	uint64_t role_guessed;
	uint64_t send_errors;
	uint64_t dns_names;   /* addresses that got a name from an answer to the pod */
	uint64_t dns_unasked; /* answers to no question of the pod's: late, doubled, or forged */
	uint64_t dns_unread;  /* DNS messages cut short, in pieces, or malformed */
	uint64_t
		dns_unkept; /* questions or addresses that found no room, rows without their name */
	uint64_t cpu_us;    /* of the probe's process, user and system */
	uint64_t rss_bytes; /* of the moment */
	uint64_t uptime_ms;
	bool is_comparable; /* captured bytes and the interface's counters count the same */
};

/* Who reports: the pod, as the probe was told. Empty strings are "not known". */
struct identity {
	char cluster[RECORD_NAME_LEN];
	char host[RECORD_NAME_LEN];
	char namespace[RECORD_NAME_LEN];
	char node[RECORD_NAME_LEN];
};

/* One datagram's header; its records go beside it. */
struct report {
	uint8_t boot_id[BOOT_ID_LEN];
	uint64_t sequence;     /* from 1 */
	uint64_t oldest;       /* 1 … sequence */
	uint64_t sealed_bytes; /* tx + rx of all rows of this boot, this datagram included */
	uint64_t start_ms;     /* Unix time */
	uint32_t begin_ms;     /* after start_ms; not 0 where it began between two lines */
	uint32_t interval_ms;  /* elapsed from there, monotonic */
	uint32_t part;
	uint32_t parts;
	bool is_final;
	struct identity identity;
	struct totals totals;
};

#define ACK_BITMAP_MAX 256

/* What a collector has committed of one boot. */
struct ack {
	uint8_t boot_id[BOOT_ID_LEN];
	uint64_t contiguous;            /* every sequence up to this one */
	uint8_t bitmap[ACK_BITMAP_MAX]; /* bit i, lowest first: contiguous + 2 + i */
	size_t bitmap_len;
};

/* Unix time. Of a probe that does not say begin_ms a boot's first may be longer ago. */
static inline int64_t report_end_ms(const struct report *report)
{
	return (int64_t)report->start_ms + report->begin_ms + report->interval_ms;
}

static inline uint64_t counters_bytes(const struct counters *c)
{
	return c->tx_bytes + c->rx_bytes;
}

/*
 * What passed the interface since the capture was opened; false where a counter goes backwards,
 * since the interface was replaced.
 */
bool totals_interface_bytes(const struct totals *totals, uint64_t *ret);

/*
 * Captured of what passed the interface, in billionths, rounded down: below one wherever a byte is
 * missing. False: the two cannot be compared, or nothing has passed yet.
 */
bool totals_coverage(const struct totals *totals, uint64_t *ret_billionths);

/* Sums; of the round-trip times the smaller one that is known. */
void counters_add(struct counters *sum, const struct counters *more);

/* "tcp", "udp", "sctp", "icmp", "icmpv6", or the number, which is written to buf. */
#define RECORD_PROTO_LEN 4
const char *record_proto_name(uint8_t proto, char buf[static RECORD_PROTO_LEN]);
