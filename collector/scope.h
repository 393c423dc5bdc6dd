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

enum scope scope_of(const struct addr *addr);
/* As the tag receiver_kind has it: "external", or "other". */
const char *scope_kind(enum scope scope);
