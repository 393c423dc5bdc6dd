/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows become datagrams, datagrams wait in the ring, the ring is sent until it is acknowledged. An
 * interval's rows are sealed one datagram at a time, so that its caller may send between two of
 * them. Times are monotonic ms, passed in.
 */
#pragma once

#include "record.h"
#include "send.h"

/* What a row takes of the ring at most, but for its name: with the figures of an hour at 1 Tbit/s,
 * local addresses that are many, and a header's share. Names take a quarter of the ring, or stay at
 * home. */
#define OUTBOX_ROW_BYTES_MAX 160

enum outbox_state {
	OUTBOX_EMPTY,   /* all is acknowledged */
	OUTBOX_WAITING, /* for acknowledgements, or until more is due */
	OUTBOX_MORE,    /* the budget is used up; there may be none left */
	OUTBOX_BLOCKED, /* no address yet, or the kernel does not take it now */
};

struct outbox_stats {
	uint64_t acks;
	uint64_t bad_acks; /* not ours, or not true */
};

struct outbox;

/* Keeps the sender until outbox_free. */
int outbox_new(struct sender *sender, size_t ring_bytes, int64_t now_ms, struct outbox **ret,
	char err[static ERR_LEN]);
void outbox_free(struct outbox *outbox);

/*
 * Starts the datagrams of an interval: head gives its times, identity, totals and the final flag;
 * the rest of the header is the outbox's. They are due at due_ms. Borrows the rows until
 * outbox_seal_next has said false. No rows: one datagram, which carries the totals.
 */
void outbox_begin(struct outbox *outbox, const struct report *head, const struct record *rows,
	size_t n, int64_t due_ms);

/* Puts the next datagram into the ring. False: there was none left. */
bool outbox_seal_next(struct outbox *outbox);
/* Would one evict another, unacknowledged one? */
bool outbox_has_room(const struct outbox *outbox);

/* Takes acknowledgements, then sends at most budget datagrams, oldest first; *ret_n of them. */
enum outbox_state outbox_step(struct outbox *outbox, int64_t now_ms, size_t budget, size_t *ret_n);
/* After OUTBOX_WAITING: when something is due. */
int64_t outbox_due_ms(const struct outbox *outbox);

/*
 * At the end: what was not sent yet is due now, and with is_again all that waits. In silence one
 * that was sent before goes too. From then on an acknowledgement lets all that waits go, in haste
 * (resend.h).
 */
void outbox_hurry(struct outbox *outbox, int64_t now_ms, bool is_again);

/* True once, when the collector's silence asks for another port and a fresh look-up. */
bool outbox_take_path(struct outbox *outbox);

/* Where in its share of time [0, span_ms) this boot speaks. */
int64_t outbox_spread_ms(const struct outbox *outbox, int64_t span_ms);

/* Names that rows went without, since with them the interval would have taken a quarter of the ring
 * or more, or a row would not have fitted into a datagram. */
uint64_t outbox_names_left_out(const struct outbox *outbox);

/* Traffic in datagrams that wait for their acknowledgement. */
uint64_t outbox_waiting_bytes(const struct outbox *outbox);
/* Traffic in rows that are lost: the ring was full, or no datagram could hold them. */
uint64_t outbox_evicted_bytes(const struct outbox *outbox);
const struct outbox_stats *outbox_stats(const struct outbox *outbox);
