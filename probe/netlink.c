/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BUFFER_BYTES  32768 /* more is never sent at once: netlink_dump, af_netlink.c */
#define REQUEST_MAX   128
#define MESSAGES_MAX  65536 /* datagrams of one answer */
#define ANSWER_WAIT_S 2

struct netlink {
	int fd;
	uint32_t sequence;
	uint8_t buffer[BUFFER_BYTES];
};

int netlink_open(struct netlink **ret, char err[static ERR_LEN])
{
	struct netlink *netlink = calloc(1, sizeof(*netlink));
	struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
	int r;

	if (!netlink) {
		snprintf(err, ERR_LEN, "netlink: out of memory");
		return -ENOMEM;
	}
	netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (netlink->fd < 0 ||
		setsockopt(netlink->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0) {
		r = -errno;
		snprintf(err, ERR_LEN, "netlink: %s", strerror(-r));
		netlink_close(netlink);
		return r;
	}
	*ret = netlink;
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (!netlink)
		return;
	if (netlink->fd >= 0)
		close(netlink->fd);
	free(netlink);
}

bool netlink_next_attribute(
	const struct netlink_message *message, size_t *pos, struct netlink_attribute *ret)
{
	struct rtattr head;
	size_t left = message->len > *pos ? message->len - *pos : 0;

	if (left < sizeof(head))
		return false;
	memcpy(&head, message->data + *pos, sizeof(head));
	if (head.rta_len < sizeof(head) || head.rta_len > left)
		return false;
	*ret = (struct netlink_attribute){
		.type = head.rta_type & (uint16_t)NLA_TYPE_MASK,
		.data = message->data + *pos + sizeof(head),
		.len = head.rta_len - sizeof(head),
	};
	*pos += RTA_ALIGN((size_t)head.rta_len);
	return true;
}

/* Both end an answer with an int: 0, or -errno. */
static int read_end(const uint8_t *data, size_t len)
{
	int code;

	if (len < sizeof(code))
		return -EPROTO;
	memcpy(&code, data, sizeof(code));
	return code;
}

/* 1: the answer goes on; 0: it is complete; -errno. */
static int take_messages(struct netlink *netlink, size_t len, netlink_fn *fn, void *ctx)
{
	size_t pos = 0;

	while (len - pos >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr head;
		struct netlink_message message;

		memcpy(&head, netlink->buffer + pos, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > len - pos)
			return -EPROTO;
		message.type = head.nlmsg_type;
		message.data = netlink->buffer + pos + sizeof(head);
		message.len = head.nlmsg_len - sizeof(head);
		pos += NLMSG_ALIGN((size_t)head.nlmsg_len);
		pos = pos < len ? pos : len;
		if (head.nlmsg_seq !=
			netlink->sequence) /* the rest of an answer that we gave up on */
			continue;
		if (head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE)
			return read_end(message.data, message.len);
		fn(ctx, &message);
	}
	return 1;
}

static int take_answer(struct netlink *netlink, netlink_fn *fn, void *ctx)
{
	for (int i = 0; i < MESSAGES_MAX; i++) {
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof(from);
		int r;
		ssize_t n = recvfrom(netlink->fd, netlink->buffer, sizeof(netlink->buffer),
			MSG_TRUNC, (struct sockaddr *)&from, &from_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (from.nl_pid != 0) /* only the kernel is believed */
			continue;
		if ((size_t)n > sizeof(netlink->buffer))
			return -EMSGSIZE;
		r = take_messages(netlink, (size_t)n, fn, ctx);
		if (r <= 0)
			return r;
	}
	return -EOVERFLOW;
}

int netlink_ask(struct netlink *netlink, uint16_t type, uint16_t flags, const void *body,
	size_t body_len, netlink_fn *fn, void *ctx)
{
	uint8_t request[REQUEST_MAX] = {0};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct nlmsghdr head = {
		.nlmsg_len = (uint32_t)(sizeof(head) + body_len),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
		.nlmsg_seq = ++netlink->sequence,
	};

	if (head.nlmsg_len > sizeof(request))
		return -EMSGSIZE;
	memcpy(request, &head, sizeof(head));
	memcpy(request + sizeof(head), body, body_len);
	if (sendto(netlink->fd, request, head.nlmsg_len, 0, (struct sockaddr *)&kernel,
		    sizeof(kernel)) < 0)
		return -errno;
	return take_answer(netlink, fn, ctx);
}
