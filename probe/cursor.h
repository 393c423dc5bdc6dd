/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way in which the probe reads bytes from the network. A read past the end gives 0 and
 * marks the cursor failed; it stays failed, so a parser may check once, after a group of reads.
 * Lengths are compared, never pointers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *data;
	size_t len;
	size_t pos;
	bool failed;
};

static inline struct cursor cursor_at(const uint8_t *data, size_t len)
{
	return (struct cursor){.data = data, .len = len};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->failed ? 0 : c->len - c->pos;
}

static inline bool cursor_has(struct cursor *c, size_t n)
{
	if (cursor_left(c) < n)
		c->failed = true;
	return !c->failed;
}

/* NULL past the end. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *p;

	if (!cursor_has(c, n))
		return NULL;
	p = c->data + c->pos;
	c->pos += n;
	return p;
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
	(void)cursor_take(c, n);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);

	return p ? p[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	if (!p)
		return 0;
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}
