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

enum packet_way direction_of(const struct direction *direction, const struct packet *packet)
{
	bool is_src, is_dst;

	if (packet->way != PACKET_WAY_UNKNOWN)
		return packet->way;
	if (direction->has_mac && packet->has_src_mac) {
		bool is_own = memcmp(packet->src_mac, direction->mac, sizeof(direction->mac)) == 0;

		return is_own ? PACKET_OUT : PACKET_IN;
	}
	if (packet->src.len == 0) /* not IP, or unreadable */
		return PACKET_WAY_UNKNOWN;

	is_src = is_local(direction, &packet->src);
	is_dst = is_local(direction, &packet->dst);
	if (is_src == is_dst)
		return PACKET_WAY_UNKNOWN;
	return is_src ? PACKET_OUT : PACKET_IN;
}
