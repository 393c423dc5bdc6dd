/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From accepted datagrams to what is committed: records are named, folded into the budget of series
 * and summed by series, rows become
 * lines, with a point of each probe that they are of, lines become gzipped bodies, and beside these
 * stand the entries of the ledger and of the series. One batch at a time,
 * from batch_begin to batch_seal or ledger_batch_abort.
 */
#pragma once

#include "fold.h"
#include "ledger.h"
#include "line_own.h"
#include "live.h"
#include "names.h"
#include "probes.h"
#include "spool.h"
#include "waiting.h"

#define BATCH_RECORDS_MAX 200000

#define BATCH_OBSERVER_LEN (3 * (LINE_VALUE_MAX + 1))

struct batch_sums {
	uint64_t points;
	uint64_t shifted;      /* of these: k is not 0 */
	uint64_t bytes;        /* tx + rx of all points */
	int64_t oldest_end_ms; /* of its intervals, Unix time; 0: of none it is known */
	struct fold_counts folded;
	uint64_t dropped; /* tx + rx of rows whose interval was committed too often for another
			     point; lost, for the ledger */
};

struct batch;
struct batch_parts {
	struct names *names;
	struct ledger *ledger;
	struct probes *probes;
	struct live *live;     /* or NULL */
	struct series *series; /* or NULL: no budget */
	size_t records_max;    /* of a batch; 0: BATCH_RECORDS_MAX, which it is at most */
};
/* Keeps the parts until batch_free. NULL: no memory. */
struct batch *batch_new(const struct batch_parts *parts);
void batch_free(struct batch *batch);

/* "cluster,namespace,host" as they stand in the tags: whom the ledger knows. */
void batch_observer(const struct identity *identity, char ret[static BATCH_OBSERVER_LEN]);

void batch_begin(struct batch *batch, int64_t wall_ms);
bool batch_has_room(const struct batch *batch, size_t n);

/* False: no memory; what was added is to be discarded whole. */
bool batch_add(struct batch *batch, const struct waiting_datagram *datagram, int64_t now_ms);

/*
 * Gives *ret (batch_release). collector: its point goes along, unless NULL. 0 or -ENOMEM.
 */
int batch_seal(struct batch *batch, const struct line_collector *collector, struct spool_batch *ret,
	struct batch_sums *ret_sums);
void batch_release(struct spool_batch *batch);
