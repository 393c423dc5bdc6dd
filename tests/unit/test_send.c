/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/send */
#include "send.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct addr loopback = {.len = 4, .bytes = {127, 0, 0, 1}};
static const struct addr other = {.len = 4, .bytes = {127, 0, 0, 2}};

struct fixture {
	struct sender *sender;
	int collector;
	uint16_t port;
};
static struct fixture fixture;

static void name_of(int fd, struct addr *ret, uint16_t *ret_port)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(&ss, ret, ret_port);
}

static int set_up(void **state)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&loopback, 0, &ss);
	struct addr addr;
	char err[ERR_LEN];

	(void)state;
	fixture.collector = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(fixture.collector, (struct sockaddr *)&ss, len) < 0)
		return -1;
	name_of(fixture.collector, &addr, &fixture.port);
	return sender_open(&fixture.sender, err);
}

static int tear_down(void **state)
{
	(void)state;
	sender_close(fixture.sender);
	close(fixture.collector);
	return 0;
}

static struct packet sent_packet(void)
{
	struct packet packet = {.proto = IPPROTO_UDP, .has_ports = true};
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	char got[16];

	assert_int_equal(sender_send(fixture.sender, (const uint8_t *)"x", 1), SEND_OK);
	assert_int_equal(recvfrom(fixture.collector, got, sizeof(got), MSG_DONTWAIT,
				 (struct sockaddr *)&ss, &len),
		1);
	addr_from_sockaddr(&ss, &packet.src, &packet.src_port);
	packet.dst = loopback;
	packet.dst_port = fixture.port;
	return packet;
}

static struct packet turned(struct packet packet)
{
	struct packet back = packet;

	back.src = packet.dst;
	back.src_port = packet.dst_port;
	back.dst = packet.src;
	back.dst_port = packet.src_port;
	return back;
}

static void without_an_address_nothing_is_sent(void **state)
{
	(void)state;
	assert_int_equal(sender_send(fixture.sender, (const uint8_t *)"x", 1), SEND_NO_PEER);
}

static void a_datagram_arrives_as_it_was(void **state)
{
	char got[16] = {0};

	(void)state;
	assert_int_equal(sender_set_peer(fixture.sender, &loopback, fixture.port), 0);
	assert_int_equal(sender_send(fixture.sender, (const uint8_t *)"hello", 5), SEND_OK);
	assert_int_equal(recv(fixture.collector, got, sizeof(got), MSG_DONTWAIT), 5);
	assert_memory_equal(got, "hello", 5);
}

static void where_nobody_listens_it_is_kept_and_counted(void **state)
{
	const uint8_t data[] = "x";

	(void)state;
	sender_set_peer(fixture.sender, &loopback, fixture.port);
	close(fixture.collector);
	assert_int_equal(sender_send(fixture.sender, data, 1), SEND_OK);
	assert_int_equal(sender_send(fixture.sender, data, 1), SEND_LATER);
	assert_int_equal(sender_errors(fixture.sender), 1);
	fixture.collector = -1;
}

static void its_own_packets_are_known_both_ways(void **state)
{
	struct packet packet;

	(void)state;
	sender_set_peer(fixture.sender, &loopback, fixture.port);
	packet = sent_packet();
	assert_true(sender_owns(fixture.sender, &packet));
	packet = turned(packet);
	assert_true(sender_owns(fixture.sender, &packet));
}

static void another_port_is_not_its_own(void **state)
{
	struct packet packet;

	(void)state;
	sender_set_peer(fixture.sender, &loopback, fixture.port);
	packet = sent_packet();
	packet.src_port ^= 1;
	assert_false(sender_owns(fixture.sender, &packet));
}

static void tcp_to_the_collector_is_not_its_own(void **state)
{
	struct packet packet;

	(void)state;
	sender_set_peer(fixture.sender, &loopback, fixture.port);
	packet = sent_packet();
	packet.proto = IPPROTO_TCP;
	assert_false(sender_owns(fixture.sender, &packet));
}

static void a_fragment_without_ports_is_not_its_own(void **state)
{
	struct packet packet;

	(void)state;
	sender_set_peer(fixture.sender, &loopback, fixture.port);
	packet = sent_packet();
	packet.has_ports = false;
	assert_false(sender_owns(fixture.sender, &packet));
}

static void an_earlier_address_is_remembered(void **state)
{
	struct packet packet;

	(void)state;
	sender_set_peer(fixture.sender, &loopback, fixture.port);
	packet = sent_packet();
	assert_int_equal(sender_set_peer(fixture.sender, &other, fixture.port), 0);
	assert_true(sender_owns(fixture.sender, &packet));
}

static void a_new_address_is_sent_to(void **state)
{
	char got[16];

	(void)state;
	sender_set_peer(fixture.sender, &other, fixture.port);
	sender_set_peer(fixture.sender, &loopback, fixture.port);
	assert_int_equal(sender_send(fixture.sender, (const uint8_t *)"x", 1), SEND_OK);
	assert_int_equal(recv(fixture.collector, got, sizeof(got), MSG_DONTWAIT), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_an_address_nothing_is_sent),
		TEST(a_datagram_arrives_as_it_was),
		TEST(where_nobody_listens_it_is_kept_and_counted),
		TEST(its_own_packets_are_known_both_ways),
		TEST(another_port_is_not_its_own),
		TEST(tcp_to_the_collector_is_not_its_own),
		TEST(a_fragment_without_ports_is_not_its_own),
		TEST(an_earlier_address_is_remembered),
		TEST(a_new_address_is_sent_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
