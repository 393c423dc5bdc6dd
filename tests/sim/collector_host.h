/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector, wired as its main.c does, on the simulated loop, worker, disk, names and backend.
 * It crashes and comes back with what is on the disk.
 */
#pragma once

#include "ledger.h"
#include "stats.h"
#include "world.h"

void collector_host_begin(void);
void collector_host_end(void);
const struct host *collector_host_clock(void);
void collector_host_step_clock(int64_t by_ms);

/* Series that there may be; 0: no budget. From the next start on. */
void collector_host_budget(unsigned max_series);
/* Of the ledger, from the next start on. */
void collector_host_limit(const struct ledger_limits *limits);
void collector_host_start(void);
/* kill -9, or the power. */
void collector_host_crash(void);
/* SIGTERM: flushes, then is gone. */
void collector_host_stop(void);
bool collector_host_is_up(void);
bool collector_host_is_crashing(void);
/* Is it the collector whose event this is, and has it started? */
bool collector_host_is_at_work(void);

/* A moment at which a crash would hurt: sometimes there is one, once the call is over. */
bool collector_host_danger(const char *where);

void collector_host_datagram(unsigned probe, uint16_t port, const uint8_t *data, size_t len);

/* Of the one that is up. */
const struct ledger *collector_host_ledger(void);
const struct stats *collector_host_stats(void);

/* And the balance between spool and backend, while neither works. */
void collector_host_check_shipping(void);

/* Over all its lives. */
struct collector_host_sums {
	uint64_t crashes;
	uint64_t points;
	uint64_t points_shifted;
	uint64_t rows_dropped_bytes;
	uint64_t boots_forgotten;
	uint64_t refused; /* datagrams, since the ledger was full */
	uint64_t folded;  /* records of series beyond the budget */
};
const struct collector_host_sums *collector_host_sums(void);
