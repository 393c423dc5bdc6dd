/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of line protocol on their way into the spool: cut into bodies that are bounded in lines and
 * bytes, each of them gzipped. One batch at a time, from bodies_begin to bodies_end.
 */
#pragma once

#include "line.h"
#include "spool.h"
#include "strbuf.h"

#define BODIES_LINES_MAX 5000         /* of one body */
#define BODIES_BYTES_MAX (256 * 1024) /* of line protocol */
#define BODIES_LINE_MAX  (LINE_SERIES_MAX + 512)

struct bodies;
struct bodies *bodies_new(void); /* NULL: no memory */
void bodies_free(struct bodies *bodies);

/* Keeps out until bodies_end; what it holds then is the caller's, also after a failure. */
void bodies_begin(struct bodies *bodies, struct spool_batch *out);

/*
 * Where to append the next line, of at most BODIES_LINE_MAX bytes, which accounts for
 * traffic_bytes. After a failure it may be written to as well: bodies_end tells.
 */
struct strbuf *bodies_line(struct bodies *bodies, uint64_t traffic_bytes);

/* 0 or -ENOMEM. */
int bodies_end(struct bodies *bodies);

/* An array with room for one more, or NULL; n: how many it holds. It grows by doubling. */
void *bodies_grown(void *array, size_t n, size_t size);
