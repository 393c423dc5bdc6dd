/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From accepted datagrams to what is committed: records are named and summed by series, rows become
 * lines, lines gzipped bodies, and beside these stand the ledger's entries. One batch at a time,
 * from batch_begin to batch_seal or ledger_batch_abort.
 */
#pragma once

#include "ledger.h"
#include "line.h"
#include "live.h"
#include "names.h"
#include "spool.h"
#include "waiting.h"

#define BATCH_RECORDS_MAX 200000
#define BATCH_BODY_LINES  5000
#define BATCH_BODY_BYTES  (256 * 1024) /* of line protocol */

#define BATCH_OBSERVER_LEN (3 * (LINE_VALUE_MAX + 1))

struct batch_sums {
	uint64_t points;
	uint64_t shifted; /* of these: k is not 0 */
	uint64_t bytes;   /* tx + rx of all points */
	uint64_t dropped; /* tx + rx of rows whose interval was committed too often for another
			     point */
};

struct batch;
/* Keeps all three until batch_free; live may be NULL. NULL: no memory. */
struct batch *batch_new(struct names *names, struct ledger *ledger, struct live *live);
void batch_free(struct batch *batch);

/* "cluster,namespace,host" as they stand in the tags: whom the ledger knows. */
void batch_observer(const struct identity *identity, char ret[static BATCH_OBSERVER_LEN]);

void batch_begin(struct batch *batch);
bool batch_has_room(const struct batch *batch, size_t n);

/* False: no memory; what was added is to be discarded whole. */
bool batch_add(struct batch *batch, const struct waiting_datagram *datagram, int64_t now_ms);

/* Gives *ret (batch_release). 0 or -ENOMEM. */
int batch_seal(struct batch *batch, struct spool_batch *ret, struct batch_sums *ret_sums);
void batch_release(struct spool_batch *batch);
