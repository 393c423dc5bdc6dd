/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe's own questions about the collector, and what is answered to them. Pure.
 */
#pragma once

#include "dns_message.h"

#define WIRE_NAMES_TYPE_A       DNS_TYPE_A
#define WIRE_NAMES_TYPE_AAAA    DNS_TYPE_AAAA
#define WIRE_NAMES_QUESTION_MAX 512

/* A query for name, recursion desired. Returns its length; 0 where the name is no DNS name. */
size_t wire_names_question(
	const char *name, uint16_t type, uint16_t id, uint8_t ret[static WIRE_NAMES_QUESTION_MAX]);

enum wire_names_result {
	WIRE_NAMES_OK,       /* n addresses, at least one */
	WIRE_NAMES_EMPTY,    /* a good answer without an address of this type, NXDOMAIN included */
	WIRE_NAMES_NOT_OURS, /* another id, another question, or no answer at all */
	WIRE_NAMES_FAILED,   /* SERVFAIL, REFUSED, truncated: ask elsewhere or again */
	WIRE_NAMES_MALFORMED,
};

/*
 * Reads an answer to the question (name, type, id). Addresses at the end of the CNAME chain that
 * starts at name are written to ret, at most cap. Names compare without case.
 */
enum wire_names_result wire_names_answer(const uint8_t *data, size_t len, const char *name,
	uint16_t type, uint16_t id, struct addr *ret, size_t cap, size_t *ret_n);
