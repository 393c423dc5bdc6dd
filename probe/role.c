/* SPDX-License-Identifier: Apache-2.0 */
#include "role.h"

#include <netinet/in.h>

static enum role role_of_speaker(enum packet_way way)
{
	return way == PACKET_OUT ? ROLE_CLIENT : ROLE_SERVER;
}

static enum role role_of_listener(enum packet_way way)
{
	return way == PACKET_OUT ? ROLE_SERVER : ROLE_CLIENT;
}

static enum role tcp_role(const struct role_sockets *sockets, const struct packet *packet,
	enum packet_way way, bool *ret_guessed)
{
	uint16_t local_port = way == PACKET_OUT ? packet->src_port : packet->dst_port;
	uint16_t remote_port = way == PACKET_OUT ? packet->dst_port : packet->src_port;

	if (packet->has_tcp && packet->tcp_flags & PACKET_TCP_SYN) {
		if (packet->tcp_flags & PACKET_TCP_ACK)
			return role_of_listener(way);
		return role_of_speaker(way);
	}
	if (sockets && sockets->is_known && packet->has_ports) {
		bool is_listening = role_port_is_set(sockets->tcp_listen, local_port);

		return is_listening ? ROLE_SERVER : ROLE_CLIENT;
	}
	*ret_guessed = true;
	return local_port < remote_port ? ROLE_SERVER : ROLE_CLIENT;
}

enum role role_of(const struct role_sockets *sockets, const struct packet *packet,
	enum packet_way way, bool *ret_guessed)
{
	*ret_guessed = false;
	if (packet->proto == IPPROTO_TCP)
		return tcp_role(sockets, packet, way, ret_guessed);
	if (packet->proto == IPPROTO_UDP && packet->has_ports && sockets && sockets->is_known) {
		uint16_t port = way == PACKET_OUT ? packet->src_port : packet->dst_port;

		if (role_port_is_set(sockets->udp_bound, port))
			return ROLE_SERVER;
		/* It may have spoken before we listened. */
		if (role_port_is_set(sockets->udp_client, port))
			return ROLE_CLIENT;
	}
	return role_of_speaker(way);
}
