/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PTR look-ups by c-ares, and the only file that includes it. Asynchronous, on the loop; answers
 * come to one callback. Several records: the shortest, then the first in order, so that a series
 * does not flip.
 */
#pragma once

#include "addr.h"
#include "loop.h"

enum dns_outcome {
	DNS_NAME,
	DNS_NONE,   /* NXDOMAIN, or no PTR record */
	DNS_FAILED, /* time-out, SERVFAIL, an answer that does not parse */
};

/* name is raw text from outside: printable is not promised. Set for DNS_NAME only. */
typedef void dns_fn(void *ctx, const struct addr *addr, enum dns_outcome outcome, const char *name,
	uint32_t ttl_s);

struct dns;
/* server: "ADDR[:PORT]" or NULL for resolv.conf's. */
int dns_open(struct loop *loop, const char *server, dns_fn *fn, void *ctx, struct dns **ret,
	char err[static ERR_LEN]);
/* Cancels what is under way; its callbacks are not called. */
void dns_close(struct dns *dns);

/* False: no memory. The callback may come before this returns. */
bool dns_ask_ptr(struct dns *dns, const struct addr *addr);
