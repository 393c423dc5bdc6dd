/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET and HEAD by libmicrohttpd on the loop, and the only file that includes it. A route renders
 * its whole body into a buffer.
 */
#pragma once

#include "err.h"
#include "loop.h"
#include "strbuf.h"

#define HTTP_SERVER_BODY_MAX (64 * 1024 * 1024)

struct http_route {
	const char *path;
	const char *content_type;
	/* Returns the HTTP status. */
	int (*render)(void *ctx, struct strbuf *body);
};

struct http_server;
/* listen: "ADDR:PORT", "[::]:9747" takes IPv4 too. Port 0: one that is free. Keeps routes and ctx.
 */
int http_server_open(struct loop *loop, const char *listen, const struct http_route *routes,
	size_t n_routes, void *ctx, struct http_server **ret, char err[static ERR_LEN]);
void http_server_close(struct http_server *server);
uint16_t http_server_port(const struct http_server *server);
