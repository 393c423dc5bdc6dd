/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages put together by hand (RFC 1035 section 4). */
#pragma once

#include "dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DNS_OF_TTL_S 60

struct message {
	uint8_t data[65535];
	size_t len;
	unsigned int n_answers;
};

static inline void put(struct message *m, const void *bytes, size_t n)
{
	assert_true(m->len + n <= sizeof(m->data));
	memcpy(m->data + m->len, bytes, n);
	m->len += n;
}

static inline void put_u16(struct message *m, unsigned int v)
{
	put(m, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static inline void put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		put(m, &(uint8_t){(uint8_t)len}, 1);
		put(m, name, len);
		name += len + (name[len] == '.');
	}
	put(m, "", 1);
}

static inline void ask_for(struct message *m, uint16_t id, const char *name, uint16_t type)
{
	memset(m, 0, sizeof(*m));
	put_u16(m, id);
	put(m, "\x01\0\0\1\0\0\0\0\0\0", 10);
	put_name(m, name);
	put_u16(m, type);
	put_u16(m, DNS_CLASS_IN);
}

static inline void answer_to(struct message *m, uint16_t id, const char *name, uint16_t type)
{
	ask_for(m, id, name, type);
	m->data[2] |= 0x80;
}

/* owner NULL: a pointer to the question's name. */
static inline void put_record(
	struct message *m, const char *owner, uint16_t type, const void *data, size_t len)
{
	if (owner)
		put_name(m, owner);
	else
		put_u16(m, 0xc00c);
	put_u16(m, type);
	put_u16(m, DNS_CLASS_IN);
	put(m, "\0\0\0", 3);
	put(m, &(uint8_t){DNS_OF_TTL_S}, 1);
	put_u16(m, (unsigned int)len);
	put(m, data, len);
	m->n_answers++;
	m->data[6] = (uint8_t)(m->n_answers >> 8);
	m->data[7] = (uint8_t)m->n_answers;
}

static inline void put_alias(struct message *m, const char *owner, const char *target)
{
	size_t len_at;

	put_record(m, owner, DNS_TYPE_CNAME, "", 0);
	len_at = m->len - 2;
	put_name(m, target);
	m->data[len_at + 1] = (uint8_t)(m->len - len_at - 2);
}
