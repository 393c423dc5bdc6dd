/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames put together by hand, for the tests of packet.c.
 */
#pragma once

#include "packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct frame {
	uint8_t data[2048];
	size_t len;
};

static inline void put(struct frame *f, const void *bytes, size_t n)
{
	assert_true(f->len + n <= sizeof(f->data));
	memcpy(f->data + f->len, bytes, n);
	f->len += n;
}

static inline void put_zeros(struct frame *f, size_t n)
{
	static const uint8_t zeros[1024];

	put(f, zeros, n);
}

static inline void put_u8(struct frame *f, unsigned int v)
{
	put(f, &(uint8_t){(uint8_t)v}, 1);
}

static inline void put_u16(struct frame *f, unsigned int v)
{
	put_u8(f, v >> 8);
	put_u8(f, v & 0xff);
}

static inline void put_ethernet(struct frame *f, unsigned int type)
{
	put(f, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01", 12);
	put_u16(f, type);
}

static inline void put_ipv4(struct frame *f, unsigned int proto, size_t payload_len)
{
	put_u16(f, 0x4500);
	put_u16(f, (unsigned int)payload_len + 20);
	put_zeros(f, 4);
	put_u8(f, 64);
	put_u8(f, proto);
	put_u16(f, 0);
	put(f, "\x0a\x00\x00\x01\xc0\x00\x02\x05", 8);
}

static inline void put_ipv6(struct frame *f, unsigned int next, size_t payload_len)
{
	put_u16(f, 0x6000);
	put_u16(f, 0);
	put_u16(f, (unsigned int)payload_len);
	put_u8(f, next);
	put_u8(f, 64);
	put(f, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	put(f, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05", 16);
}

static inline void put_tcp(struct frame *f, unsigned int flags, size_t payload_len)
{
	put_u16(f, 40000);
	put_u16(f, 443);
	put(f, "\x01\x02\x03\x04\x05\x06\x07\x08\x50", 9);
	put_u8(f, flags);
	put_zeros(f, 6 + payload_len);
}

static inline void put_udp(struct frame *f)
{
	put_u16(f, 40000);
	put_u16(f, 53);
	put_u16(f, 8);
	put_u16(f, 0);
}

/* An extension header of 8 bytes that names the next. */
static inline void put_extension(struct frame *f, unsigned int next)
{
	put_u8(f, next);
	put_zeros(f, 7);
}

static inline enum packet_result parse(
	enum packet_link link, const struct frame *f, struct packet *ret)
{
	return packet_parse(link, f->data, f->len, f->len, ret);
}

static inline struct frame tcp4_frame(size_t payload_len)
{
	struct frame f = {.len = 0};

	put_ethernet(&f, 0x0800);
	put_ipv4(&f, 6, 20 + payload_len);
	put_tcp(&f, 0x18, payload_len);
	return f;
}
