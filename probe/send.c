/* SPDX-License-Identifier: Apache-2.0 */
#include "send.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEERS_MAX  4 /* addresses that the collector has had, newest kept */
#define N_PORTS    65536
#define ERRORS_MAX 16 /* read off the socket at a time, empty datagrams included */

struct peer {
	struct addr addr;
	uint16_t port;
};

struct sender {
	int fd4; /* both are opened at the start, when socket(2) is still allowed; -1: no such
		    family */
	int fd6;
	bool has_peer;
	bool is_connected;
	struct peer peer;
	struct peer peers[PEERS_MAX];
	size_t next_peer;
	uint8_t held[2][N_PORTS / 8]; /* a bit for each port that we have had, by family */
	uint64_t errors;
};

int sender_open(struct sender **ret, char err[static ERR_LEN])
{
	struct sender *sender = calloc(1, sizeof(*sender));
	int r;

	if (!sender) {
		snprintf(err, ERR_LEN, "sender: out of memory");
		return -ENOMEM;
	}
	sender->fd4 = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = -errno;
	sender->fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sender->fd4 < 0 && sender->fd6 < 0) {
		snprintf(err, ERR_LEN, "UDP socket: %s", strerror(-r));
		sender_close(sender);
		return r;
	}
	*ret = sender;
	return 0;
}

void sender_close(struct sender *sender)
{
	if (!sender)
		return;
	if (sender->fd4 >= 0)
		close(sender->fd4);
	if (sender->fd6 >= 0)
		close(sender->fd6);
	free(sender);
}

static int peer_fd(const struct sender *sender)
{
	return sender->peer.addr.len == 4 ? sender->fd4 : sender->fd6;
}

static uint8_t *held_byte(struct sender *sender, uint8_t addr_len, uint16_t port)
{
	return &sender->held[addr_len == 16][port / 8];
}

static bool is_held(const struct sender *sender, uint8_t addr_len, uint16_t port)
{
	return sender->held[addr_len == 16][port / 8] >> port % 8 & 1;
}

static bool is_peer(const struct sender *sender, const struct addr *addr, uint16_t port)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		const struct peer *peer = &sender->peers[i];

		if (peer->port == port && peer->addr.len != 0 && addr_equal(&peer->addr, addr))
			return true;
	}
	return false;
}

static void remember_port(struct sender *sender, int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct addr addr;
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return;
	addr_from_sockaddr(&ss, &addr, &port);
	if (port != 0)
		*held_byte(sender, sender->peer.addr.len, port) |= (uint8_t)(1 << port % 8);
}

static int try_connect(struct sender *sender)
{
	int fd = peer_fd(sender);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&sender->peer.addr, sender->peer.port, &ss);

	if (fd < 0)
		return -EAFNOSUPPORT;
	if (connect(fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	remember_port(sender, fd);
	sender->is_connected = true;
	return 0;
}

int sender_set_peer(struct sender *sender, const struct addr *addr, uint16_t port)
{
	if (addr->len == 0)
		return -EINVAL;
	if (sender->is_connected && sender->peer.port == port &&
		addr_equal(&sender->peer.addr, addr))
		return 0;
	sender->peer = (struct peer){*addr, port};
	sender->has_peer = true;
	sender->is_connected = false;
	if (!is_peer(sender, addr, port)) {
		sender->peers[sender->next_peer] = sender->peer;
		sender->next_peer = (sender->next_peer + 1) % PEERS_MAX;
	}
	return try_connect(sender);
}

enum send_result sender_send(struct sender *sender, const uint8_t *data, size_t len)
{
	if (!sender->has_peer)
		return SEND_NO_PEER;
	/* There may have been no route when the address became known. */
	if (!sender->is_connected && try_connect(sender) < 0) {
		sender->errors++;
		return SEND_LATER;
	}
	if (send(peer_fd(sender), data, len, MSG_NOSIGNAL) >= 0)
		return SEND_OK;
	if (errno != EAGAIN && errno != EINTR)
		sender->errors++;
	return SEND_LATER;
}

size_t sender_receive(struct sender *sender, uint8_t *buf, size_t cap)
{
	if (!sender->is_connected)
		return 0;
	for (int i = 0; i < ERRORS_MAX; i++) {
		ssize_t len = recv(peer_fd(sender), buf, cap, MSG_DONTWAIT);

		if (len > 0)
			return (size_t)len;
		if (len < 0 && errno == EAGAIN)
			return 0;
	}
	return 0;
}

void sender_renew(struct sender *sender)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (!sender->has_peer || peer_fd(sender) < 0)
		return;
	/* Also gives up the port, since we never bound one (net/ipv4/udp.c, __udp_disconnect). */
	(void)connect(peer_fd(sender), &none, sizeof(none));
	sender->is_connected = false;
	(void)try_connect(sender);
}

int sender_fd(const struct sender *sender)
{
	return sender->is_connected ? peer_fd(sender) : -1;
}

bool sender_owns(const struct sender *sender, const struct packet *packet)
{
	if (packet->proto != IPPROTO_UDP || !packet->has_ports)
		return false;
	if (is_held(sender, packet->src.len, packet->src_port) &&
		is_peer(sender, &packet->dst, packet->dst_port))
		return true;
	return is_held(sender, packet->dst.len, packet->dst_port) &&
	       is_peer(sender, &packet->src, packet->src_port);
}

uint64_t sender_errors(const struct sender *sender)
{
	return sender->errors;
}
