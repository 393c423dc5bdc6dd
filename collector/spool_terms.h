/* SPDX-License-Identifier: Apache-2.0 */
/* What the spool's parts speak of. */
#pragma once

#include "ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_REASON_MAX 200 /* of what the database said */

struct spool_body {
	int64_t id; /* rises with each batch's; set by the spool */
	uint32_t lines;
	uint64_t traffic_bytes; /* tx + rx of its points */
	int64_t since_ms;       /* as of its batch; set by the spool */
	uint8_t *data;          /* gzip */
	size_t len;
};

struct spool_batch {
	struct spool_body *bodies;
	size_t n_bodies;
	struct ledger_entry *entries;
	size_t n_entries;
	int64_t since_ms; /* Unix time: the end of the oldest interval in it */
};

/* What became of a body's lines; where nothing else is said, they were delivered. */
struct spool_outcome {
	const struct spool_body *dead; /* refused for good, gzipped anew; NULL: none */
	bool is_dead_whole;            /* all, as they stand in the spool; then without dead */
	int status;                    /* why: kept with what is dead */
	const char *reason;
	const struct spool_body *rest; /* not tried: stays, with this since_ms; NULL: none */
};

struct spool_dead {
	int64_t id;
	uint32_t lines;
	int status; /* the database's answer */
	char reason[SPOOL_REASON_MAX + 1];
	uint8_t *data; /* gzip; free(3) */
	size_t len;
};
