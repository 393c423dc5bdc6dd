/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the segments of one TCP connection tell about its health: handshakes, their round-trip time,
 * attempts that failed, resets, bytes sent again. Pure; part of the flow table.
 */
#pragma once

#include "packet.h"
#include "record.h"

#define FLOW_TCP_ATTEMPT_US 3000000 /* a SYN without an answer for this long has failed */

enum flow_tcp_state {
	FLOW_TCP_MIDSTREAM, /* first segment was no SYN, and only one side has spoken since */
	FLOW_TCP_SYN,
	FLOW_TCP_SYN_ACK,
	FLOW_TCP_OPEN,
	FLOW_TCP_CLOSED, /* RST, or FIN both ways */
};

/* Of the pairs, index 0 is what the pod sent, 1 what it received. */
struct flow_tcp {
	uint32_t next_seq[2]; /* highest sequence number seen, plus one */
	uint32_t syn_seq;
	uint8_t state;  /* enum flow_tcp_state */
	uint8_t client; /* who sent the SYN: 0 or 1 */
	bool has_syn;   /* syn_seq and client are known */
	bool is_failed; /* this attempt is counted already */
	bool is_resent; /* the SYN, or the SYN-ACK, was seen twice: no round-trip time (Karn) */
	bool has_seq[2];
	bool has_fin[2];
	int64_t syn_us; /* when the last SYN or SYN-ACK was seen */
};

/* A segment with has_tcp; dir is 0 or 1 as above. Events go to *count, bytes and packets do not. */
void flow_tcp_track(struct flow_tcp *tcp, struct counters *count, const struct packet *packet,
	unsigned dir, int64_t now_us);

/* Counts an attempt that nobody has answered in time, once. */
void flow_tcp_expire(struct flow_tcp *tcp, struct counters *count, int64_t now_us);

/* An attempt whose outcome is still to be counted. */
bool flow_tcp_is_pending(const struct flow_tcp *tcp);
