/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/packet */
#include "frame.h"

static void up_to_four_vlan_tags_are_skipped(void **state)
{
	static const unsigned int types[] = {0x8100, 0x88a8, 0x9100, 0x8100, 0x8100};

	(void)state;
	for (size_t n = 0; n <= 5; n++) {
		struct frame f = {.len = 0};
		struct packet p;

		put_ethernet(&f, n > 0 ? types[0] : 0x0800);
		for (size_t i = 1; i <= n; i++) {
			put_u16(&f, 7);
			put_u16(&f, i < n ? types[i] : 0x0800);
		}
		put_ipv4(&f, 17, 8);
		put_udp(&f);
		assert_int_equal(
			parse(PACKET_ETHERNET, &f, &p), n <= 4 ? PACKET_OK : PACKET_MALFORMED);
		assert_int_equal(p.length, f.len);
	}
}

static void what_is_not_ip_is_told_apart(void **state)
{
	static const unsigned int types[] = {0x0806, 0x88cc, 0x8863, 0x0026, 0x05ff, 0};
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct frame f = {.len = 0};

		put_ethernet(&f, types[i]);
		put_zeros(&f, 46);
		assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_NOT_IP);
		assert_int_equal(p.length, 60);
		assert_true(p.has_src_mac);
	}
}

static void sll_says_the_way_and_does_not_count_itself(void **state)
{
	static const enum packet_way ways[] = {
		PACKET_IN, PACKET_IN, PACKET_IN, PACKET_IN, PACKET_OUT, PACKET_WAY_UNKNOWN};

	(void)state;
	for (unsigned int type = 0; type < 6; type++) {
		struct frame f = {.len = 0};
		struct packet p;

		put_u16(&f, type);
		put_zeros(&f, 12);
		put_u16(&f, 0x0800);
		put_ipv4(&f, 17, 8);
		put_udp(&f);
		assert_int_equal(parse(PACKET_SLL, &f, &p), PACKET_OK);
		assert_int_equal(p.way, ways[type]);
		assert_int_equal(p.length, 28);
	}
}

static void sll2_says_the_way_and_does_not_count_itself(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_u16(&f, 0x86dd);
	put_zeros(&f, 8);
	put_u8(&f, 4);
	put_zeros(&f, 9);
	put_ipv6(&f, 17, 8);
	put_udp(&f);
	assert_int_equal(parse(PACKET_SLL2, &f, &p), PACKET_OK);
	assert_int_equal(p.way, PACKET_OUT);
	assert_int_equal(p.length, 48);
	assert_int_equal(packet_parse(PACKET_SLL2, f.data, 12, f.len, &p), PACKET_TRUNCATED);
	assert_int_equal(p.way, PACKET_OUT);
	assert_int_equal(packet_parse(PACKET_SLL2, f.data, 3, 3, &p), PACKET_TRUNCATED);
	assert_int_equal(p.length, 0);
}

/* ARPHRD_ETHER and ARPHRD_LOOPBACK of linux/if_arp.h, and what is one byte like it. */
static void sll_and_sll2_say_what_passed_loopback(void **state)
{
	static const unsigned int types[] = {1, 772, 4, 768};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct frame sll = {.len = 0}, sll2 = {.len = 0};
		struct packet p;

		put_u16(&sll, 0);
		put_u16(&sll, types[i]);
		put_zeros(&sll, 10);
		put_u16(&sll, 0x0800);
		put_u16(&sll2, 0x0800);
		put_zeros(&sll2, 6);
		put_u16(&sll2, types[i]);
		put_zeros(&sll2, 10);
		put_ipv4(&sll, 17, 8);
		put_udp(&sll);
		put_ipv4(&sll2, 17, 8);
		put_udp(&sll2);
		assert_int_equal(parse(PACKET_SLL, &sll, &p), PACKET_OK);
		assert_int_equal(p.is_loopback, i == 1);
		assert_int_equal(parse(PACKET_SLL2, &sll2, &p), PACKET_OK);
		assert_int_equal(p.is_loopback, i == 1);
	}
}

/* Whatever the addresses in it: a neighbour writes those. */
static void ethernet_never_says_that_it_passed_loopback(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_zeros(&f, 12);
	put_u16(&f, 0x0800);
	put_ipv4(&f, 17, 8);
	put_udp(&f);
	memcpy(f.data + 14 + 12, "\x7f\0\0\1\x7f\0\0\1", 8);
	assert_int_equal(parse(PACKET_ETHERNET, &f, &p), PACKET_OK);
	assert_false(p.is_loopback);
}

static void null_takes_either_byte_order(void **state)
{
	static const uint8_t families[][4] = {
		{0, 0, 0, 10}, {10, 0, 0, 0}, {0, 0, 0, 24}, {28, 0, 0, 0}, {0, 0, 0, 30}};
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		struct frame f = {.len = 0};

		put(&f, families[i], 4);
		put_ipv6(&f, 17, 8);
		put_udp(&f);
		assert_int_equal(parse(PACKET_NULL, &f, &p), PACKET_OK);
		assert_int_equal(p.length, 48);
		f.data[0] = f.data[3] = 7;
		assert_int_equal(parse(PACKET_NULL, &f, &p), PACKET_NOT_IP);
	}
}

static void raw_ip_goes_by_the_version(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_ipv6(&f, 17, 8);
	put_udp(&f);
	assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
	assert_int_equal(p.src.len, 16);
	f.data[0] = 0x50;
	assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_MALFORMED);
	assert_int_equal(packet_parse(PACKET_RAW_IP, f.data, 0, f.len, &p), PACKET_TRUNCATED);
}

/* Any bytes at all: no read beyond them (ASan), and the length stays the frame's. */
static void random_frames_are_survived(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint8_t data[128];
		struct packet p;
		size_t cap;

		for (size_t j = 0; j < sizeof(data); j++) {
			x = x * 1664525 + 1013904223;
			data[j] = (uint8_t)(x >> 24);
		}
		cap = x % sizeof(data);
		if (i & 1)
			memcpy(data + 12, i & 2 ? "\x08\x00\x45" : "\x86\xdd\x60", 3);
		(void)packet_parse(
			(enum packet_link)(i % 5), data + sizeof(data) - cap, cap, 1000, &p);
		assert_in_range(p.length, 980, 1000);
		(void)packet_parse((enum packet_link)(i % 5), data, cap, 1000, &p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_to_four_vlan_tags_are_skipped),
		cmocka_unit_test(what_is_not_ip_is_told_apart),
		cmocka_unit_test(sll_says_the_way_and_does_not_count_itself),
		cmocka_unit_test(sll2_says_the_way_and_does_not_count_itself),
		cmocka_unit_test(sll_and_sll2_say_what_passed_loopback),
		cmocka_unit_test(ethernet_never_says_that_it_passed_loopback),
		cmocka_unit_test(null_takes_either_byte_order),
		cmocka_unit_test(raw_ip_goes_by_the_version),
		cmocka_unit_test(random_frames_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
