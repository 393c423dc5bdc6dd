/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rtnetlink socket (netlink(7), rtnetlink(7)): a request, and each message of its answer to a
 * function. Every length in an answer is checked.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink;
int netlink_open(struct netlink **ret, char err[static ERR_LEN]);
void netlink_close(struct netlink *netlink);

/* A message's fixed part (ifinfomsg, ifaddrmsg, rtmsg) and the attributes behind it. */
struct netlink_message {
	uint16_t type;
	const uint8_t *data;
	size_t len;
};
typedef void netlink_fn(void *ctx, const struct netlink_message *message);

/* flags: NLM_F_DUMP, or NLM_F_ACK where one object is asked for. 0, or -errno, the kernel's or
 * ours. */
int netlink_ask(struct netlink *netlink, uint16_t type, uint16_t flags, const void *body,
	size_t body_len, netlink_fn *fn, void *ctx);

struct netlink_attribute {
	uint16_t type;
	const uint8_t *data;
	size_t len;
};

/* The attribute at *pos, which moves behind it. False at the end, and where a length lies. */
bool netlink_next_attribute(
	const struct netlink_message *message, size_t *pos, struct netlink_attribute *ret);
