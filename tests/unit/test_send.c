/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/send */
#include "send.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
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

static int refusal; /* errno of each send(2); 0: none */

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	if (refusal == 0)
		return sendto(fd, data, len, flags, NULL, 0);
	errno = refusal;
	return -1;
}

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

/* What the kernel may say of a datagram, send(2), udp(7), ip(7): all of it may pass. */
static void whatever_the_kernel_says_of_a_datagram_it_is_to_be_sent_later(void **state)
{
	static const struct {
		int error;
		bool is_counted;
	} table[] = {{EAGAIN, false}, {EINTR, false}, {ENOBUFS, true}, {ENOMEM, true},
		{ENETUNREACH, true}, {EHOSTUNREACH, true}, {ENETDOWN, true}, {EACCES, true},
		{EPERM, true}, {EINVAL, true}, {ECONNREFUSED, true}, {EMSGSIZE, true}};
	uint64_t n_errors = 0;

	(void)state;
	sender_set_peer(fixture.sender, &loopback, fixture.port);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		refusal = table[i].error;
		assert_int_equal(sender_send(fixture.sender, (const uint8_t *)"x", 1), SEND_LATER);
		n_errors += table[i].is_counted;
		assert_int_equal(sender_errors(fixture.sender), n_errors);
		refusal = 0;
		assert_int_equal(sender_send(fixture.sender, (const uint8_t *)"x", 1), SEND_OK);
	}
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

/* The next own packet to the peer, as the kernel would show it. */
static struct packet connected(void)
{
	assert_int_equal(sender_set_peer(fixture.sender, &loopback, fixture.port), 0);
	return sent_packet();
}

static void a_renewed_one_has_another_port_and_still_owns_the_old(void **state)
{
	struct packet packet = connected(), renewed;

	(void)state;
	/* The kernel draws at random: it may draw the same one again, once. */
	for (int i = 0; i < 3; i++) {
		sender_renew(fixture.sender);
		renewed = sent_packet();
		if (renewed.src_port != packet.src_port)
			break;
	}
	assert_int_not_equal(renewed.src_port, packet.src_port);
	assert_true(sender_owns(fixture.sender, &renewed));
	assert_true(sender_owns(fixture.sender, &packet));
	packet = turned(packet);
	assert_true(sender_owns(fixture.sender, &packet));
}

static void a_renewed_one_sends_and_receives(void **state)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint8_t got[16];

	(void)state;
	connected();
	sender_renew(fixture.sender);
	assert_int_equal(sender_send(fixture.sender, (const uint8_t *)"hello", 5), SEND_OK);
	assert_int_equal(recvfrom(fixture.collector, got, sizeof(got), MSG_DONTWAIT,
				 (struct sockaddr *)&from, &len),
		5);
	assert_int_equal(sendto(fixture.collector, "ack", 3, 0, (struct sockaddr *)&from, len), 3);
	assert_int_equal(sender_receive(fixture.sender, got, sizeof(got)), 3);
	assert_int_equal(sender_receive(fixture.sender, got, sizeof(got)), 0);
}

static void without_an_address_a_renewal_does_nothing(void **state)
{
	uint8_t got[16];

	(void)state;
	sender_renew(fixture.sender);
	assert_int_equal(sender_fd(fixture.sender), -1);
	assert_int_equal(sender_receive(fixture.sender, got, sizeof(got)), 0);
}

static void where_the_same_port_was_its_own_towards_another_the_peer_decides(void **state)
{
	struct packet packet = connected();

	(void)state;
	/* From a port that we hold to one that we hold: only the peer's end tells. */
	packet.dst_port = packet.src_port;
	assert_false(sender_owns(fixture.sender, &packet));
	packet = turned(sent_packet());
	packet.src_port = sent_packet().src_port;
	assert_false(sender_owns(fixture.sender, &packet));
}

static bool is_ready(void)
{
	struct pollfd polled = {.fd = sender_fd(fixture.sender), .events = POLLIN};

	return poll(&polled, 1, 0) > 0;
}

/* poll(2) reports an ICMP error whether asked or not: unread, it would not let anybody sleep. */
static void a_refusal_is_taken_from_the_socket(void **state)
{
	uint8_t got[16];

	(void)state;
	connected();
	close(fixture.collector);
	fixture.collector = -1;
	assert_int_equal(sender_send(fixture.sender, got, 1), SEND_OK);
	assert_true(is_ready());
	assert_int_equal(sender_receive(fixture.sender, got, sizeof(got)), 0);
	assert_false(is_ready());
	assert_int_equal(sender_send(fixture.sender, got, 1), SEND_OK);
}

static void reply(const void *data, size_t len)
{
	const struct packet packet = sent_packet();
	struct sockaddr_storage ss;
	socklen_t ss_len = addr_to_sockaddr(&packet.src, packet.src_port, &ss);

	assert_int_equal(
		sendto(fixture.collector, data, len, 0, (struct sockaddr *)&ss, ss_len), len);
}

static void empty_datagrams_are_passed_over(void **state)
{
	uint8_t got[16];

	(void)state;
	connected();
	reply("", 0);
	reply("", 0);
	reply("ack", 3);
	assert_int_equal(sender_receive(fixture.sender, got, sizeof(got)), 3);
}

static void a_flood_of_empty_datagrams_ends_each_turn(void **state)
{
	uint8_t got[16];
	unsigned n_turns = 0;

	(void)state;
	connected();
	for (int i = 0; i < 100; i++)
		reply("", 0);
	for (; is_ready(); n_turns++)
		assert_int_equal(sender_receive(fixture.sender, got, sizeof(got)), 0);
	assert_true(n_turns > 1 && n_turns < 100);
}

static void one_that_is_too_long_is_cut_and_strangers_are_not_heard(void **state)
{
	struct sockaddr_storage ss;
	struct packet packet = connected();
	socklen_t len = addr_to_sockaddr(&packet.src, packet.src_port, &ss);
	int stranger = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t got[4];

	(void)state;
	assert_int_equal(sendto(stranger, "x", 1, 0, (struct sockaddr *)&ss, len), 1);
	close(stranger);
	reply("longer", 6);
	assert_int_equal(sender_receive(fixture.sender, got, sizeof(got)), 4);
	assert_int_equal(sender_receive(fixture.sender, got, sizeof(got)), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_an_address_nothing_is_sent),
		TEST(a_datagram_arrives_as_it_was),
		TEST(where_nobody_listens_it_is_kept_and_counted),
		TEST(whatever_the_kernel_says_of_a_datagram_it_is_to_be_sent_later),
		TEST(its_own_packets_are_known_both_ways),
		TEST(another_port_is_not_its_own),
		TEST(tcp_to_the_collector_is_not_its_own),
		TEST(a_fragment_without_ports_is_not_its_own),
		TEST(an_earlier_address_is_remembered),
		TEST(a_new_address_is_sent_to),
		TEST(a_renewed_one_has_another_port_and_still_owns_the_old),
		TEST(a_renewed_one_sends_and_receives),
		TEST(without_an_address_a_renewal_does_nothing),
		TEST(where_the_same_port_was_its_own_towards_another_the_peer_decides),
		TEST(a_refusal_is_taken_from_the_socket),
		TEST(empty_datagrams_are_passed_over),
		TEST(a_flood_of_empty_datagrams_ends_each_turn),
		TEST(one_that_is_too_long_is_cut_and_strangers_are_not_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
