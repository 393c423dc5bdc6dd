/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe's own questions about the collector, and what is answered to them. Pure.
 */
#pragma once

#include "dns_message.h"

#define RESOLVE_MESSAGE_MAX 512 /* RFC 1035 2.3.4, as we do not speak EDNS */

/* A query for name, recursion desired. Returns its length; 0 where the name is no DNS name. */
size_t resolve_message_write(
	const char *name, uint16_t type, uint16_t id, uint8_t ret[static RESOLVE_MESSAGE_MAX]);

enum resolve_message_result {
	RESOLVE_MESSAGE_OK,       /* *ret_n addresses, at least one */
	RESOLVE_MESSAGE_EMPTY,    /* a good answer with none of this type, NXDOMAIN included */
	RESOLVE_MESSAGE_NOT_OURS, /* another id, another question, or no answer at all */
	RESOLVE_MESSAGE_FAILED,   /* SERVFAIL, REFUSED, truncated: ask elsewhere or again */
	RESOLVE_MESSAGE_MALFORMED,
};

/*
 * Reads an answer to the question (name, type, id). Addresses at the end of the CNAME chain that
 * starts at name are written to ret, at most cap. Names compare without case. *ret_n is set with
 * RESOLVE_MESSAGE_OK, and to 0 with RESOLVE_MESSAGE_EMPTY, and else left as it was.
 */
enum resolve_message_result resolve_message_read(const uint8_t *data, size_t len, const char *name,
	uint16_t type, uint16_t id, struct addr *ret, size_t cap, size_t *ret_n);
