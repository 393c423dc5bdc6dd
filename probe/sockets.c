/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES   16384
#define FILE_BYTES_MAX (4 << 20) /* about 25,000 sockets; what is beyond serves unseen */
/* States as /proc/net prints them (include/net/tcp_states.h). */
#define STATE_ESTABLISHED 0x01 /* of UDP: connected */
#define STATE_CLOSE       0x07 /* of UDP: unconnected */
#define STATE_LISTEN      0x0a
/* ip_local_port_range where it cannot be read (networking/ip-sysctl.rst). */
#define EPHEMERAL_LOW  32768
#define EPHEMERAL_HIGH 60999

enum family_file {
	TCP4,
	TCP6,
	UDP4,
	UDP6,
	N_FILES,
};

static const char *const paths[N_FILES] = {
	[TCP4] = "/proc/net/tcp",
	[TCP6] = "/proc/net/tcp6",
	[UDP4] = "/proc/net/udp",
	[UDP6] = "/proc/net/udp6",
};

struct sockets {
	int fds[N_FILES];
	int range_fd;
	bool is_broken;
	unsigned long range_low;
	unsigned long range_high;
	uint8_t udp_open[65536 / 8]; /* unconnected, within the range; of this refresh */
	char buffer[BUFFER_BYTES];
};

/* A line of /proc/net, as far as we read it. */
struct line {
	unsigned long local_port;
	unsigned long remote_port;
	unsigned long state;
};

int sockets_open(struct sockets **ret, char err[static ERR_LEN])
{
	struct sockets *sockets = calloc(1, sizeof(*sockets));

	if (!sockets) {
		snprintf(err, ERR_LEN, "sockets: out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < N_FILES; i++)
		sockets->fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
	sockets->range_fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_RDONLY | O_CLOEXEC);
	/* Without IPv6 there are no tcp6 and udp6. */
	sockets->is_broken = sockets->fds[TCP4] < 0 || sockets->fds[UDP4] < 0;
	*ret = sockets;
	return 0;
}

void sockets_close(struct sockets *sockets)
{
	if (!sockets)
		return;
	for (size_t i = 0; i < N_FILES; i++)
		if (sockets->fds[i] >= 0)
			close(sockets->fds[i]);
	if (sockets->range_fd >= 0)
		close(sockets->range_fd);
	free(sockets);
}

/* At most 8 hex digits, and what stops them. */
static bool read_hex(const char **p, char stop, unsigned long *ret)
{
	char *end;

	if (strspn(*p, "0123456789ABCDEFabcdef") - 1 > 7)
		return false;
	*ret = strtoul(*p, &end, 16);
	if (*end != stop)
		return false;
	*p = end + 1;
	return true;
}

/* "ADDRESS:PORT ", the address of 8 or 32 hex digits. */
static bool read_port(const char **p, unsigned long *ret)
{
	size_t len = strspn(*p, "0123456789ABCDEFabcdef");

	if ((*p)[len] != ':')
		return false;
	*p += len + 1;
	return read_hex(p, ' ', ret) && *ret <= UINT16_MAX;
}

/* "  sl: local:port remote:port st ..." (proc(5)). False for the heading and for what we cannot
 * read. */
static bool read_line(const char *text, struct line *ret)
{
	const char *p = strchr(text, ':');

	if (!p || p[1] != ' ')
		return false;
	p += 2;
	return read_port(&p, &ret->local_port) && read_port(&p, &ret->remote_port) &&
	       read_hex(&p, ' ', &ret->state);
}

static void set_bit(uint8_t bits[static 65536 / 8], unsigned long port)
{
	bits[port / 8] |= (uint8_t)(1U << port % 8);
}

/* A server may have an ephemeral port too, and a connected socket beside it for each peer: where
 * there is an unconnected one, the port tells nothing. */
static void take_udp(struct sockets *sockets, const struct line *line, struct role_sockets *ret)
{
	bool is_ephemeral =
		line->local_port >= sockets->range_low && line->local_port <= sockets->range_high;

	if (line->state == STATE_CLOSE && line->remote_port == 0)
		set_bit(is_ephemeral ? sockets->udp_open : ret->udp_bound, line->local_port);
	else if (line->state == STATE_ESTABLISHED && is_ephemeral)
		set_bit(ret->udp_client, line->local_port);
}

/* False: nothing of interest follows. */
static bool take_line(
	struct sockets *sockets, size_t file, const char *text, struct role_sockets *ret)
{
	struct line line;

	if (!read_line(text, &line))
		return true;
	if (file == TCP4 || file == TCP6) {
		/* Listeners come first (tcp_get_idx in net/ipv4/tcp_ipv4.c): a pod with a hundred
		 * thousand connections costs no more than one with none. */
		if (line.state != STATE_LISTEN)
			return false;
		set_bit(ret->tcp_listen, line.local_port);
		return true;
	}
	take_udp(sockets, &line, ret);
	return true;
}

/* Whole lines in the buffer, of which len bytes are filled. Returns the bytes used; len + 1:
 * enough. */
static size_t take_lines(struct sockets *sockets, size_t file, size_t len, struct role_sockets *ret)
{
	char *start = sockets->buffer;
	char *const end = sockets->buffer + len;

	for (;;) {
		char *newline = memchr(start, '\n', (size_t)(end - start));

		if (!newline)
			return (size_t)(start - sockets->buffer);
		*newline = '\0';
		if (!take_line(sockets, file, start, ret))
			return len + 1;
		start = newline + 1;
	}
}

static int read_file(struct sockets *sockets, size_t file, struct role_sockets *ret)
{
	size_t held = 0;
	off_t offset = 0;

	while (offset < FILE_BYTES_MAX) {
		size_t used;
		ssize_t n = pread(sockets->fds[file], sockets->buffer + held,
			sizeof(sockets->buffer) - held, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		offset += n;
		held += (size_t)n;
		used = take_lines(sockets, file, held, ret);
		if (used > held)
			return 0;
		held -= used;
		memmove(sockets->buffer, sockets->buffer + used, held);
		if (held == sizeof(sockets->buffer)) /* no line is that long */
			held = 0;
	}
	return 0;
}

static void read_range(struct sockets *sockets)
{
	char text[64];
	char *end;
	unsigned long low, high;
	ssize_t n = pread(sockets->range_fd, text, sizeof(text) - 1, 0);

	sockets->range_low = EPHEMERAL_LOW;
	sockets->range_high = EPHEMERAL_HIGH;
	if (n <= 0)
		return;
	text[n] = '\0';
	low = strtoul(text, &end, 10);
	high = strtoul(end, NULL, 10);
	if (low == 0 || high > UINT16_MAX || low > high)
		return;
	sockets->range_low = low;
	sockets->range_high = high;
}

void sockets_refresh(struct sockets *sockets, struct role_sockets *ret)
{
	memset(ret, 0, sizeof(*ret));
	memset(sockets->udp_open, 0, sizeof(sockets->udp_open));
	if (sockets->is_broken)
		return;
	read_range(sockets);
	for (size_t i = 0; i < N_FILES; i++) {
		if (sockets->fds[i] >= 0 && read_file(sockets, i, ret) < 0)
			sockets->is_broken = true;
	}
	for (size_t i = 0; i < sizeof(sockets->udp_open); i++)
		ret->udp_client[i] &= (uint8_t)~sockets->udp_open[i];
	ret->is_known = !sockets->is_broken;
}
