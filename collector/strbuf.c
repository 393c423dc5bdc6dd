/* SPDX-License-Identifier: Apache-2.0 */
#include "strbuf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

void strbuf_init(struct strbuf *buf, size_t max)
{
	*buf = (struct strbuf){.max = max};
}

void strbuf_done(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf){.max = buf->max};
}

void strbuf_reset(struct strbuf *buf)
{
	strbuf_cut(buf, 0);
}

void strbuf_cut(struct strbuf *buf, size_t len)
{
	buf->len = len;
	buf->failed = false;
	if (buf->data)
		buf->data[len] = '\0';
}

/* Room for len more bytes and a NUL. Once failed it stays so: a gap must not be followed by text.
 */
static bool reserve(struct strbuf *buf, size_t len)
{
	size_t cap = buf->cap ? buf->cap : FIRST_CAP;
	char *data;

	if (buf->failed || len > buf->max - buf->len)
		goto fail;
	if (buf->data && len < buf->cap - buf->len)
		return true;
	while (cap - buf->len <= len) {
		if (cap > SIZE_MAX / 2)
			goto fail;
		cap *= 2;
	}
	if (cap > buf->max && buf->max < SIZE_MAX)
		cap = buf->max + 1;
	data = realloc(buf->data, cap);
	if (!data)
		goto fail;
	buf->data = data;
	buf->cap = cap;
	return true;

fail:
	buf->failed = true;
	return false;
}

void strbuf_append(struct strbuf *buf, const void *data, size_t len)
{
	if (!reserve(buf, len))
		return;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void strbuf_text(struct strbuf *buf, const char *text)
{
	strbuf_append(buf, text, strlen(text));
}

void strbuf_char(struct strbuf *buf, char c)
{
	strbuf_append(buf, &c, 1);
}

/* By hand, as this is most of what a line is made of. */
void strbuf_u64(struct strbuf *buf, uint64_t value)
{
	char digits[20]; /* UINT64_MAX has 20 */
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	strbuf_append(buf, digits + i, sizeof(digits) - i);
}

void strbuf_printf(struct strbuf *buf, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0) {
		buf->failed = true;
		return;
	}
	if (!reserve(buf, (size_t)len))
		return;
	va_start(args, fmt);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)len;
}

void strbuf_encoded(struct strbuf *buf, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
			strbuf_char(buf, *text);
		else
			strbuf_printf(buf, "%%%02X", c);
	}
}
