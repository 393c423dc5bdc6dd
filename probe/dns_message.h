/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a DNS message (RFC 1035 section 4), read as an enemy's: compression is bounded, and
 * nothing is read beyond the message. Pure.
 */
#pragma once

#include "addr.h"
#include "cursor.h"

#define DNS_NAME_MAX    255 /* RFC 1035 2.3.4, in wire form with the root's zero */
#define DNS_HEADER_LEN  12
#define DNS_RECORDS_MAX 256 /* of all sections; a message with more is malformed */

#define DNS_CLASS_IN 1

#define DNS_TYPE_A     1
#define DNS_TYPE_CNAME 5
#define DNS_TYPE_AAAA  28
#define DNS_TYPE_SVCB  64 /* RFC 9460, and HTTPS */
#define DNS_TYPE_HTTPS 65

#define DNS_FLAG_ANSWER    0x8000
#define DNS_FLAG_OPCODE    0x7800
#define DNS_FLAG_TRUNCATED 0x0200
#define DNS_FLAG_RECURSE   0x0100
#define DNS_RCODE_MASK     0x000f
#define DNS_RCODE_NXDOMAIN 3

/* Wire form, uncompressed, lower case: equal names are equal memory. */
struct dns_name {
	size_t len;
	uint8_t bytes[DNS_NAME_MAX];
};

struct dns_head {
	uint16_t id;
	uint16_t flags;
	uint16_t n_questions;
	uint16_t n_answers;
	uint16_t n_others; /* of the two sections behind, saturated */
};

struct dns_question {
	struct dns_name name;
	uint16_t type;
	uint16_t class;
};

struct dns_resource {
	struct dns_name owner;
	uint16_t type;
	uint16_t class;
	uint32_t ttl_s;
	struct cursor data; /* over the whole message, since names in it may point back */
	uint16_t data_len;
};

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* "a.example", with or without the final dot. False: no DNS name, *ret untouched. */
bool dns_name_from_text(const char *text, struct dns_name *ret);
/*
 * Without the final dot. False, *ret untouched: the root, or a label with what a text cannot show
 * as it is (a dot, a blank, a backslash, control characters, bytes beyond ASCII).
 */
bool dns_name_to_text(const struct dns_name *name, char ret[static ADDR_HOST_LEN]);

/* Each moves the cursor, which lies over the whole message, behind what it has read. False: there
 * is no such thing. */
bool dns_read_name(struct cursor *c, struct dns_name *ret);
bool dns_read_head(struct cursor *c, struct dns_head *ret);
bool dns_read_question(struct cursor *c, struct dns_question *ret);
bool dns_read_resource(struct cursor *c, struct dns_resource *ret);
