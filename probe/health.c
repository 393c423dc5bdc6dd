/* SPDX-License-Identifier: Apache-2.0 */
#include "health.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PROCESS_NAMESPACE "/proc/self/ns/pid" /* a link to "pid:[4026531836]", namespaces(7) */
#define QUESTION          "nstats-probe: well?"

static int probe_address(struct sockaddr_un *ret, socklen_t *ret_len)
{
	char target[64];
	unsigned long long number;
	ssize_t n = readlink(PROCESS_NAMESPACE, target, sizeof(target) - 1);
	int len;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (sscanf(target, "pid:[%llu]", &number) != 1)
		return -EPROTO;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* A name that begins with NUL is abstract. */
	len = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "nstats-probe.%llu", number);
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
	return 0;
}

int health_open(void)
{
	struct sockaddr_un address;
	socklen_t len = 0;
	int r = probe_address(&address, &len);
	int fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, len) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* An answer to a path would be sent to whatever socket that path names in our file system. */
static bool is_abstract(const struct sockaddr_un *address, socklen_t len)
{
	return len > offsetof(struct sockaddr_un, sun_path) && address->sun_path[0] == '\0';
}

int health_answer(int fd, const char *line)
{
	size_t len = strnlen(line, HEALTH_LINE_LEN - 1);

	for (int i = 0; i < HEALTH_TURN_MAX; i++) {
		char question[HEALTH_LINE_LEN];
		struct sockaddr_un from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, question, sizeof(question), MSG_DONTWAIT | MSG_TRUNC,
			(struct sockaddr *)&from, &from_len);

		if (n < 0)
			return i;
		if (n != HEALTH_LINE_LEN || memcmp(question, QUESTION, sizeof(QUESTION)) != 0 ||
			!is_abstract(&from, from_len))
			continue;
		/* Who does not read goes without. */
		(void)sendto(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from,
			from_len);
	}
	return HEALTH_TURN_MAX;
}

/* With a name of its own, which the kernel chooses: without one there is no way to answer. */
static int socket_connect(void)
{
	struct sockaddr_un address;
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
	socklen_t len = 0;
	int r = probe_address(&address, &len);
	int fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&unnamed, sizeof(unnamed.sun_family)) == 0 &&
		connect(fd, (struct sockaddr *)&address, len) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int64_t left_ms = until_ms - clock_mono_ms();
	int r = poll(&poll_fd, 1, left_ms > 0 ? (int)left_ms : 0);

	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

/* Waits for room, since the probe's queue may be full, then for the answer. */
static int ask(int fd, int wait_ms, char ret[static HEALTH_LINE_LEN])
{
	const char question[HEALTH_LINE_LEN] = QUESTION;
	int64_t until_ms = clock_mono_ms() + wait_ms;
	int r = wait_for(fd, POLLOUT, until_ms);
	ssize_t n;

	if (r < 0)
		return r;
	if (send(fd, question, sizeof(question), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	r = wait_for(fd, POLLIN, until_ms);
	if (r < 0)
		return r;
	n = recv(fd, ret, HEALTH_LINE_LEN - 1, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

static int judge(const char *line)
{
	if (strncmp(line, HEALTH_WELL, strlen(HEALTH_WELL)) == 0)
		return 0;
	return strncmp(line, HEALTH_WAITS, strlen(HEALTH_WAITS)) == 0 ? -ENODATA : -EPROTO;
}

/* Another process may have taken the name: its bytes must not speak to a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

int health_ask(int wait_ms, char ret[static HEALTH_LINE_LEN], char err[static ERR_LEN])
{
	int fd = socket_connect();
	int r = fd < 0 ? fd : ask(fd, wait_ms, ret);

	if (fd >= 0)
		close(fd);
	if (r == 0) {
		make_printable(ret);
		r = judge(ret);
	}
	if (r == -ENODATA)
		snprintf(err, ERR_LEN, "nothing is captured: %.200s", ret + strlen(HEALTH_WAITS));
	else if (r == -ECONNREFUSED)
		snprintf(err, ERR_LEN, "no probe answers here");
	else if (r == -ETIMEDOUT || r == -EAGAIN)
		snprintf(err, ERR_LEN, "no probe answers here within %d ms", wait_ms);
	else if (r < 0)
		snprintf(err, ERR_LEN, "no probe answers here: %s", strerror(-r));
	return r;
}
