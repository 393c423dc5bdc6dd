/* SPDX-License-Identifier: Apache-2.0 */
#include "healthcheck.h"

#include "addr.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 2048 /* head and body; more is not read */

/* HTTP/1.0: the answer ends with the connection, and is in one piece. */
static const char request[] = "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";

struct exchange {
	int fd;
	int64_t until_ms; /* monotonic */
	char answer[ANSWER_MAX];
	size_t len;
};

static int parse_target(const char *http, struct addr *ret, uint16_t *ret_port)
{
	static const struct addr any_v4 = {.len = 4}, any_v6 = {.len = 16};
	char host[ADDR_HOST_LEN];
	struct addr addr;
	uint16_t port;

	if (addr_split_host(http, 0, host, &port) < 0 || port == 0 || addr_parse(host, &addr) < 0)
		return -EINVAL;
	/* "[::]" takes IPv4 too (http_server.h), and 127.0.0.1 is there also where IPv6 is not. */
	if (addr_equal(&addr, &any_v4) || addr_equal(&addr, &any_v6))
		addr = addr_v4((const uint8_t[]){127, 0, 0, 1});
	*ret = addr;
	*ret_port = port;
	return 0;
}

static int wait_for(const struct exchange *exchange, short events)
{
	struct pollfd fd = {.fd = exchange->fd, .events = events};
	int64_t left_ms = exchange->until_ms - clock_mono_ms();
	int r = poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0);

	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

static int connect_to(struct exchange *exchange, const struct addr *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(addr, port, &ss);
	int code = 0;
	socklen_t code_len = sizeof(code);
	int r;

	exchange->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (exchange->fd < 0)
		return -errno;
	if (connect(exchange->fd, (struct sockaddr *)&ss, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = wait_for(exchange, POLLOUT);
	if (r == 0 && getsockopt(exchange->fd, SOL_SOCKET, SO_ERROR, &code, &code_len) < 0)
		r = -errno;
	return r < 0 ? r : -code;
}

/* Until the other end closes, or what we take is full. */
static int read_answer(struct exchange *exchange)
{
	while (exchange->len < ANSWER_MAX - 1) {
		int r = wait_for(exchange, POLLIN);
		ssize_t n;

		if (r < 0)
			return r;
		n = recv(exchange->fd, exchange->answer + exchange->len,
			ANSWER_MAX - 1 - exchange->len, 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		exchange->len += n > 0 ? (size_t)n : 0;
	}
	exchange->answer[exchange->len] = '\0';
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" and lines up to an empty one; the status, or -EPROTO. */
static int parse_answer(const char *answer, char ret_line[static HEALTHCHECK_LINE_LEN])
{
	const char *body = strstr(answer, "\r\n\r\n");
	const char *status = answer + strlen("HTTP/1.x ");

	if (!body || strncmp(answer, "HTTP/1.", strlen("HTTP/1.")) != 0 || status + 3 > body ||
		!is_digit(status[0]) || !is_digit(status[1]) || !is_digit(status[2]))
		return -EPROTO;
	body += strlen("\r\n\r\n");
	snprintf(ret_line, HEALTHCHECK_LINE_LEN, "%.*s", (int)strcspn(body, "\r\n"), body);
	for (char *p = ret_line; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return (status[0] - '0') * 100 + (status[1] - '0') * 10 + status[2] - '0';
}

static int ask(struct exchange *exchange, const struct addr *addr, uint16_t port,
	char ret_line[static HEALTHCHECK_LINE_LEN])
{
	int r = connect_to(exchange, addr, port);

	if (r < 0)
		return r;
	/* A new connection's buffer takes it whole. */
	if (send(exchange->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return -errno;
	r = read_answer(exchange);
	return r < 0 ? r : parse_answer(exchange->answer, ret_line);
}

int healthcheck_ask(const char *http, int wait_ms, char ret_line[static HEALTHCHECK_LINE_LEN],
	char err[static ERR_LEN])
{
	struct exchange exchange = {.fd = -1, .until_ms = clock_mono_ms() + wait_ms};
	char text[ADDR_STRLEN];
	struct addr addr;
	uint16_t port;
	int r;

	if (parse_target(http, &addr, &port) < 0) {
		snprintf(err, ERR_LEN, "--http: '%.100s' is not ADDR:PORT with a numeric address",
			http);
		return -EINVAL;
	}
	r = ask(&exchange, &addr, port, ret_line);
	if (exchange.fd >= 0)
		close(exchange.fd);
	if (r >= 0)
		return r;
	addr_format(&addr, text);
	snprintf(err, ERR_LEN, "no collector answers at %s port %u: %s", text, port,
		r == -EPROTO ? "that is no HTTP answer" : strerror(-r));
	return r;
}
