/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question goes to one server at a time, each try to the next one, and is over when a server has
 * answered it or all tries are used. Then comes the next question: A, AAAA, then the same for the
 * next name of the search list. After the last one it starts again, later.
 */
#include "resolve.h"

#include "resolve_files.h"
#include "resolve_message.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#define HOSTS_PATH  "/etc/hosts"
#define RESOLV_PATH "/etc/resolv.conf"
#define DNS_PORT    53
#define ADDRS_MAX   16
#define READS_MAX   16 /* datagrams of a server, a step */
#define STEPS_MAX   64 /* questions asked in a step, where answers come at once */
#define ROUNDS      2
#define TRY_MS      1000
#define AGAIN_MS    5000
#define REFRESH_MS  30000
#define NEVER_MS    60000

struct server {
	int fd;
	bool is_connected;
	struct addr addr;
	uint16_t local_port;
};

struct resolver {
	char host[ADDR_HOST_LEN];
	bool is_fixed; /* numeric, or in the hosts file: nothing is ever asked */
	struct resolve_files files;
	struct server servers[RESOLVE_SERVERS_MAX];
	int epoll_fd; /* only stands for the servers' sockets in the caller's poll(2) */

	struct addr addr;
	bool has_new;
	bool has_failed; /* a round, while there is no address */
	bool is_told;    /* of that */
	bool is_suspect; /* another address is better than the same */

	bool is_asking;
	size_t candidate;
	char name[ADDR_HOST_LEN];
	uint16_t type;
	uint16_t id;
	size_t n_tries;
	size_t first;   /* the server that answered last: a dead one costs its second only once */
	int64_t due_ms; /* the next try; while nothing is asked, the next round */
};

/* There may be no route yet: tried again at each question. */
static void connect_server(struct server *server)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&server->addr, DNS_PORT, &ss);
	struct addr local;

	if (server->fd < 0 || connect(server->fd, (struct sockaddr *)&ss, len) < 0)
		return;
	len = sizeof(ss);
	memset(&ss, 0, sizeof(ss));
	if (getsockname(server->fd, (struct sockaddr *)&ss, &len) < 0)
		return;
	addr_from_sockaddr(&ss, &local, &server->local_port);
	server->is_connected = true;
}

static int open_server(struct resolver *resolver, struct server *server)
{
	struct epoll_event event = {.events = EPOLLIN};
	int family = server->addr.len == 4 ? AF_INET : AF_INET6;

	server->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0) /* no IPv6 here: the other servers may do */
		return errno == EAFNOSUPPORT ? 0 : -errno;
	if (epoll_ctl(resolver->epoll_fd, EPOLL_CTL_ADD, server->fd, &event) < 0)
		return -errno;
	connect_server(server);
	return 0;
}

static int open_servers(struct resolver *resolver)
{
	resolver->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (resolver->epoll_fd < 0)
		return -errno;
	for (size_t i = 0; i < resolver->files.n_servers; i++) {
		int r;

		resolver->servers[i].addr = resolver->files.servers[i];
		r = open_server(resolver, &resolver->servers[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int resolver_open(const char *host, struct resolver **ret, char err[static ERR_LEN])
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int r;

	if (!resolver) {
		snprintf(err, ERR_LEN, "resolver: out of memory");
		return -ENOMEM;
	}
	resolver->epoll_fd = -1;
	for (size_t i = 0; i < RESOLVE_SERVERS_MAX; i++)
		resolver->servers[i].fd = -1;
	if (snprintf(resolver->host, sizeof(resolver->host), "%s", host) >=
		(int)sizeof(resolver->host)) {
		r = -EINVAL;
		goto fail;
	}
	resolver->is_fixed = addr_parse(host, &resolver->addr) == 0 ||
			     resolve_files_find_host(HOSTS_PATH, host, &resolver->addr);
	resolver->has_new = resolver->is_fixed;
	if (!resolver->is_fixed) {
		resolve_files_read(RESOLV_PATH, &resolver->files);
		r = open_servers(resolver);
		if (r < 0)
			goto fail;
	}
	*ret = resolver;
	return 0;

fail:
	snprintf(err, ERR_LEN, "resolver for '%.100s': %s", host, strerror(-r));
	resolver_close(resolver);
	return r;
}

void resolver_close(struct resolver *resolver)
{
	if (!resolver)
		return;
	for (size_t i = 0; i < RESOLVE_SERVERS_MAX; i++)
		if (resolver->servers[i].fd >= 0)
			close(resolver->servers[i].fd);
	if (resolver->epoll_fd >= 0)
		close(resolver->epoll_fd);
	free(resolver);
}

int resolver_fd(const struct resolver *resolver)
{
	return resolver->epoll_fd;
}

static void end_round(struct resolver *resolver, int64_t due_ms)
{
	resolver->is_asking = false;
	resolver->due_ms = due_ms;
}

static void start_question(struct resolver *resolver, int64_t now_ms)
{
	uint16_t id = 0;

	/* Without GRND_NONBLOCK this could wait at boot; a connected socket is the other guard. */
	(void)!getrandom(&id, sizeof(id), GRND_NONBLOCK);
	resolver->id = id;
	resolver->n_tries = 0;
	resolver->due_ms = now_ms;
}

/* AAAA after A, then the next name. */
static void next_question(struct resolver *resolver, int64_t now_ms)
{
	if (resolver->type == DNS_TYPE_A) {
		resolver->type = DNS_TYPE_AAAA;
		start_question(resolver, now_ms);
		return;
	}
	resolver->candidate++;
	resolver->type = DNS_TYPE_A;
	if (!resolve_files_candidate(
		    &resolver->files, resolver->host, resolver->candidate, resolver->name)) {
		resolver->has_failed = resolver->addr.len == 0 && !resolver->is_told;
		end_round(resolver, now_ms + AGAIN_MS);
		return;
	}
	start_question(resolver, now_ms);
}

static void start_round(struct resolver *resolver, int64_t now_ms)
{
	resolver->is_asking = true;
	resolver->candidate = 0;
	resolver->type = DNS_TYPE_A;
	(void)resolve_files_candidate(&resolver->files, resolver->host, 0, resolver->name);
	start_question(resolver, now_ms);
}

/* Servers rotate the order of their answers: the address that we use stays while it is among them.
 */
static void take_addresses(
	struct resolver *resolver, const struct addr *addrs, size_t n, int64_t now_ms)
{
	const struct addr *chosen = &addrs[0];

	for (size_t i = 0; i < n; i++) {
		if (addr_equal(&addrs[i], &resolver->addr) != resolver->is_suspect) {
			chosen = &addrs[i];
			break;
		}
	}
	if (!addr_equal(chosen, &resolver->addr)) {
		resolver->addr = *chosen;
		resolver->has_new = true;
	}
	resolver->is_suspect = false;
	end_round(resolver, now_ms + REFRESH_MS);
}

static void take_answer(
	struct resolver *resolver, size_t server, const uint8_t *data, size_t len, int64_t now_ms)
{
	struct addr addrs[ADDRS_MAX];
	size_t n = 0;

	switch (resolve_message_read(
		data, len, resolver->name, resolver->type, resolver->id, addrs, ADDRS_MAX, &n)) {
	case RESOLVE_MESSAGE_OK:
		resolver->first = server;
		take_addresses(resolver, addrs, n, now_ms);
		break;
	case RESOLVE_MESSAGE_EMPTY:
		resolver->first = server;
		next_question(resolver, now_ms);
		break;
	case RESOLVE_MESSAGE_FAILED:
		resolver->due_ms = now_ms; /* the next server */
		break;
	case RESOLVE_MESSAGE_NOT_OURS:
	case RESOLVE_MESSAGE_MALFORMED:
		break;
	}
}

static void read_answers(struct resolver *resolver, size_t server, int64_t now_ms)
{
	uint8_t data[RESOLVE_MESSAGE_MAX];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = recv(resolver->servers[server].fd, data, sizeof(data), 0);

		if (n < 0 && (errno == EAGAIN || errno == EBADF))
			return;
		if (n > 0 && resolver->is_asking)
			take_answer(resolver, server, data, (size_t)n, now_ms);
	}
}

/* Sends the question to the server whose turn it is, or gives the question up. */
static void try_question(struct resolver *resolver, int64_t now_ms)
{
	size_t n_servers = resolver->files.n_servers;
	uint8_t data[RESOLVE_MESSAGE_MAX];
	struct server *server;
	size_t len = 0;

	assert(n_servers > 0); /* resolve_files_read */
	server = &resolver->servers[(resolver->first + resolver->n_tries) % n_servers];
	if (resolver->name[0] != '\0')
		len = resolve_message_write(resolver->name, resolver->type, resolver->id, data);
	if (len == 0 || resolver->n_tries >= ROUNDS * n_servers) {
		next_question(resolver, now_ms);
		return;
	}
	resolver->n_tries++;
	resolver->due_ms = now_ms + TRY_MS;
	if (!server->is_connected)
		connect_server(server);
	if (server->is_connected)
		(void)!send(server->fd, data, len, MSG_NOSIGNAL);
}

int64_t resolver_step(struct resolver *resolver, int64_t now_ms)
{
	if (resolver->is_fixed)
		return now_ms + NEVER_MS;
	for (size_t i = 0; i < resolver->files.n_servers; i++)
		read_answers(resolver, i, now_ms);
	if (!resolver->is_asking && now_ms >= resolver->due_ms)
		start_round(resolver, now_ms);
	for (int i = 0; i < STEPS_MAX && resolver->is_asking && now_ms >= resolver->due_ms; i++)
		try_question(resolver, now_ms);
	return resolver->due_ms;
}

bool resolver_take_address(struct resolver *resolver, struct addr *ret)
{
	if (!resolver->has_new)
		return false;
	resolver->has_new = false;
	*ret = resolver->addr;
	return true;
}

bool resolver_take_failure(struct resolver *resolver)
{
	if (!resolver->has_failed)
		return false;
	resolver->has_failed = false;
	resolver->is_told = true;
	return true;
}

void resolver_ask_again(struct resolver *resolver, int64_t now_ms)
{
	if (resolver->is_fixed)
		return;
	resolver->is_suspect = true;
	if (!resolver->is_asking)
		resolver->due_ms = now_ms;
}

bool resolver_owns(const struct resolver *resolver, const struct packet *packet)
{
	if (packet->proto != IPPROTO_UDP || !packet->has_ports)
		return false;
	for (size_t i = 0; i < resolver->files.n_servers; i++) {
		const struct server *server = &resolver->servers[i];

		if (!server->is_connected)
			continue;
		if (packet->src_port == server->local_port && packet->dst_port == DNS_PORT &&
			addr_equal(&packet->dst, &server->addr))
			return true;
		if (packet->dst_port == server->local_port && packet->src_port == DNS_PORT &&
			addr_equal(&packet->src, &server->addr))
			return true;
	}
	return false;
}
