/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface, through one rtnetlink socket that is kept (rtnetlink(7)): its index, MAC,
 * addresses and counters, and which interface the default route uses.
 */
#pragma once

#include "addr.h"
#include "direction.h"

#define LINK_NAME_LEN 16 /* IFNAMSIZ */

struct link_counters {
	uint64_t rx_bytes;
	uint64_t tx_bytes;
};

struct link_state {
	int index; /* 0 for "any" */
	struct direction direction;
	struct link_counters counters;
};

struct link;
int link_open(struct link **ret, char err[static ERR_LEN]);
void link_close(struct link *link);

/* The interface of the IPv4 default route with the lowest metric, else of IPv6's. -ENOENT: none. */
int link_default_interface(struct link *link, char ret[static LINK_NAME_LEN]);

/*
 * The interface as it is now: MAC, addresses (as /32 and /128) and counters (IFLA_STATS64); for
 * "any" the addresses of all and the sum of their counters. has_mac stays false for loopback and
 * for interfaces without one, is_loopback for all but loopback. -ENODEV: no such interface. Never
 * blocks longer than two netlink round trips.
 */
int link_describe(struct link *link, const char *interface, struct link_state *ret);
