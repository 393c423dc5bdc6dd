/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the pod the client or the server of a connection? Asked at the connection's first packet,
 * and again at a SYN, which knows better: the handshake, where this packet is part of one; else the
 * kernel's own sockets; else, for all but TCP, who spoke first; and for TCP without sockets to ask
 * (a file) the smaller port number is taken for the service's, which is a guess and counted as one.
 */
#pragma once

#include "packet.h"
#include "record.h"

/* Which local ports serve, or do not, a bit each; filled by sockets.c, absent with -r. */
struct role_sockets {
	bool is_known;
	uint8_t tcp_listen[65536 / 8];
	uint8_t udp_bound[65536 / 8];  /* bound, unconnected, outside ip_local_port_range */
	uint8_t udp_client[65536 / 8]; /* within it, connected, none of them unconnected */
};

static inline bool role_port_is_set(const uint8_t bits[static 65536 / 8], uint16_t port)
{
	return bits[port / 8] >> (port % 8) & 1;
}

/* way must be known. sockets may be NULL. *ret_guessed: from the port numbers. */
enum role role_of(const struct role_sockets *sockets, const struct packet *packet,
	enum packet_way way, bool *ret_guessed);
