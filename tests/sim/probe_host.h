/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod with a probe: everything from the rows of an interval on is the product's (deliver, outbox,
 * ring, resend, wire), the rows are made up, the loop around it is cycle.c's.
 */
#pragma once

#include "account.h"
#include "world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What does not change with a restart. */
struct probe_plan {
	unsigned observer;
	int64_t interval_ms;
	size_t ring_bytes;
	size_t rows_max; /* an interval's */
	bool is_patient; /* reads a file: as fast as the collector takes it */
};

void probe_host_begin(void);
void probe_host_end(void);

/* Returns its number. */
unsigned probe_host_add(const struct probe_plan *plan);
unsigned probe_host_count(void);

bool probe_host_is_up(unsigned probe);
void probe_host_start(unsigned probe);
/* SIGKILL: what is in the ring is gone. */
void probe_host_kill(unsigned probe);
/* SIGTERM: later, once no other one is waiting. */
void probe_host_stop(unsigned probe);
void probe_host_step_clock(unsigned probe, int64_t by_ms);
uint16_t probe_host_port(unsigned probe);

/* No more rows, but what waits is sent. */
void probe_host_quiet(void);
/* Datagrams that went out of all of them. */
uint64_t probe_host_sent(void);

void probe_host_ack(unsigned probe, uint16_t port, const uint8_t *data, size_t len);
