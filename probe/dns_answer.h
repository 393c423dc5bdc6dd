/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses an answer gives to its question: those of the type asked for, or an HTTPS or SVCB
 * record's hints (RFC 9460 7.3), at the end of the chain of aliases that begins at the name. Pure.
 */
#pragma once

#include "dns_message.h"

#define DNS_ANSWER_ADDRS_MAX 256

struct dns_found {
	struct addr addrs[DNS_ANSWER_ADDRS_MAX];
	size_t n;
	size_t n_left_out; /* there was no room */
	uint32_t ttl_s;    /* the smallest of the aliases and records that led here */
};

enum dns_answer_result {
	DNS_ANSWER_FOUND, /* at least one address */
	DNS_ANSWER_EMPTY,
	DNS_ANSWER_MALFORMED, /* *ret may hold anything */
};

/*
 * sections stands behind the question. All records must be well-formed, those behind the answers
 * too; the order of records is not relied upon.
 */
enum dns_answer_result dns_answer_read(struct cursor sections, const struct dns_head *head,
	const struct dns_question *question, struct dns_found *ret);
