/* SPDX-License-Identifier: Apache-2.0 */
#include "direction.h"

#include <string.h>

static bool is_local(const struct direction *direction, const struct addr *addr)
{
	for (size_t i = 0; i < direction->n_locals; i++) {
		if (cidr_contains(&direction->locals[i], addr))
			return true;
	}
	return false;
}

void direction_update(struct direction *direction, const struct direction *now, bool keeps_locals)
{
	if (!keeps_locals) {
		*direction = *now;
		return;
	}
	direction->has_mac = now->has_mac;
	direction->is_loopback = now->is_loopback;
	memcpy(direction->mac, now->mac, sizeof(direction->mac));
}

enum packet_way direction_of(const struct direction *direction, const struct packet *packet)
{
	bool knows_mac = direction->has_mac && packet->has_src_mac;
	bool is_src, is_dst;

	if (packet->way != PACKET_WAY_UNKNOWN)
		return packet->way;
	if (knows_mac && memcmp(packet->src_mac, direction->mac, sizeof(direction->mac)) == 0)
		return PACKET_OUT;

	/* No address where it is not IP, or unreadable. */
	is_src = packet->src.len > 0 && is_local(direction, &packet->src);
	is_dst = packet->src.len > 0 && is_local(direction, &packet->dst);
	if (is_src != is_dst)
		return is_src ? PACKET_OUT : PACKET_IN;
	return knows_mac ? PACKET_IN : PACKET_WAY_UNKNOWN;
}
