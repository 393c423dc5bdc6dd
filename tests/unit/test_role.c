/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/role */
#include "role.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct role_sockets sockets;

static int listen_on_8080(void **state)
{
	(void)state;
	memset(&sockets, 0, sizeof(sockets));
	sockets.is_known = true;
	sockets.tcp_listen[8080 / 8] |= 1 << (8080 % 8);
	sockets.udp_bound[53 / 8] |= 1 << (53 % 8);
	sockets.udp_client[40053 / 8] |= 1 << (40053 % 8);
	return 0;
}

static struct packet tcp(uint8_t flags, uint16_t src_port, uint16_t dst_port)
{
	return (struct packet){
		.proto = 6,
		.has_ports = true,
		.src_port = src_port,
		.dst_port = dst_port,
		.has_tcp = true,
		.tcp_flags = flags,
	};
}

static struct packet udp(uint16_t src_port, uint16_t dst_port)
{
	struct packet p = tcp(0, src_port, dst_port);

	p.proto = 17;
	p.has_tcp = false;
	return p;
}

static void who_sends_the_syn_is_the_client(void **state)
{
	struct packet p = tcp(PACKET_TCP_SYN, 80, 8080);
	bool guessed = true;

	(void)state;
	assert_int_equal(role_of(&sockets, &p, PACKET_OUT, &guessed), ROLE_CLIENT);
	assert_false(guessed);
	assert_int_equal(role_of(NULL, &p, PACKET_IN, &guessed), ROLE_SERVER);
	assert_false(guessed);
}

static void who_sends_the_syn_ack_is_the_server(void **state)
{
	struct packet p = tcp(PACKET_TCP_SYN | PACKET_TCP_ACK, 40000, 80);
	bool guessed;

	(void)state;
	assert_int_equal(role_of(NULL, &p, PACKET_OUT, &guessed), ROLE_SERVER);
	assert_int_equal(role_of(&sockets, &p, PACKET_IN, &guessed), ROLE_CLIENT);
}

static void without_a_syn_the_listening_port_tells(void **state)
{
	struct packet in = tcp(PACKET_TCP_ACK, 80, 8080);
	struct packet out = tcp(PACKET_TCP_ACK, 8080, 80);
	struct packet other = tcp(PACKET_TCP_ACK, 80, 9090);
	bool guessed = true;

	(void)state;
	assert_int_equal(role_of(&sockets, &in, PACKET_IN, &guessed), ROLE_SERVER);
	assert_int_equal(role_of(&sockets, &out, PACKET_OUT, &guessed), ROLE_SERVER);
	assert_int_equal(role_of(&sockets, &other, PACKET_OUT, &guessed), ROLE_CLIENT);
	assert_false(guessed);
}

static void without_sockets_the_smaller_port_is_a_guess(void **state)
{
	struct packet p = tcp(PACKET_TCP_ACK, 40000, 443);
	struct packet equal = tcp(PACKET_TCP_ACK, 179, 179);
	bool guessed = false;

	(void)state;
	assert_int_equal(role_of(NULL, &p, PACKET_OUT, &guessed), ROLE_CLIENT);
	assert_true(guessed);
	assert_int_equal(role_of(NULL, &p, PACKET_IN, &guessed), ROLE_SERVER);
	assert_int_equal(role_of(NULL, &equal, PACKET_IN, &guessed), ROLE_CLIENT);
	sockets.is_known = false;
	guessed = false;
	assert_int_equal(role_of(&sockets, &p, PACKET_OUT, &guessed), ROLE_CLIENT);
	assert_true(guessed);
}

static void a_bound_udp_port_serves_whoever_spoke_first(void **state)
{
	struct packet p = udp(53, 40000);
	bool guessed = true;

	(void)state;
	assert_int_equal(role_of(&sockets, &p, PACKET_OUT, &guessed), ROLE_SERVER);
	assert_false(guessed);
}

static void a_connected_udp_port_is_a_client_whoever_is_heard_first(void **state)
{
	struct packet p = udp(443, 40053);
	bool guessed = true;

	(void)state;
	assert_int_equal(role_of(&sockets, &p, PACKET_IN, &guessed), ROLE_CLIENT);
	assert_false(guessed);
	sockets.is_known = false;
	assert_int_equal(role_of(&sockets, &p, PACKET_IN, &guessed), ROLE_SERVER);
}

static void else_who_speaks_first_is_the_client(void **state)
{
	struct packet p = udp(40000, 53);
	struct packet icmp = {.proto = 1};
	bool guessed = true;

	(void)state;
	assert_int_equal(role_of(&sockets, &p, PACKET_OUT, &guessed), ROLE_CLIENT);
	assert_int_equal(role_of(NULL, &p, PACKET_IN, &guessed), ROLE_SERVER);
	assert_int_equal(role_of(&sockets, &icmp, PACKET_OUT, &guessed), ROLE_CLIENT);
	assert_int_equal(role_of(NULL, &icmp, PACKET_IN, &guessed), ROLE_SERVER);
	assert_false(guessed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_sends_the_syn_is_the_client, listen_on_8080),
		cmocka_unit_test_setup(who_sends_the_syn_ack_is_the_server, listen_on_8080),
		cmocka_unit_test_setup(without_a_syn_the_listening_port_tells, listen_on_8080),
		cmocka_unit_test_setup(without_sockets_the_smaller_port_is_a_guess, listen_on_8080),
		cmocka_unit_test_setup(a_bound_udp_port_serves_whoever_spoke_first, listen_on_8080),
		cmocka_unit_test_setup(
			a_connected_udp_port_is_a_client_whoever_is_heard_first, listen_on_8080),
		cmocka_unit_test_setup(else_who_speaks_first_is_the_client, listen_on_8080),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
