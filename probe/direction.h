/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Did the pod send this packet, or receive it? In this order: what the packet's type says ("any");
 * whether the source MAC is the interface's own; which address is a local one, since frames leave
 * with other MACs too (a bridge, a MAC that has just been changed); a MAC that is not ours came in.
 * Unknown where there is no MAC to tell and both ends or neither are local: then the flow table
 * takes the sender of the first packet as local.
 */
#pragma once

#include "packet.h"

#define DIRECTION_LOCALS_MAX 64

struct direction {
	bool has_mac; /* false for a file, for "any", and for loopback, whose MAC is all zero */
	uint8_t mac[6];
	bool is_loopback; /* the interface is lo itself; says nothing of a direction */
	struct cidr locals[DIRECTION_LOCALS_MAX];
	size_t n_locals;
};

/* What the interface says now replaces what was known, but for addresses that the operator gave. */
void direction_update(struct direction *direction, const struct direction *now, bool keeps_locals);

enum packet_way direction_of(const struct direction *direction, const struct packet *packet);
