/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP socket that probes send to: recvmmsg(2) in batches, a large receive buffer, truncated
 * datagrams and the kernel's own drops (SO_RXQ_OVFL) counted. Answers leave from the address that
 * was asked: a probe's connected socket takes them from no other.
 */
#pragma once

#include "addr.h"
#include "loop.h"
#include "stats.h"

/* Whom a datagram came from, and which of our addresses it was sent to. */
struct receive_from {
	struct sockaddr_storage addr;
	socklen_t len;
	struct addr local; /* len 0: not known */
};

/* Borrows the bytes for the call. */
typedef void receive_fn(
	void *ctx, const uint8_t *data, size_t len, const struct receive_from *from);

struct receive;
/* listen: "ADDR:PORT", "[::]:4747" takes IPv4 too. Port 0: one that is free. Keeps loop, stats and
 * ctx until receive_close. 0 or -errno. */
int receive_open(struct loop *loop, const char *listen, struct stats *stats, receive_fn *fn,
	void *ctx, struct receive **ret, char err[static ERR_LEN]);
void receive_close(struct receive *receive);
/* What the socket holds now, to the end: before a shutdown. */
void receive_drain(struct receive *receive);
/* Takes no more, and still answers. */
void receive_stop(struct receive *receive);

/* False: the kernel does not take it now. */
bool receive_reply(
	struct receive *receive, const struct receive_from *to, const uint8_t *data, size_t len);
uint16_t receive_port(const struct receive *receive);
