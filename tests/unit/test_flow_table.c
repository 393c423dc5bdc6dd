/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/flow_table probe/name_table probe/name_pool probe/flow_tcp probe/role */
#include "flow_table.h"
#include "packet_of.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US 1000000
#define POD       1
#define PEER      2

static struct packet segment(
	unsigned src, uint16_t src_port, unsigned dst, uint16_t dst_port, uint8_t flags)
{
	struct packet packet = packet_of(IPPROTO_TCP, src, src_port, dst, dst_port);

	packet.has_tcp = true;
	packet.tcp_flags = flags;
	packet.tcp_seq = 1000;
	packet.tcp_ack = 1001;
	return packet;
}

static void add(
	struct flow_table *table, const struct packet *packet, enum packet_way way, int64_t now_us)
{
	flow_table_add(table, PACKET_OK, packet, way, NULL, now_us);
}

static size_t count_flows(const struct flow_table *table)
{
	size_t n = 0;

	for (size_t i = 0; i < flow_table_cap(table); i++)
		n += flow_table_slot(table, i) != NULL;
	return n;
}

static struct counters sum_all(const struct flow_table *table)
{
	const struct flow_remainders *rest = flow_table_remainders(table);
	struct counters sum = {0};

	for (size_t i = 0; i < flow_table_cap(table); i++) {
		const struct flow *flow = flow_table_slot(table, i);

		if (flow)
			counters_add(&sum, &flow->interval);
	}
	for (unsigned proto = 0; proto < 256; proto++)
		for (unsigned role = 0; role < N_ROLES; role++)
			counters_add(&sum, &rest->other[proto][role]);
	counters_add(&sum, &rest->non_ip);
	counters_add(&sum, &rest->malformed);
	return sum;
}

static void both_ways_of_a_connection_are_one_flow(void **state)
{
	struct flow_table *table = flow_table_new(8, 1);
	struct packet out = packet_of(IPPROTO_UDP, POD, 40000, PEER, 53);
	struct packet in = packet_of(IPPROTO_UDP, PEER, 53, POD, 40000);

	(void)state;
	add(table, &out, PACKET_OUT, 0);
	add(table, &in, PACKET_IN, 0);
	add(table, &in, PACKET_IN, 0);
	assert_int_equal(count_flows(table), 1);
	assert_int_equal(flow_table_slot(table, 0)->interval.tx_bytes, 100);
	assert_int_equal(flow_table_slot(table, 0)->interval.rx_bytes, 200);
	assert_int_equal(flow_table_slot(table, 0)->interval.rx_packets, 2);
	flow_table_free(table);
}

static void an_unknown_way_takes_the_first_sender_as_local(void **state)
{
	struct flow_table *table = flow_table_new(8, 1);
	struct packet there = packet_of(IPPROTO_UDP, PEER, 53, POD, 40000);
	struct packet back = packet_of(IPPROTO_UDP, POD, 40000, PEER, 53);

	(void)state;
	add(table, &there, PACKET_WAY_UNKNOWN, 0);
	add(table, &back, PACKET_WAY_UNKNOWN, 0);
	add(table, &there, PACKET_WAY_UNKNOWN, 0);
	assert_int_equal(count_flows(table), 1);
	assert_true(addr_equal(&flow_table_slot(table, 0)->key.local, &there.src));
	assert_int_equal(flow_table_slot(table, 0)->interval.tx_packets, 2);
	assert_int_equal(flow_table_slot(table, 0)->interval.rx_packets, 1);
	flow_table_free(table);
}

static void every_part_of_the_key_makes_another_flow(void **state)
{
	struct flow_table *table = flow_table_new(8, 1);
	const struct packet packets[] = {
		packet_of(IPPROTO_UDP, POD, 40000, PEER, 53),
		packet_of(IPPROTO_TCP, POD, 40000, PEER, 53),
		packet_of(IPPROTO_UDP, POD, 40001, PEER, 53),
		packet_of(IPPROTO_UDP, POD, 40000, PEER, 54),
		packet_of(IPPROTO_UDP, POD, 40000, 3, 53),
		packet_of(IPPROTO_UDP, 3, 40000, PEER, 53),
	};

	(void)state;
	for (size_t i = 0; i < 6; i++)
		add(table, &packets[i], PACKET_OUT, 0);
	assert_int_equal(count_flows(table), 6);
	flow_table_free(table);
}

static void a_packet_without_ports_has_port_zero(void **state)
{
	struct flow_table *table = flow_table_new(8, 1);
	struct packet packet = packet_of(IPPROTO_UDP, POD, 40000, PEER, 53);

	(void)state;
	packet.has_ports = false;
	add(table, &packet, PACKET_OUT, 0);
	assert_int_equal(flow_table_slot(table, 0)->key.local_port, 0);
	assert_int_equal(flow_table_slot(table, 0)->key.remote_port, 0);
	flow_table_free(table);
}

static void what_is_no_good_packet_goes_to_its_remainder(void **state)
{
	struct flow_table *table = flow_table_new(8, 1);
	const struct flow_remainders *rest = flow_table_remainders(table);
	struct packet packet = {.length = 60};

	(void)state;
	flow_table_add(table, PACKET_NOT_IP, &packet, PACKET_OUT, NULL, 0);
	flow_table_add(table, PACKET_NOT_IP, &packet, PACKET_WAY_UNKNOWN, NULL, 0);
	flow_table_add(table, PACKET_TRUNCATED, &packet, PACKET_IN, NULL, 0);
	flow_table_add(table, PACKET_MALFORMED, &packet, PACKET_OUT, NULL, 0);
	assert_int_equal(rest->non_ip.tx_bytes, 60);
	assert_int_equal(rest->non_ip.rx_bytes, 60);
	assert_int_equal(rest->malformed.rx_bytes, 60);
	assert_int_equal(rest->malformed.tx_bytes, 60);
	assert_int_equal(count_flows(table), 0);
	flow_table_free(table);
}

static void a_full_table_sums_by_protocol_and_role(void **state)
{
	struct flow_table *table = flow_table_new(2, 1);
	const struct flow_remainders *rest = flow_table_remainders(table);

	(void)state;
	for (uint16_t i = 0; i < 5; i++) {
		struct packet packet = packet_of(IPPROTO_UDP, POD, (uint16_t)(40000 + i), PEER, 53);

		add(table, &packet, PACKET_OUT, 0);
	}
	assert_int_equal(count_flows(table), 2);
	assert_int_equal(rest->other[IPPROTO_UDP][ROLE_CLIENT].tx_bytes, 300);
	assert_int_equal(flow_table_stats(table)->full_packets, 3);
	flow_table_free(table);
}

static void a_full_table_still_counts_the_flows_that_it_has(void **state)
{
	struct flow_table *table = flow_table_new(1, 1);
	struct packet known = packet_of(IPPROTO_UDP, POD, 40000, PEER, 53);
	struct packet other = packet_of(IPPROTO_UDP, POD, 40001, PEER, 53);

	(void)state;
	add(table, &known, PACKET_OUT, 0);
	add(table, &other, PACKET_OUT, 0);
	add(table, &known, PACKET_OUT, 0);
	assert_int_equal(flow_table_slot(table, 0)->interval.tx_packets, 2);
	flow_table_free(table);
}

static void a_syn_corrects_a_guessed_role(void **state)
{
	struct flow_table *table = flow_table_new(8, 1);
	struct packet early = segment(POD, 80, PEER, 40000, PACKET_TCP_ACK);
	struct packet syn = segment(POD, 80, PEER, 40000, PACKET_TCP_SYN);

	(void)state;
	add(table, &early, PACKET_OUT, 0);
	assert_int_equal(flow_table_slot(table, 0)->role, ROLE_SERVER);
	assert_int_equal(flow_table_stats(table)->role_guessed, 1);
	add(table, &syn, PACKET_OUT, 0);
	assert_int_equal(flow_table_slot(table, 0)->role, ROLE_CLIENT);
	assert_int_equal(flow_table_slot(table, 0)->interval.tx_packets, 2);
	flow_table_free(table);
}

static void an_interval_begins_with_zeros_and_keeps_its_flows(void **state)
{
	struct flow_table *table = flow_table_new(8, 1);
	struct packet packet = packet_of(IPPROTO_UDP, POD, 40000, PEER, 53);

	(void)state;
	add(table, &packet, PACKET_OUT, 0);
	flow_table_add(table, PACKET_NOT_IP, &packet, PACKET_OUT, NULL, 0);
	flow_table_next_interval(table, 10 * SECOND_US);
	assert_int_equal(count_flows(table), 1);
	assert_int_equal(sum_all(table).tx_bytes, 0);
	assert_int_equal(sum_all(table).tx_packets, 0);
	flow_table_free(table);
}

/* Flows that are left when the interval ends `later` after the packets, of a table with room. */
static size_t flows_left(const struct packet *packets, size_t n, int64_t later_us)
{
	struct flow_table *table = flow_table_new(8, 1);
	size_t left;

	for (size_t i = 0; i < n; i++)
		add(table, &packets[i], i % 2 ? PACKET_IN : PACKET_OUT, 0);
	flow_table_expire(table, later_us);
	flow_table_next_interval(table, later_us);
	left = count_flows(table);
	assert_int_equal(flow_table_stats(table)->expired, 1 - left);
	flow_table_free(table);
	return left;
}

static void an_idle_datagram_flow_is_forgotten_after_a_minute(void **state)
{
	struct packet packet = packet_of(IPPROTO_UDP, POD, 40000, PEER, 53);

	(void)state;
	assert_int_equal(flows_left(&packet, 1, 60 * SECOND_US), 1);
	assert_int_equal(flows_left(&packet, 1, 61 * SECOND_US), 0);
}

static void an_idle_connection_is_forgotten_after_ten_minutes(void **state)
{
	struct packet packet = segment(POD, 40000, PEER, 80, PACKET_TCP_ACK);

	(void)state;
	assert_int_equal(flows_left(&packet, 1, 600 * SECOND_US), 1);
	assert_int_equal(flows_left(&packet, 1, 601 * SECOND_US), 0);
}

static void a_closed_connection_is_forgotten_after_two_seconds(void **state)
{
	const struct packet packets[] = {
		segment(POD, 40000, PEER, 80, PACKET_TCP_FIN | PACKET_TCP_ACK),
		segment(PEER, 80, POD, 40000, PACKET_TCP_FIN | PACKET_TCP_ACK),
	};

	(void)state;
	assert_int_equal(flows_left(packets, 2, 2 * SECOND_US), 1);
	assert_int_equal(flows_left(packets, 2, 3 * SECOND_US), 0);
}

static void a_repeated_syn_finds_its_attempt_after_half_a_minute(void **state)
{
	struct packet syn = segment(POD, 40000, PEER, 80, PACKET_TCP_SYN);

	(void)state;
	assert_int_equal(flows_left(&syn, 1, 32 * SECOND_US), 1);
	assert_int_equal(flows_left(&syn, 1, 61 * SECOND_US), 0);
}

static void a_table_nearly_full_forgets_what_was_silent(void **state)
{
	struct flow_table *table = flow_table_new(8, 1);
	struct packet packet = packet_of(IPPROTO_UDP, POD, 0, PEER, 53);

	(void)state;
	for (packet.src_port = 1; packet.src_port <= 7; packet.src_port++)
		add(table, &packet, PACKET_OUT, 0);
	flow_table_next_interval(table, SECOND_US);
	assert_int_equal(count_flows(table), 7);
	packet.src_port = 5;
	add(table, &packet, PACKET_OUT, SECOND_US);
	flow_table_next_interval(table, 2 * SECOND_US);
	assert_int_equal(count_flows(table), 1);
	assert_int_equal(flow_table_slot(table, 0)->key.local_port, 5);
	flow_table_free(table);
}

static void a_table_nearly_full_keeps_attempts_until_they_are_counted(void **state)
{
	struct flow_table *table = flow_table_new(1, 1);
	struct packet syn = segment(POD, 40000, PEER, 80, PACKET_TCP_SYN);

	(void)state;
	add(table, &syn, PACKET_OUT, 0);
	for (int64_t second = 1; second <= 2; second++) {
		flow_table_expire(table, second * SECOND_US);
		assert_int_equal(flow_table_slot(table, 0)->interval.failed, 0);
		flow_table_next_interval(table, second * SECOND_US);
	}
	flow_table_expire(table, 3 * SECOND_US);
	assert_int_equal(flow_table_slot(table, 0)->interval.failed, 1);
	flow_table_next_interval(table, 3 * SECOND_US);
	assert_int_equal(count_flows(table), 0);
	flow_table_free(table);
}

static void flows_are_found_again_after_others_were_forgotten(void **state)
{
	struct flow_table *table = flow_table_new(64, 1);
	struct packet packet = packet_of(IPPROTO_UDP, POD, 0, PEER, 53);

	(void)state;
	for (packet.src_port = 1; packet.src_port <= 64; packet.src_port++)
		add(table, &packet, PACKET_OUT, packet.src_port % 2 ? 0 : 61 * SECOND_US);
	flow_table_next_interval(table, 62 * SECOND_US);
	assert_int_equal(count_flows(table), 32);
	for (packet.src_port = 2; packet.src_port <= 64; packet.src_port += 2)
		add(table, &packet, PACKET_OUT, 62 * SECOND_US);
	assert_int_equal(count_flows(table), 32);
	flow_table_free(table);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(*seed >> 33) % below;
}

static struct packet random_packet(uint64_t *seed)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 200};
	struct packet packet = packet_of(protos[draw(seed, 4)], draw(seed, 30),
		(uint16_t)draw(seed, 12), draw(seed, 30), (uint16_t)draw(seed, 12));

	packet.length = draw(seed, 10) ? draw(seed, 1500) : draw(seed, 1U << 31);
	packet.has_ports = draw(seed, 8) != 0;
	packet.has_tcp = packet.proto == IPPROTO_TCP && draw(seed, 8);
	packet.tcp_flags = (uint8_t)draw(seed, 32);
	packet.tcp_seq = draw(seed, 4) << 30;
	packet.payload_len = draw(seed, 3000);
	return packet;
}

static void nothing_is_lost_of_a_million_packets(void **state)
{
	struct flow_table *table = flow_table_new(500, 7);
	struct counters given = {0};
	uint64_t seed = 20240607;
	int64_t now_us = 0;

	(void)state;
	for (unsigned i = 1; i <= 1000000; i++) {
		struct packet packet = random_packet(&seed);
		enum packet_result result =
			draw(&seed, 16) ? PACKET_OK : draw(&seed, PACKET_N_RESULTS);
		enum packet_way way = draw(&seed, 3);
		struct counters sum;

		now_us += draw(&seed, 2000);
		given.tx_bytes += packet.length;
		given.tx_packets++;
		flow_table_add(table, result, &packet, way, NULL, now_us);
		if (draw(&seed, 3000))
			continue;
		now_us += draw(&seed, 40) * (int64_t)SECOND_US;
		flow_table_expire(table, now_us);
		sum = sum_all(table);
		assert_int_equal(counters_bytes(&sum), given.tx_bytes);
		assert_int_equal(sum.tx_packets + sum.rx_packets, given.tx_packets);
		flow_table_next_interval(table, now_us);
		given = (struct counters){0};
	}
	assert_true(flow_table_stats(table)->full_packets > 1000);
	assert_true(flow_table_stats(table)->expired > 1000);
	flow_table_free(table);
}

static void an_impossible_capacity_is_no_table(void **state)
{
	(void)state;
	assert_null(flow_table_new(0, 1));
	assert_null(flow_table_new(SIZE_MAX, 1));
	flow_table_free(NULL);
}

/* A table whose flows get names, and the other end of all that the pod does. */
struct named {
	struct flow_table *table;
	struct name_table *names;
	struct addr peer;
};

static struct named named_new(void)
{
	struct named n = {
		.table = flow_table_new(64, 1),
		.names = name_table_new(1),
		.peer = addr_n(PEER),
	};

	assert_non_null(n.table);
	assert_non_null(n.names);
	flow_table_set_names(n.table, n.names);
	return n;
}

static void named_free(struct named *n)
{
	flow_table_free(n->table);
	name_table_free(n->names);
}

static void answer(struct named *n, const char *name, int64_t now_us)
{
	assert_true(name_table_put(n->names, &n->peer, name, 60, now_us / 1000));
}

static void send_from(struct named *n, uint16_t port, int64_t now_us)
{
	struct packet out = packet_of(IPPROTO_UDP, POD, port, PEER, 443);

	add(n->table, &out, PACKET_OUT, now_us);
}

static const char *name_of_flow(const struct named *n, size_t i)
{
	return flow_table_name(n->table, flow_table_slot(n->table, i));
}

static void a_flow_keeps_the_name_that_it_began_with(void **state)
{
	struct packet in = packet_of(IPPROTO_UDP, PEER, 443, POD, 1000);
	struct named n = named_new();

	(void)state;
	answer(&n, "a.example", 0);
	send_from(&n, 1000, 0);
	answer(&n, "b.example", 0);
	for (int64_t second = 1; second <= 600; second += 10) {
		add(n.table, &in, PACKET_IN, second * SECOND_US);
		flow_table_next_interval(n.table, second * SECOND_US);
		assert_string_equal(name_of_flow(&n, 0), "a.example");
	}
	named_free(&n);
}

/* The other end speaks first; the pod's own address has a name, which is not the flow's. */
static void only_the_remote_end_names_a_flow(void **state)
{
	struct packet in = packet_of(IPPROTO_UDP, PEER, 5000, POD, 80);
	struct addr pod = addr_n(POD);
	struct named n = named_new();

	(void)state;
	assert_true(name_table_put(n.names, &pod, "self.example", 60, 0));
	add(n.table, &in, PACKET_IN, 0);
	assert_null(name_of_flow(&n, 0));
	named_free(&n);
}

/* Flows end, and give back their names: else the pool would run out within the loop. */
static void a_flow_that_ends_drops_its_name(void **state)
{
	struct named n = named_new();
	char name[ADDR_HOST_LEN];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		int64_t now_us = (int64_t)i * 100 * SECOND_US;

		snprintf(name, sizeof(name), "%0200u.example", i);
		answer(&n, name, now_us);
		send_from(&n, (uint16_t)i, now_us);
		assert_string_equal(name_of_flow(&n, count_flows(n.table) - 1), name);
		flow_table_next_interval(n.table, now_us);
	}
	named_free(&n);
}

/* What a flow uses does not run out: the next connection to it has the name, an hour later. */
static void traffic_keeps_a_name_beyond_its_ttl(void **state)
{
	struct named n = named_new();
	int64_t now_us = 0;

	(void)state;
	answer(&n, "a.example", 0);
	for (; now_us < 3600 * (int64_t)SECOND_US; now_us += 10 * SECOND_US) {
		send_from(&n, 1000, now_us);
		flow_table_next_interval(n.table, now_us);
	}
	send_from(&n, 1001, now_us);
	assert_string_equal(name_of_flow(&n, 1), "a.example");
	named_free(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_of_a_connection_are_one_flow),
		cmocka_unit_test(an_unknown_way_takes_the_first_sender_as_local),
		cmocka_unit_test(every_part_of_the_key_makes_another_flow),
		cmocka_unit_test(a_packet_without_ports_has_port_zero),
		cmocka_unit_test(what_is_no_good_packet_goes_to_its_remainder),
		cmocka_unit_test(a_full_table_sums_by_protocol_and_role),
		cmocka_unit_test(a_full_table_still_counts_the_flows_that_it_has),
		cmocka_unit_test(a_syn_corrects_a_guessed_role),
		cmocka_unit_test(an_interval_begins_with_zeros_and_keeps_its_flows),
		cmocka_unit_test(an_idle_datagram_flow_is_forgotten_after_a_minute),
		cmocka_unit_test(an_idle_connection_is_forgotten_after_ten_minutes),
		cmocka_unit_test(a_closed_connection_is_forgotten_after_two_seconds),
		cmocka_unit_test(a_repeated_syn_finds_its_attempt_after_half_a_minute),
		cmocka_unit_test(a_table_nearly_full_forgets_what_was_silent),
		cmocka_unit_test(a_table_nearly_full_keeps_attempts_until_they_are_counted),
		cmocka_unit_test(flows_are_found_again_after_others_were_forgotten),
		cmocka_unit_test(nothing_is_lost_of_a_million_packets),
		cmocka_unit_test(an_impossible_capacity_is_no_table),
		cmocka_unit_test(a_flow_keeps_the_name_that_it_began_with),
		cmocka_unit_test(only_the_remote_end_names_a_flow),
		cmocka_unit_test(a_flow_that_ends_drops_its_name),
		cmocka_unit_test(traffic_keeps_a_name_beyond_its_ttl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
