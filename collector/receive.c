/* SPDX-License-Identifier: Apache-2.0 */
#include "receive.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_PORT  4747
#define BATCH         64
#define DATAGRAM_MAX  2048 /* longer ones are truncated, and none of ours is */
#define ROUNDS_A_TURN 16   /* then the loop's others have their turn */
#define ROUNDS_DRAIN  4096
#define RCVBUF_BYTES  (8 * 1024 * 1024) /* a second of 10,000 probes; the kernel doubles it */
#define CONTROL_BYTES (CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(struct in6_pktinfo)))

struct receive {
	struct loop *loop;
	struct stats *stats;
	receive_fn *fn;
	void *ctx;
	int fd;
	bool is_v4; /* the socket; else it takes both */
	bool is_stopped;
	uint16_t port;
	uint32_t drops; /* the kernel's count, which wraps */
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
	struct receive_from from[BATCH];
	uint8_t data[BATCH][DATAGRAM_MAX];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_BYTES];
};

/* recvmmsg(2) wrote the lengths over. */
static void msgs_reset(struct receive *r)
{
	for (size_t i = 0; i < BATCH; i++) {
		r->iovs[i] = (struct iovec){.iov_base = r->data[i], .iov_len = DATAGRAM_MAX};
		r->msgs[i].msg_hdr = (struct msghdr){.msg_name = &r->from[i].addr,
			.msg_namelen = sizeof(r->from[i].addr),
			.msg_iov = &r->iovs[i],
			.msg_iovlen = 1,
			.msg_control = r->control[i],
			.msg_controllen = CONTROL_BYTES};
	}
}

/* SO_RXQ_OVFL (socket(7)): datagrams dropped since the socket was made, sent along once there are
 * any. */
static void drops_count(struct receive *r, const struct cmsghdr *c)
{
	uint32_t drops;

	memcpy(&drops, CMSG_DATA(c), sizeof(drops));
	r->stats->receive_drops += (uint32_t)(drops - r->drops);
	r->drops = drops;
}

static bool is_control(const struct cmsghdr *c, int level, int type)
{
	return c->cmsg_level == level && c->cmsg_type == type;
}

static void control_read(struct receive *r, struct msghdr *hdr, struct receive_from *from)
{
	struct in6_pktinfo info6;
	struct in_pktinfo info4;

	from->local.len = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c; c = CMSG_NXTHDR(hdr, c)) {
		if (is_control(c, SOL_SOCKET, SO_RXQ_OVFL)) {
			drops_count(r, c);
		} else if (is_control(c, IPPROTO_IPV6, IPV6_PKTINFO)) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			from->local = addr_v6(info6.ipi6_addr.s6_addr);
		} else if (is_control(c, IPPROTO_IP, IP_PKTINFO)) {
			memcpy(&info4, CMSG_DATA(c), sizeof(info4));
			from->local = addr_v4((const uint8_t *)&info4.ipi_spec_dst);
		}
	}
}

static void msg_deliver(struct receive *r, size_t i)
{
	struct msghdr *hdr = &r->msgs[i].msg_hdr;

	r->stats->datagrams++;
	r->stats->datagram_bytes += r->msgs[i].msg_len;
	control_read(r, hdr, &r->from[i]);
	if (hdr->msg_flags & MSG_TRUNC) {
		r->stats->receive_truncated++;
		return;
	}
	r->from[i].len = hdr->msg_namelen;
	r->fn(r->ctx, r->data[i], r->msgs[i].msg_len, &r->from[i]);
}

/* False: nothing is left for now. */
static bool receive_batch(struct receive *r)
{
	int n;

	msgs_reset(r);
	n = recvmmsg(r->fd, r->msgs, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		msg_deliver(r, (size_t)i);
	return n == BATCH || (n < 0 && errno == EINTR);
}

static void socket_ready(void *ctx, uint32_t events)
{
	struct receive *r = ctx;

	(void)events;
	for (int i = 0; i < ROUNDS_A_TURN && receive_batch(r); i++)
		;
}

void receive_drain(struct receive *r)
{
	for (int i = 0; i < ROUNDS_DRAIN && receive_batch(r); i++)
		;
}

/* "ADDR:0" asks for a free port, which addr_split_host does not know. */
static int listen_parse(const char *listen, struct addr *ret_addr, uint16_t *ret_port)
{
	char text[ADDR_HOST_LEN + 8];
	char host[ADDR_HOST_LEN];
	size_t len = strlen(listen);
	uint16_t port = DEFAULT_PORT;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, listen, len + 1);
	if (len > 2 && strcmp(text + len - 2, ":0") == 0 && text[len - 3] != ':') {
		text[len - 2] = '\0';
		port = 0;
	}
	if (addr_split_host(text, port, host, &port) < 0 || addr_parse(host, ret_addr) < 0)
		return -EINVAL;
	*ret_port = port;
	return 0;
}

/* "[::]" on a machine without IPv6 is meant as "everything there is". */
static int socket_open(struct addr *addr)
{
	const int type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(addr->len == 4 ? AF_INET : AF_INET6, type, 0);
	static const uint8_t any[16];

	if (fd >= 0 || errno != EAFNOSUPPORT || memcmp(addr->bytes, any, sizeof(any)) != 0)
		return fd;
	*addr = addr_v4(any);
	return socket(AF_INET, type, 0);
}

/* None of these may fail the start: a smaller buffer drops earlier, and the drops are counted. */
static void socket_tune(int fd, const struct addr *addr)
{
	static const int on = 1, off = 0, bytes = RCVBUF_BYTES;

	if (addr->len == 16) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	} else {
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	}
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	/* Beyond net.core.rmem_max only with CAP_NET_ADMIN. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int socket_bind(struct receive *r, const struct addr *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(addr, port, &ss);
	struct addr bound;

	if (bind(r->fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	len = sizeof(ss);
	if (getsockname(r->fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	addr_from_sockaddr(&ss, &bound, &r->port);
	return loop_watch(r->loop, r->fd, EPOLLIN, socket_ready, r);
}

int receive_open(struct loop *loop, const char *listen, struct stats *stats, receive_fn *fn,
	void *ctx, struct receive **ret, char err[static ERR_LEN])
{
	struct receive *r = NULL;
	struct addr addr;
	uint16_t port;
	int result;

	if (listen_parse(listen, &addr, &port) < 0) {
		snprintf(err, ERR_LEN, "--listen: '%.100s' is not ADDR:PORT, such as [::]:4747",
			listen);
		return -EINVAL;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		result = -ENOMEM;
		goto fail;
	}
	r->loop = loop;
	r->stats = stats;
	r->fn = fn;
	r->ctx = ctx;
	r->fd = socket_open(&addr);
	if (r->fd < 0) {
		result = -errno;
		goto fail;
	}
	r->is_v4 = addr.len == 4;
	socket_tune(r->fd, &addr);
	result = socket_bind(r, &addr, port);
	if (result < 0)
		goto fail;
	*ret = r;
	return 0;

fail:
	snprintf(err, ERR_LEN, "--listen: '%.100s': %s", listen, strerror(-result));
	receive_close(r);
	return result;
}

void receive_close(struct receive *r)
{
	if (!r)
		return;
	receive_stop(r);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

void receive_stop(struct receive *r)
{
	if (r->fd >= 0 && !r->is_stopped)
		loop_unwatch(r->loop, r->fd);
	r->is_stopped = true;
}

static void control_put(struct msghdr *hdr, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(hdr);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	hdr->msg_controllen = CMSG_SPACE(len);
}

/* The source address of the answer (ip(7), ipv6(7)); a v4-mapped one serves for IPv4 too. */
static void source_put(const struct receive *r, const struct addr *local, struct msghdr *hdr)
{
	struct in_pktinfo info4 = {0};
	struct in6_pktinfo info6 = {0};

	if (r->is_v4) {
		memcpy(&info4.ipi_spec_dst, local->bytes, sizeof(info4.ipi_spec_dst));
		control_put(hdr, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
	} else {
		memcpy(&info6.ipi6_addr, local->bytes, sizeof(info6.ipi6_addr));
		control_put(hdr, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	}
}

bool receive_reply(
	struct receive *r, const struct receive_from *to, const uint8_t *data, size_t len)
{
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES] = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	struct msghdr hdr = {.msg_name = (void *)&to->addr,
		.msg_namelen = to->len,
		.msg_iov = &iov,
		.msg_iovlen = 1};

	if (to->local.len != 0) {
		hdr.msg_control = control;
		hdr.msg_controllen = sizeof(control);
		source_put(r, &to->local, &hdr);
	}
	return sendmsg(r->fd, &hdr, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

uint16_t receive_port(const struct receive *r)
{
	return r->port;
}
