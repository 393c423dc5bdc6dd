/* SPDX-License-Identifier: Apache-2.0 */
/* Packets as packet_parse would give them, for what comes behind it. */
#pragma once

#include "packet.h"

static struct addr addr_n(unsigned n)
{
	return addr_v4((uint8_t[]){10, 0, (uint8_t)(n >> 8), (uint8_t)n});
}

/* 100 bytes from one end's port to the other's. */
static struct packet packet_of(
	uint8_t proto, unsigned src, uint16_t src_port, unsigned dst, uint16_t dst_port)
{
	return (struct packet){
		.length = 100,
		.src = addr_n(src),
		.dst = addr_n(dst),
		.proto = proto,
		.has_ports = true,
		.src_port = src_port,
		.dst_port = dst_port,
	};
}
