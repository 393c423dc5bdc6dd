/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server for tests on the test's own loop: it records each request, and answers what the
 * test's function says, byte for byte.
 */
#pragma once

#include "loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SCRIPT_REQUEST_MAX     65536
#define SCRIPT_CONNECTIONS_MAX 8

#define SCRIPT_ENDLESS    "endless"
#define SCRIPT_ENDLESS_OK "endless 200"
#define SCRIPT_SILENT     "silent"
#define SCRIPT_HANG_UP    "Connection: close" /* in an answer: closes behind it */

struct script_connection {
	struct script *script;
	int fd;
	char request[SCRIPT_REQUEST_MAX + 1];
	size_t len;
	bool is_endless;
};

struct script {
	struct loop *loop;
	int fd;
	uint16_t port;
	/* The answer; NULL: close; SCRIPT_SILENT: none; SCRIPT_ENDLESS: 400 with a body without an
	 * end; SCRIPT_ENDLESS_OK: likewise with 200. */
	const char *(*answer)(void *ctx, const char *request);
	void *ctx;
	unsigned n_connections;
	unsigned n_requests;
	uint64_t n_sent;
	char last[SCRIPT_REQUEST_MAX + 1];
	size_t last_body_len;
	const char *last_body; /* in last */
	struct script_connection *connections[SCRIPT_CONNECTIONS_MAX];
};

static inline void script_hang_up(struct script_connection *c)
{
	loop_unwatch(c->script->loop, c->fd);
	close(c->fd);
	c->fd = -1;
}

static inline bool script_is_whole(struct script_connection *c, size_t *ret_body, size_t *ret_len)
{
	const char *end = strstr(c->request, "\r\n\r\n");
	const char *length = strcasestr(c->request, "\r\nContent-Length: ");
	size_t body_len = length ? strtoul(length + 18, NULL, 10) : 0;

	if (!end)
		return false;
	*ret_body = (size_t)(end - c->request) + 4;
	*ret_len = body_len;
	return c->len >= *ret_body + body_len;
}

static inline void script_say(struct script_connection *c, const char *text, size_t len)
{
	ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		c->script->n_sent += (uint64_t)n;
}

static inline void script_reply(struct script_connection *c)
{
	static const char endless[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	static const char endless_ok[] = "HTTP/1.1 200 OK\r\n\r\n";
	struct script *s = c->script;
	const char *answer = s->answer(s->ctx, s->last);

	if (!answer) {
		script_hang_up(c);
		return;
	}
	if (strcmp(answer, SCRIPT_SILENT) == 0)
		return;
	c->is_endless = strncmp(answer, SCRIPT_ENDLESS, strlen(SCRIPT_ENDLESS)) == 0;
	if (c->is_endless)
		answer = strcmp(answer, SCRIPT_ENDLESS) == 0 ? endless : endless_ok;
	script_say(c, answer, strlen(answer));
	if (strstr(answer, SCRIPT_HANG_UP))
		script_hang_up(c);
}

static inline void script_request(struct script_connection *c)
{
	struct script *s = c->script;
	size_t body, body_len;

	if (!script_is_whole(c, &body, &body_len))
		return;
	memcpy(s->last, c->request, c->len + 1);
	s->last_body = s->last + body;
	s->last_body_len = body_len;
	s->n_requests++;
	c->len = 0;
	script_reply(c);
}

static inline void script_ready(void *ctx, uint32_t events)
{
	static char block[65536];
	struct script_connection *c = ctx;
	ssize_t n;

	memset(block, 'x', sizeof(block));
	if (c->is_endless && (events & EPOLLOUT))
		script_say(c, block, sizeof(block));
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(c->fd, c->request + c->len, SCRIPT_REQUEST_MAX - c->len, MSG_DONTWAIT);
	if (n <= 0) {
		script_hang_up(c);
		return;
	}
	c->len += (size_t)n;
	c->request[c->len] = '\0';
	script_request(c);
	if (c->is_endless && c->fd >= 0)
		loop_watch(c->script->loop, c->fd, EPOLLIN | EPOLLOUT, script_ready, c);
}

static inline void script_accept(void *ctx, uint32_t events)
{
	struct script *s = ctx;
	struct script_connection *c;
	int fd = accept(s->fd, NULL, NULL);

	(void)events;
	assert_true(fd >= 0);
	for (size_t i = 0; i < SCRIPT_CONNECTIONS_MAX; i++) {
		c = s->connections[i];
		if (c && c->fd >= 0)
			continue;
		if (!c)
			c = s->connections[i] = malloc(sizeof(*c));
		*c = (struct script_connection){.script = s, .fd = fd};
		s->n_connections++;
		loop_watch(s->loop, fd, EPOLLIN, script_ready, c);
		return;
	}
	fail_msg("too many connections");
}

static inline void script_open(struct script *s, struct loop *loop)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons(s->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int on = 1;

	s->loop = loop;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(s->fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&in, &len), 0);
	s->port = ntohs(in.sin_port);
	loop_watch(loop, s->fd, EPOLLIN, script_accept, s);
}

static inline void script_close(struct script *s)
{
	loop_unwatch(s->loop, s->fd);
	close(s->fd);
	for (size_t i = 0; i < SCRIPT_CONNECTIONS_MAX; i++) {
		struct script_connection *c = s->connections[i];

		if (c && c->fd >= 0)
			script_hang_up(c);
		free(c);
		s->connections[i] = NULL;
	}
}
