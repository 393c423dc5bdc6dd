/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's address. A numeric one is known at once. A name is looked for in /etc/hosts, then
 * asked for on a non-blocking UDP socket of our own with the servers and search list of
 * resolv.conf, both files read at the open: getaddrinfo(3) blocks for seconds and needs files
 * later.
 */
#pragma once

#include "addr.h"
#include "packet.h"

struct resolver;
int resolver_open(const char *host, struct resolver **ret, char err[static ERR_LEN]);
void resolver_close(struct resolver *resolver);

/* For POLLIN; -1 where the host is numeric or in the hosts file. */
int resolver_fd(const struct resolver *resolver);

/* Sends, retries, reads answers: whatever is due. Returns when to call again (monotonic ms), at the
 * latest. */
int64_t resolver_step(struct resolver *resolver, int64_t now_ms);

/* True once, each time a new address is known. */
bool resolver_take_address(struct resolver *resolver, struct addr *ret);

/* True once, when a round of questions ended while no address is known. */
bool resolver_take_failure(struct resolver *resolver);

/* The address seems dead: ask again. */
void resolver_ask_again(struct resolver *resolver, int64_t now_ms);

/* UDP between one of our servers and our port, either way. */
bool resolver_owns(const struct resolver *resolver, const struct packet *packet);
