/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd with its own epoll descriptor, which our loop watches (MHD_USE_EPOLL without a
 * thread: "use MHD_get_daemon_info for the epoll FD, MHD_run when it is readable").
 */
#include "http_server.h"

#include "addr.h"
#include "clock.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define TIMEOUT_S       10
#define BACKLOG         64
#define IDLE_RUN_MS     1000
/* Bodies that slow readers have not taken yet, over all connections; beyond it the answer is 503.
 */
#define BODIES_MAX (2L * HTTP_SERVER_BODY_MAX)

struct http_server {
	struct loop *loop;
	const struct http_route *routes;
	size_t n_routes;
	void *ctx;
	struct MHD_Daemon *daemon;
	int epoll_fd;
	uint16_t port;
	struct loop_timer timer;
	size_t bodies_bytes;
};

/* A rendered body until libmicrohttpd has sent it. */
struct page {
	struct http_server *server;
	struct strbuf body;
};

static void page_free(void *ctx)
{
	struct page *page = ctx;

	page->server->bodies_bytes -= page->body.cap;
	strbuf_done(&page->body);
	free(page);
}

static enum MHD_Result respond_text(
	struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* Takes the page. */
static enum MHD_Result respond_page(struct MHD_Connection *connection, unsigned status,
	const char *content_type, struct page *page)
{
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
		page->body.len, page->body.data, page_free, page);
	enum MHD_Result result;

	if (!response) {
		page_free(page);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result respond_route(struct http_server *server, struct MHD_Connection *connection,
	const struct http_route *route)
{
	bool is_crowded = server->bodies_bytes > BODIES_MAX / 2;
	struct page *page = is_crowded ? NULL : malloc(sizeof(*page));
	int status;

	if (is_crowded)
		return respond_text(
			connection, MHD_HTTP_SERVICE_UNAVAILABLE, "others still read theirs\n");
	if (!page)
		return respond_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
	page->server = server;
	strbuf_init(&page->body, HTTP_SERVER_BODY_MAX);
	status = route->render(server->ctx, &page->body);
	server->bodies_bytes += page->body.cap;
	if (page->body.failed || server->bodies_bytes > BODIES_MAX) {
		page_free(page);
		return respond_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too much to say\n");
	}
	return respond_page(connection, (unsigned)status, route->content_type, page);
}

static const struct http_route *route_find(const struct http_server *server, const char *path)
{
	for (size_t i = 0; i < server->n_routes; i++)
		if (strcmp(server->routes[i].path, path) == 0)
			return &server->routes[i];
	return NULL;
}

/* MHD_AccessHandlerCallback: called with the headers, then again at the end of the request. */
static enum MHD_Result request_arrived(void *ctx, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *upload,
	size_t *upload_len, void **request)
{
	struct http_server *server = ctx;
	const struct http_route *route;

	(void)version;
	(void)upload;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
	if (!*request) {
		*request = server; /* any mark but NULL: the headers have been seen */
		return MHD_YES;
	}
	if (*upload_len) {
		*upload_len = 0;
		return MHD_YES;
	}
	route = route_find(server, path);
	if (!route)
		return respond_text(connection, MHD_HTTP_NOT_FOUND, "not found\n");
	return respond_route(server, connection, route);
}

static void daemon_run(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	MHD_run(server->daemon);
	/* At its limit of connections or descriptors the daemon stops listening, and listens again
	 * in a later MHD_run only, for which it asks neither by a timeout nor by its descriptor. */
	if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES || timeout_ms > IDLE_RUN_MS)
		timeout_ms = IDLE_RUN_MS;
	loop_timer_set(server->loop, &server->timer, clock_mono_ms() + (int64_t)timeout_ms);
}

static void daemon_ready(void *ctx, uint32_t events)
{
	(void)events;
	daemon_run(ctx);
}

static void timer_fired(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	daemon_run(ctx);
}

/* "ADDR:0" asks for a free port, which addr_split_host does not know. */
static int listen_parse(const char *listen, struct addr *ret_addr, uint16_t *ret_port)
{
	size_t len = strlen(listen);
	char text[ADDR_HOST_LEN + 8];
	char host[ADDR_HOST_LEN];
	uint16_t port = 0;
	bool is_any_port = len > 2 && strcmp(listen + len - 2, ":0") == 0 && listen[len - 3] != ':';

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, listen, len + 1);
	if (is_any_port)
		text[len - 2] = '\0';
	if (addr_split_host(text, 0, host, &port) < 0 || is_any_port != (port == 0))
		return -EINVAL;
	if (addr_parse(host, ret_addr) < 0)
		return -EINVAL;
	*ret_port = port;
	return 0;
}

static int socket_bind(int fd, const struct addr *addr, uint16_t port, uint16_t *ret_port)
{
	static const int off = 0, on = 1;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(addr, port, &ss);
	struct addr bound;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (addr->len == 16)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	addr_from_sockaddr(&ss, &bound, ret_port);
	return 0;
}

/* The descriptor, or -errno. */
static int socket_open(const struct addr *addr, uint16_t port, uint16_t *ret_port)
{
	int family = addr->len == 16 ? AF_INET6 : AF_INET;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = socket_bind(fd, addr, port, ret_port);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

/* A kernel without IPv6 takes "[::]" as "0.0.0.0". */
static int socket_open_any(const struct addr *addr, uint16_t port, uint16_t *ret_port)
{
	static const struct addr any_v6 = {.len = 16};
	static const struct addr any_v4 = {.len = 4};
	int fd = socket_open(addr, port, ret_port);

	if (fd == -EAFNOSUPPORT && addr_equal(addr, &any_v6))
		return socket_open(&any_v4, port, ret_port);
	return fd;
}

/* Where this fails libmicrohttpd may have closed the socket or not: it is left to the exit that
 * follows. */
static int daemon_start(struct http_server *server, int fd)
{
	const union MHD_DaemonInfo *info;

	server->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, request_arrived, server,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
		MHD_OPTION_END);
	if (!server->daemon)
		return -ENOMEM;
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -ENOTSUP;
	server->epoll_fd = info->epoll_fd;
	return loop_watch(server->loop, server->epoll_fd, EPOLLIN, daemon_ready, server);
}

int http_server_open(struct loop *loop, const char *listen, const struct http_route *routes,
	size_t n_routes, void *ctx, struct http_server **ret, char err[static ERR_LEN])
{
	struct http_server *server;
	struct addr addr;
	uint16_t port;
	int r;

	if (listen_parse(listen, &addr, &port) < 0) {
		snprintf(err, ERR_LEN,
			"--http: '%.100s' is not ADDR:PORT with a numeric address and a port of "
			"1 to 65535",
			listen);
		return -EINVAL;
	}
	server = calloc(1, sizeof(*server));
	if (!server) {
		snprintf(err, ERR_LEN, "HTTP server: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	*server = (struct http_server){.loop = loop,
		.routes = routes,
		.n_routes = n_routes,
		.ctx = ctx,
		.epoll_fd = -1,
		.timer = {.fn = timer_fired, .ctx = server}};
	r = socket_open_any(&addr, port, &server->port);
	if (r >= 0)
		r = daemon_start(server, r);
	if (r < 0) {
		snprintf(err, ERR_LEN, "--http: cannot listen on '%.100s': %s", listen,
			strerror(-r));
		http_server_close(server);
		return r;
	}
	*ret = server;
	return 0;
}

void http_server_close(struct http_server *server)
{
	if (!server)
		return;
	if (server->epoll_fd >= 0)
		loop_unwatch(server->loop, server->epoll_fd);
	loop_timer_cancel(server->loop, &server->timer);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}
