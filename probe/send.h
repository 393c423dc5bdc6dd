/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe's UDP socket towards the collector, both ways. Non-blocking; a datagram that the kernel
 * does not take now is a state, not an error. Knows which ports it has held, to tell its own
 * packets apart.
 */
#pragma once

#include "addr.h"
#include "packet.h"

enum send_result {
	SEND_OK,
	SEND_LATER,   /* EAGAIN, ENOBUFS, ENETUNREACH, ECONNREFUSED, ...: keep it */
	SEND_NO_PEER, /* the collector's address is not known yet */
};

struct sender;
int sender_open(struct sender **ret, char err[static ERR_LEN]);
void sender_close(struct sender *sender);

/* Connects the socket of the address's family. 0 or -errno; harmless when nothing changed. */
int sender_set_peer(struct sender *sender, const struct addr *addr, uint16_t port);
enum send_result sender_send(struct sender *sender, const uint8_t *data, size_t len);

/*
 * A datagram from the collector: its length, as much of it as fits into buf; 0: none is there. Also
 * takes from the socket what an ICMP message left there.
 */
size_t sender_receive(struct sender *sender, uint8_t *buf, size_t cap);

/* For POLLIN; -1 before there is a peer. */
int sender_fd(const struct sender *sender);

/*
 * Another source port towards the same peer: conntrack may hold a stale entry for the old one.
 * Harmless where there is no peer.
 */
void sender_renew(struct sender *sender);

/* UDP between the collector and a port that this sender holds or held, either way. */
bool sender_owns(const struct sender *sender, const struct packet *packet);
uint64_t sender_errors(const struct sender *sender);
