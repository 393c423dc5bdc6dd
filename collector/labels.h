/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's names for parts of the network, from a text of lines:
 *
 *	# comment
 *	203.0.113.0/24   office-berlin   # comment
 *	2001:db8::/32    carrier-x
 *
 * A prefix (a bare address is one of full length) and a name, a word as it will stand in the tags.
 * The longest prefix wins; of an address behind NAT64 (scope.h) those of IPv4 too, as 96 bits
 * longer. A prefix that stands there twice is a mistake: nobody could tell which name it should
 * have. So is one of IPv4-mapped addresses: no packet bears them. Pure; immutable once made.
 */
#pragma once

#include "addr.h"

#define LABELS_MAX      65536
#define LABELS_TEXT_MAX (8 * 1024 * 1024) /* bytes */

struct labels;

/*
 * Borrows text, which needs no NUL. 0 and *ret, or -EINVAL and what was expected in which line
 * ("line 3: …"), or -ENOMEM.
 */
int labels_parse(const char *text, size_t len, struct labels **ret, char err[static ERR_LEN]);
void labels_free(struct labels *labels);

/* Its label, until labels_free, or NULL. Takes a search in a sorted array for each length of prefix
 * that there is. */
const char *labels_find(const struct labels *labels, const struct addr *addr);
size_t labels_count(const struct labels *labels);
