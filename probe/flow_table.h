/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of this pod: a hash table of fixed capacity, linear probing, seeded hash. What
 * finds no room goes to the remainder of its protocol and role, never away:
 *   sum of flows + remainders + non_ip + malformed = all bytes ever given to it, per interval.
 * Time is passed in, in microseconds.
 */
#pragma once

#include "flow_tcp.h"
#include "name_table.h"
#include "packet.h"
#include "record.h"
#include "role.h"

struct flow_key {
	struct addr local;
	struct addr remote;
	uint16_t local_port;
	uint16_t remote_port;
	uint8_t proto;
};

struct flow {
	struct flow_key key;
	enum role role;
	uint16_t name; /* of the remote end when the flow began: flow_table_name; 0: none */
	struct counters interval; /* since the last flow_table_next_interval */
	struct flow_tcp tcp;
	int64_t seen_ms;
};

/* What did not become a flow in this interval. */
struct flow_remainders {
	struct counters other[256][N_ROLES];
	struct counters non_ip;
	struct counters malformed;
};

/* Cumulative. */
struct flow_table_stats {
	uint64_t full_packets;
	uint64_t role_guessed;
	uint64_t expired;
};

struct flow_table;

/* Allocates everything that the table will ever use. NULL: out of memory. */
struct flow_table *flow_table_new(size_t cap, uint64_t seed);
void flow_table_free(struct flow_table *table);

/* Flows that begin from now on get a name. Keeps names until flow_table_free; NULL: no names. */
void flow_table_set_names(struct flow_table *table, struct name_table *names);

/*
 * Accounts one packet that packet_parse gave. way may be PACKET_WAY_UNKNOWN. sockets may be NULL.
 * now_us is the packet's time (monotonic live, the file's with -r), in microseconds.
 */
void flow_table_add(struct flow_table *table, enum packet_result result,
	const struct packet *packet, enum packet_way way, const struct role_sockets *sockets,
	int64_t now_us);

/* i below flow_table_cap(); NULL where the slot is empty. */
size_t flow_table_cap(const struct flow_table *table);
const struct flow *flow_table_slot(const struct flow_table *table, size_t i);
/* What the pod looked up to find the flow's remote end; NULL: not known. Holds until the next
 * name_table_put. Equal names have one text: pointers of one moment may be compared. */
const char *flow_table_name(const struct flow_table *table, const struct flow *flow);
const struct flow_remainders *flow_table_remainders(const struct flow_table *table);
const struct flow_table_stats *flow_table_stats(const struct flow_table *table);

/*
 * Zeroes the interval's counters, and forgets connections that are closed or idle: sooner when the
 * table is nearly full. An attempt stays until its outcome is counted: see flow_table_expire.
 */
void flow_table_next_interval(struct flow_table *table, int64_t now_us);

/* Called before an interval is reported: marks attempts without an answer for 3 s as failed. */
void flow_table_expire(struct flow_table *table, int64_t now_us);
