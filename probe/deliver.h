/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to the collector: an interval's rows go through the outbox to the sender, which the
 * resolver tells where to. Live, a step at a time; from a file, each datagram is waited for.
 */
#pragma once

#include "outbox.h"
#include "resolve.h"

struct deliver_config {
	struct sender *sender; /* both are kept until deliver_free */
	struct resolver *resolver;
	uint16_t port;
	size_t ring_bytes;
	int64_t spread_ms; /* this boot's share of it is how long an interval's datagrams wait */
	bool is_patient;   /* nothing else waits: send before the ring is full, and pace */
};

struct deliver;
int deliver_new(
	const struct deliver_config *config, struct deliver **ret, char err[static ERR_LEN]);
void deliver_free(struct deliver *deliver);

/* Asks for the address, sends what may be sent now. Returns when to call again (monotonic ms), at
 * the latest. */
int64_t deliver_step(struct deliver *deliver, int64_t now_ms);

/* For POLLIN: then deliver_step has something to read. -1: never. */
#define DELIVER_FDS 2
void deliver_fds(const struct deliver *deliver, int ret[static DELIVER_FDS]);

/* Seals the rows into datagrams, and sends as far as they may be sent now. head: see outbox_begin.
 */
void deliver_rows(
	struct deliver *deliver, const struct report *head, const struct record *rows, size_t n);

/* Waits until everything is acknowledged. False: not within max_ms. */
bool deliver_flush(struct deliver *deliver, int64_t max_ms);

uint64_t deliver_evicted_bytes(const struct deliver *deliver);
/* Answers of the collector's address that are no acknowledgement of ours, or not a true one. */
uint64_t deliver_bad_acks(const struct deliver *deliver);
uint64_t deliver_names_left_out(const struct deliver *deliver);

/* A packet of the probe's own conversation with the collector, or about its name. */
bool deliver_owns(const struct deliver *deliver, const struct packet *packet);
