/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/sockets */
#include "sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY                                                                                       \
	900 /* lines of /proc/net/udp: several times the reader's buffer, below RLIMIT_NOFILE */

static struct sockets *sockets;
static struct role_sockets seen;

static int open_sockets(void **state)
{
	char err[ERR_LEN];

	(void)state;
	return sockets_open(&sockets, err);
}

static int close_sockets(void **state)
{
	(void)state;
	sockets_close(sockets);
	return 0;
}

/* On loopback; port 0: one that the kernel chooses. */
static int bound_socket(int family, int type, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(family, type, 0);
	int r;

	if (fd < 0)
		return -1;
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v6.sin6_addr = in6addr_loopback;
	r = family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
			      : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (r == 0)
		return fd;
	close(fd);
	return -1;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 v6 = {0}; /* the port stands at the same place in both families */
	socklen_t len = sizeof(v6);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&v6, &len), 0);
	return ntohs(v6.sin6_port);
}

/* Below any usual ip_local_port_range. */
static int bound_below_ephemeral(int family, uint16_t *ret_port)
{
	for (uint16_t port = 20000; port < 20100; port++) {
		int fd = bound_socket(family, SOCK_DGRAM, port);

		if (fd >= 0) {
			*ret_port = port;
			return fd;
		}
	}
	return -1;
}

static void a_tcp_listener_is_a_server(void **state)
{
	int fd = bound_socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	sockets_refresh(sockets, &seen);
	assert_true(seen.is_known);
	assert_true(role_port_is_set(seen.tcp_listen, port_of(fd)));
	close(fd);
}

static void a_tcp6_listener_is_a_server(void **state)
{
	int fd = bound_socket(AF_INET6, SOCK_STREAM, 0);

	(void)state;
	if (fd < 0) {
		print_message("skipped: there is no IPv6\n");
		skip();
	}
	assert_int_equal(listen(fd, 1), 0);
	sockets_refresh(sockets, &seen);
	assert_true(role_port_is_set(seen.tcp_listen, port_of(fd)));
	close(fd);
}

static void a_closed_listener_is_forgotten(void **state)
{
	int fd = bound_socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port = port_of(fd);

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	sockets_refresh(sockets, &seen);
	close(fd);
	sockets_refresh(sockets, &seen);
	assert_false(role_port_is_set(seen.tcp_listen, port));
}

static void a_connected_tcp_socket_is_no_server(void **state)
{
	int listener = bound_socket(AF_INET, SOCK_STREAM, 0);
	int client = bound_socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = {.sin_family = AF_INET};

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(port_of(listener));
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	sockets_refresh(sockets, &seen);
	assert_false(role_port_is_set(seen.tcp_listen, port_of(client)));
	close(client);
	close(listener);
}

static void a_bound_udp_socket_is_a_server(void **state)
{
	uint16_t port = 0;
	int fd = bound_below_ephemeral(AF_INET, &port);

	(void)state;
	assert_true(fd >= 0);
	sockets_refresh(sockets, &seen);
	assert_true(role_port_is_set(seen.udp_bound, port));
	close(fd);
}

static void a_bound_udp6_socket_is_a_server(void **state)
{
	uint16_t port = 0;
	int fd = bound_below_ephemeral(AF_INET6, &port);

	(void)state;
	if (fd < 0) {
		print_message("skipped: there is no IPv6\n");
		skip();
	}
	sockets_refresh(sockets, &seen);
	assert_true(role_port_is_set(seen.udp_bound, port));
	close(fd);
}

static void connect_to_port_9(int fd)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

static void a_connected_udp_socket_is_no_server(void **state)
{
	uint16_t port = 0;
	int fd = bound_below_ephemeral(AF_INET, &port);

	(void)state;
	connect_to_port_9(fd);
	sockets_refresh(sockets, &seen);
	assert_false(role_port_is_set(seen.udp_bound, port));
	assert_false(role_port_is_set(seen.udp_client, port));
	close(fd);
}

static void a_connected_udp_socket_with_an_ephemeral_port_is_a_client(void **state)
{
	int fd = bound_socket(AF_INET, SOCK_DGRAM, 0);
	uint16_t port = port_of(fd);

	(void)state;
	sockets_refresh(sockets, &seen);
	assert_false(role_port_is_set(seen.udp_client, port));
	connect_to_port_9(fd);
	sockets_refresh(sockets, &seen);
	assert_true(role_port_is_set(seen.udp_client, port));
	assert_false(role_port_is_set(seen.udp_bound, port));
	close(fd);
	sockets_refresh(sockets, &seen);
	assert_false(role_port_is_set(seen.udp_client, port));
}

/* Of two sockets that share an ephemeral port one is connected: the first, or the second. */
static void share_a_port(size_t connected)
{
	const int on = 1;
	struct sockaddr_in name = {.sin_family = AF_INET};
	int fds[2];

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (size_t i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		assert_int_equal(setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
		assert_int_equal(bind(fds[i], (struct sockaddr *)&name, sizeof(name)), 0);
		name.sin_port = htons(port_of(fds[0]));
	}
	connect_to_port_9(fds[connected]);
	sockets_refresh(sockets, &seen);
	close(fds[0]);
	close(fds[1]);
	assert_false(role_port_is_set(seen.udp_client, ntohs(name.sin_port)));
}

static void beside_an_unconnected_one_on_its_port_it_is_not_known(void **state)
{
	(void)state;
	share_a_port(0);
	share_a_port(1);
}

static void an_ephemeral_udp_port_is_no_server(void **state)
{
	int fd = bound_socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	sockets_refresh(sockets, &seen);
	assert_false(role_port_is_set(seen.udp_bound, port_of(fd)));
	close(fd);
}

static void sockets_behind_many_others_are_found(void **state)
{
	static int fds[MANY];
	uint16_t port = 0;
	int last = bound_below_ephemeral(AF_INET, &port);
	int n = 0;

	(void)state;
	while (n < MANY && (fds[n] = bound_socket(AF_INET, SOCK_DGRAM, 0)) >= 0)
		n++;
	sockets_refresh(sockets, &seen);
	assert_true(role_port_is_set(seen.udp_bound, port));
	close(last);
	while (n > 0)
		close(fds[--n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tcp_listener_is_a_server),
		cmocka_unit_test(a_tcp6_listener_is_a_server),
		cmocka_unit_test(a_closed_listener_is_forgotten),
		cmocka_unit_test(a_connected_tcp_socket_is_no_server),
		cmocka_unit_test(a_bound_udp_socket_is_a_server),
		cmocka_unit_test(a_bound_udp6_socket_is_a_server),
		cmocka_unit_test(a_connected_udp_socket_is_no_server),
		cmocka_unit_test(a_connected_udp_socket_with_an_ephemeral_port_is_a_client),
		cmocka_unit_test(beside_an_unconnected_one_on_its_port_it_is_not_known),
		cmocka_unit_test(an_ephemeral_udp_port_is_no_server),
		cmocka_unit_test(sockets_behind_many_others_are_found),
	};

	return cmocka_run_group_tests(tests, open_sockets, close_sockets);
}
