/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which name an address gets, and who said so. It never blocks: what is being asked for is the
 * address until it is known.
 */
#pragma once

#include "addr.h"
#include "loop.h"
#include "stats.h"

enum named_by {
	NAMED_BY_KUBERNETES,
	NAMED_BY_DNS,
	NAMED_BY_LABEL,
	NAMED_BY_PTR,
	NAMED_BY_ADDRESS,
	NAMED_BY_NONE, /* remainders */
};
const char *named_by_text(enum named_by by); /* "ptr", "-" */

struct name {
	char text[ADDR_HOST_LEN];
	enum named_by by;
	const char *kind; /* pod, service, node, external (a public address), other */
};

struct names_config {
	bool is_ptr_on;
	const char *dns_server; /* NULL: resolv.conf's */
};

struct names;
int names_open(struct loop *loop, const struct names_config *config, struct stats *stats,
	struct names **ret, char err[static ERR_LEN]);
void names_close(struct names *names);

/* Fills *ret with the best that is known now; false: an answer is awaited that may be better. */
bool names_lookup(struct names *names, const struct addr *addr, int64_t now_ms, struct name *ret);
