/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conservation of bytes: generated = stored + pending + declared lost, exactly. A point counts
 * once, wherever copies of it are: in the backend, else in the spool, else among what was evicted
 * or refused.
 *
 *   each boot:      generated = committed + lost, as the ledger says; lost only what its ring
 *                   evicted. One that was killed may owe what was never acknowledged to it. Where
 *                   the ledger forgot it, what it said then counts.
 *   each observer:  committed by all its boots = its points.
 *   each place:     the same as generated where nothing was lost, else no more. Where a budget of
 *                   series folds, what is missing is in the pod's "~other".
 *   all series:     no more than the budget, the remainders not among them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct oracle_sums {
	uint64_t generated;
	uint64_t stored;
	uint64_t pending;    /* in the spool */
	uint64_t lost_ring;  /* evicted by a probe, declared by the ledger */
	uint64_t lost_probe; /* unacknowledged in one that was killed */
	uint64_t evicted;    /* over the disk's quota */
	uint64_t refused;    /* by the backend, dead letters */
};

/* The collector starts with what it found. A boot that it forgot, and that was not yet deleted when
 * it crashed, is known again. */
struct ledger;
void oracle_reloaded(const struct ledger *ledger);

/* Fails the world where the books do not balance. The collector is up.
 * max_series: 0: no budget. */
void oracle_check(unsigned max_series, struct oracle_sums *ret);
