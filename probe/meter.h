/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames in, intervals out: a frame is parsed, told apart from our own conversation, given a
 * direction and put into the flow table; at an interval's end the table becomes rows, which are
 * printed or delivered. When that is, is the cycle's business.
 */
#pragma once

#include "deliver.h"
#include "direction.h"
#include "record.h"
#include "resolve.h"
#include "send.h"
#include "sockets.h"
#include "source.h"

struct meter_config {
	struct identity identity;
	uint32_t interval_ms;
	size_t flows_cap;
	size_t top;
	size_t ring_bytes;
	bool is_print;
	bool is_dns_on; /* look-ups of the pod name its flows */
	bool is_file;   /* time comes from the packets */
	struct direction direction;
	bool has_own_locals;     /* direction.locals are not the interface's: never read again */
	uint16_t collector_port; /* the resolver knows the address */
};

/* Source and sockets are NULL with is_file, sender and resolver with is_print. */
struct meter_parts {
	struct source *source;
	struct sockets *sockets;
	struct sender *sender;
	struct resolver *resolver;
};

struct meter;
/* Keeps what parts holds until meter_free. */
int meter_new(const struct meter_config *config, const struct meter_parts *parts,
	struct meter **ret, char err[static ERR_LEN]);
void meter_free(struct meter *meter);

/* The frames to come are of this capture. After the first one the interface's totals go on from
 * where they were, without what passed in between, and are not compared any more. */
void meter_take_opening(struct meter *meter, const struct source_opening *opening);

/* now_us: see flow_table_add. */
void meter_add(struct meter *meter, enum packet_link link, const struct capture_frame *frame,
	int64_t now_us);

/* Reads the kernel's sockets again, for the roles of connections to come. */
void meter_refresh_sockets(struct meter *meter);

/* The start of the interval that time_ms lies in. Times beyond what a datagram can say are the
 * nearest that it can. */
int64_t meter_line_ms(const struct meter *meter, int64_t time_ms);

struct meter_interval {
	int64_t start_ms; /* Unix time, as meter_line_ms gives it */
	int64_t begin_ms; /* as a report's */
	int64_t length_ms;
	int64_t now_us; /* the flow table's time at its end */
	bool is_final;
};
void meter_close_interval(struct meter *meter, const struct meter_interval *interval);

/* After the final interval: prints the totals, or waits until the ring is sent, unless nothing was
 * ever captured. 0 or -errno. */
int meter_end(struct meter *meter, char err[static ERR_LEN]);

/* Of the packets so far; what else they hold is as of the last interval's end. */
const struct totals *meter_totals(const struct meter *meter);

/* NULL with --print. */
struct deliver *meter_deliver(struct meter *meter);
