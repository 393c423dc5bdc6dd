/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/packet */
#include "frame.h"

static void tcp_over_ipv4_is_read(void **state)
{
	struct frame f = tcp4_frame(10);
	struct packet p;

	(void)state;
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_OK);
	assert_int_equal(p.length, 14 + 20 + 20 + 10);
	assert_int_equal(p.way, PACKET_WAY_UNKNOWN);
	assert_true(p.has_src_mac && p.has_ports && p.has_tcp);
	assert_memory_equal(p.src_mac, "\x02\x00\x00\x00\x00\x01", 6);
	assert_memory_equal(p.src.bytes, "\x0a\x00\x00\x01", 4);
	assert_memory_equal(p.dst.bytes, "\xc0\x00\x02\x05", 4);
	assert_int_equal(p.proto, 6);
	assert_int_equal(p.src_port, 40000);
	assert_int_equal(p.dst_port, 443);
	assert_int_equal(p.tcp_flags, 0x18);
	assert_int_equal(p.tcp_seq, 0x01020304);
	assert_int_equal(p.tcp_ack, 0x05060708);
	assert_int_equal(p.payload_len, 10);
}

static void payload_comes_from_the_ip_length_not_from_the_padding(void **state)
{
	struct frame f = tcp4_frame(0);
	struct packet p;

	(void)state;
	put_zeros(&f, 6);
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_OK);
	assert_int_equal(p.length, 60);
	assert_int_equal(p.payload_len, 0);
}

static void payload_comes_from_the_ip_length_not_from_the_capture(void **state)
{
	struct frame f = tcp4_frame(500);
	struct packet p;

	(void)state;
	assert_int_equal(packet_parse(PACKET_ETHERNET, f.data, 96, f.len, &p), PACKET_OK);
	assert_int_equal(p.length, f.len);
	assert_int_equal(p.payload_len, 500);
}

/* Ethernet pads what is shorter than 60 bytes. */
static void padding_behind_the_datagram_is_not_the_transport_s(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_ethernet(&f, 0x0800);
	put_ipv4(&f, 17, 8);
	put_udp(&f);
	put_zeros(&f, 18);
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_OK);
	assert_int_equal(p.transport_at, 34);
	assert_int_equal(p.transport_len, 8);
}

static void every_cut_gives_what_its_bytes_hold(void **state)
{
	struct frame f = tcp4_frame(10);

	(void)state;
	for (size_t cut = 0; cut <= f.len; cut++) {
		uint8_t *exact = test_malloc(cut ? cut : 1); /* ASan sees a read past it */
		struct packet p;
		enum packet_result r;

		memcpy(exact, f.data, cut);
		r = packet_parse(PACKET_ETHERNET, exact, cut, f.len, &p);
		assert_int_equal(r, cut < 34 ? PACKET_TRUNCATED : PACKET_OK);
		assert_int_equal(p.length, f.len);
		assert_int_equal(p.has_src_mac, cut >= 12);
		assert_int_equal(p.has_ports, cut >= 38);
		assert_int_equal(p.has_tcp, cut >= 48);
		assert_int_equal(p.transport_at, p.has_ports ? 34 : 0);
		assert_int_equal(p.transport_len, p.has_ports ? cut - 34 : 0);
		test_free(exact);
	}
}

static void ipv4_lengths_that_lie_are_malformed(void **state)
{
	struct frame good = tcp4_frame(10), f;
	struct packet p;

	(void)state;
	f = good;
	f.data[14] = 0x44; /* IHL 4 */
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_MALFORMED);
	f = good;
	f.data[14] = 0x65; /* version 6 */
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_MALFORMED);
	f = good;
	f.data[17] = 19; /* total length < IHL */
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_MALFORMED);
	f = good;
	f.data[17]++; /* total length > frame */
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_MALFORMED);
	assert_int_equal(p.length, f.len);
	assert_int_equal(p.src.len, 0);
}

static void total_length_zero_is_segmentation_offload(void **state)
{
	struct frame f = tcp4_frame(100);
	struct packet p;

	(void)state;
	f.data[16] = f.data[17] = 0;
	assert_int_equal(packet_parse(PACKET_ETHERNET, f.data, 96, 90054, &p), PACKET_OK);
	assert_int_equal(p.length, 90054);
	assert_int_equal(p.payload_len, 90000);
}

static void a_first_fragment_has_ports_and_a_later_one_has_none(void **state)
{
	struct frame f = tcp4_frame(100);
	struct packet p;

	(void)state;
	f.data[20] = 0x20; /* more fragments */
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_OK);
	assert_true(p.has_ports);
	f.data[21] = 0x01; /* offset 8 */
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_OK);
	assert_false(p.has_ports || p.has_tcp);
	assert_int_equal(p.src.len, 4);
}

static void ipv4_options_are_skipped(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_ipv4(&f, 17, 48);
	f.data[0] = 0x4f;
	put_zeros(&f, 40);
	put_udp(&f);
	assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
	assert_int_equal(p.dst_port, 53);
	assert_int_equal(packet_parse(PACKET_RAW_IP, f.data, 59, f.len, &p), PACKET_TRUNCATED);
}

static void a_tcp_offset_that_lies_leaves_the_ports(void **state)
{
	struct frame f = tcp4_frame(0);
	struct packet p;

	(void)state;
	f.data[46] = 0xf0;
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_OK);
	assert_true(p.has_ports);
	assert_false(p.has_tcp);
	f.data[46] = 0x40;
	parse(PACKET_ETHERNET, &f, &p);
	assert_false(p.has_tcp);
}

static void ports_are_not_read_from_the_padding(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_ethernet(&f, 0x0800);
	put_ipv4(&f, 17, 2);
	put_zeros(&f, 26);
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_OK);
	assert_false(p.has_ports);
}

static void all_transports_with_ports_are_read(void **state)
{
	static const uint8_t types[] = {6, 17, 132, 136, 33};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct frame f = {.len = 0};
		struct packet p;

		put_ipv4(&f, types[i], 8);
		put_udp(&f);
		assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
		assert_true(p.has_ports);
		assert_false(p.has_tcp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_over_ipv4_is_read),
		cmocka_unit_test(payload_comes_from_the_ip_length_not_from_the_padding),
		cmocka_unit_test(payload_comes_from_the_ip_length_not_from_the_capture),
		cmocka_unit_test(padding_behind_the_datagram_is_not_the_transport_s),
		cmocka_unit_test(every_cut_gives_what_its_bytes_hold),
		cmocka_unit_test(ipv4_lengths_that_lie_are_malformed),
		cmocka_unit_test(total_length_zero_is_segmentation_offload),
		cmocka_unit_test(a_first_fragment_has_ports_and_a_later_one_has_none),
		cmocka_unit_test(ipv4_options_are_skipped),
		cmocka_unit_test(a_tcp_offset_that_lies_leaves_the_ports),
		cmocka_unit_test(ports_are_not_read_from_the_padding),
		cmocka_unit_test(all_transports_with_ports_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
