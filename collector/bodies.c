/* SPDX-License-Identifier: Apache-2.0 */
#include "bodies.h"

#include "gzip.h"

#include <errno.h>
#include <stdlib.h>

struct bodies {
	struct gzip *gzip;
	struct strbuf lines;
	struct spool_body body; /* that is being filled */
	struct spool_batch *out;
	int result;
};

struct bodies *bodies_new(void)
{
	struct bodies *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	strbuf_init(&b->lines, BODIES_BYTES_MAX);
	b->gzip = gzip_new();
	if (!b->gzip) {
		bodies_free(b);
		return NULL;
	}
	return b;
}

void bodies_free(struct bodies *b)
{
	if (!b)
		return;
	strbuf_done(&b->lines);
	gzip_free(b->gzip);
	free(b);
}

void *bodies_grown(void *array, size_t n, size_t size)
{
	bool is_full = (n & (n - 1)) == 0; /* 0, or a power of two */

	return is_full ? reallocarray(array, n ? n * 2 : 1, size) : array;
}

void bodies_begin(struct bodies *b, struct spool_batch *out)
{
	strbuf_reset(&b->lines);
	b->body = (struct spool_body){0};
	b->out = out;
	b->result = 0;
}

/* The lines so far become a body. */
static int body_close(struct bodies *b)
{
	struct spool_batch *out = b->out;
	struct spool_body *bodies;
	int r;

	if (b->lines.failed)
		return -ENOMEM;
	if (b->body.lines == 0)
		return 0;
	bodies = bodies_grown(out->bodies, out->n_bodies, sizeof(*bodies));
	if (!bodies)
		return -ENOMEM;
	out->bodies = bodies;
	r = gzip_compress(b->gzip, b->lines.data, b->lines.len, &b->body.data, &b->body.len);
	if (r < 0)
		return r;
	bodies[out->n_bodies++] = b->body;
	b->body = (struct spool_body){0};
	strbuf_reset(&b->lines);
	return 0;
}

struct strbuf *bodies_line(struct bodies *b, uint64_t traffic_bytes)
{
	bool is_full = b->body.lines == BODIES_LINES_MAX ||
		       b->lines.len + BODIES_LINE_MAX > BODIES_BYTES_MAX;

	if (is_full && b->result == 0)
		b->result = body_close(b);
	b->body.lines++;
	b->body.traffic_bytes += traffic_bytes;
	return &b->lines;
}

int bodies_end(struct bodies *b)
{
	if (b->result == 0)
		b->result = body_close(b);
	b->out = NULL;
	return b->result;
}
