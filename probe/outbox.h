/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows become datagrams, datagrams wait in the ring, the ring is sent. An interval's rows are
 * sealed one datagram at a time, so that its caller may send between two of them.
 */
#pragma once

#include "record.h"
#include "send.h"

enum outbox_state {
	OUTBOX_EMPTY,
	OUTBOX_MORE,    /* the budget was used up */
	OUTBOX_BLOCKED, /* no address yet, or the kernel does not take it now */
};

struct outbox;

/* Keeps the sender until outbox_free. */
int outbox_new(
	struct sender *sender, size_t ring_bytes, struct outbox **ret, char err[static ERR_LEN]);
void outbox_free(struct outbox *outbox);

/*
 * Starts the datagrams of an interval: head gives its times, identity, totals and the final flag;
 * the rest of the header is the outbox's. Borrows the rows until outbox_seal_next has said false.
 * No rows: one datagram, which carries the totals.
 */
void outbox_begin(
	struct outbox *outbox, const struct report *head, const struct record *rows, size_t n);

/* Puts the next datagram into the ring. False: there was none left. */
bool outbox_seal_next(struct outbox *outbox);

/* Sends at most budget datagrams, oldest first; *ret_n of them were sent. */
enum outbox_state outbox_send(struct outbox *outbox, size_t budget, size_t *ret_n);

/* Traffic in rows that never reached the kernel: the ring was full, or no datagram could hold them.
 */
uint64_t outbox_evicted_bytes(const struct outbox *outbox);
