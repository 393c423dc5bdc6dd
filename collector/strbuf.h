/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that grows up to a stated maximum. Beyond it, or without memory, the buffer is marked failed
 * and stays as it was: check once, at the end.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
	char *data; /* NUL behind len bytes once anything was appended; NULL before */
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};

void strbuf_init(struct strbuf *buf, size_t max);
void strbuf_done(struct strbuf *buf);
void strbuf_reset(struct strbuf *buf); /* empty and not failed; memory is kept */
/* Back to the first len bytes, of which it holds as many, and not failed: nothing of the gap is
 * left. */
void strbuf_cut(struct strbuf *buf, size_t len);

void strbuf_append(struct strbuf *buf, const void *data, size_t len);
void strbuf_text(struct strbuf *buf, const char *text);
void strbuf_char(struct strbuf *buf, char c);
void strbuf_u64(struct strbuf *buf, uint64_t value);
void strbuf_printf(struct strbuf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Percent-encoded, but for RFC 3986 2.3's unreserved: as a value in a URL. */
void strbuf_encoded(struct strbuf *buf, const char *text);
