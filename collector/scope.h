/* SPDX-License-Identifier: Apache-2.0 */
/* Whose an address can be, by the registries of special ranges. Pure. */
#pragma once

#include "addr.h"

enum scope {
	SCOPE_PUBLIC,
	SCOPE_PRIVATE,
	SCOPE_SPECIAL, /* loopback, link-local, multicast, unspecified: no PTR record speaks of it
			*/
};

/* The IPv4 address that an IPv6 one of NAT64's well-known prefix, 64:ff9b::/96, stands for (RFC
 * 6052 2.1); any other is itself. */
struct addr scope_behind_nat64(const struct addr *addr);

/* Behind NAT64 it is the IPv4 address that has one. */
enum scope scope_of(const struct addr *addr);
/* As the tag receiver_kind has it: "external", or "other". */
const char *scope_kind(enum scope scope);
