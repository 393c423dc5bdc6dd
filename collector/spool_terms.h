/* SPDX-License-Identifier: Apache-2.0 */
/* What the spool's parts speak of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool_body {
	int64_t id; /* rises with each body; set by the spool */
	uint32_t lines;
	uint64_t traffic_bytes; /* tx + rx of its points */
	int64_t since_ms;       /* as of its batch; set by the spool */
	uint8_t *data;          /* gzip */
	size_t len;
};

/* What became of a body's lines; where nothing else is said, they were delivered. */
struct spool_outcome {
	const struct spool_body *dead; /* refused for good, gzipped anew; NULL: none */
	bool is_dead_whole;            /* all, as they stand in the spool; then without dead */
	int status;                    /* why: kept with what is dead */
	const char *reason;
	const struct spool_body *rest; /* not tried: a new body, of this since_ms; NULL: none */
};
