/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/packet */
#include "frame.h"

static void every_extension_header_is_skipped(void **state)
{
	static const uint8_t types[] = {0, 43, 60, 51, 135, 139, 140, 44};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct frame f = {.len = 0};
		struct packet p;

		put_ipv6(&f, types[i], 16);
		put_extension(&f, 17);
		put_udp(&f);
		assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
		assert_int_equal(p.proto, 17);
		assert_int_equal(p.dst_port, 53);
	}
}

static void a_chain_of_more_than_eight_headers_is_not_followed(void **state)
{
	(void)state;
	for (size_t n = 8; n <= 9; n++) {
		struct frame f = {.len = 0};
		struct packet p;

		put_ipv6(&f, 60, n * 8 + 8);
		for (size_t i = 1; i <= n; i++)
			put_extension(&f, i < n ? 60 : 17);
		put_udp(&f);
		assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
		assert_int_equal(p.has_ports, n == 8);
	}
}

static void a_later_ipv6_fragment_has_no_ports(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_ipv6(&f, 44, 16);
	put_extension(&f, 17);
	put_udp(&f);
	f.data[43] = 0x08; /* offset 8, no more */
	assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
	assert_int_equal(p.proto, 17);
	assert_false(p.has_ports);
	f.data[43] = 0x01; /* offset 0, more */
	parse(PACKET_RAW_IP, &f, &p);
	assert_true(p.has_ports);
}

static void esp_and_no_next_header_are_transports_without_ports(void **state)
{
	static const uint8_t types[] = {50, 59, 58, 47};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct frame f = {.len = 0};
		struct packet p;

		put_ipv6(&f, types[i], 8);
		put_zeros(&f, 8);
		assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
		assert_int_equal(p.proto, types[i]);
		assert_false(p.has_ports);
	}
}

static void ipv6_lengths_that_lie_are_malformed(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_ipv6(&f, 17, 9);
	put_udp(&f);
	assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_MALFORMED);
	f.data[5] = 0; /* as of segmentation offload: the frame's own length */
	assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
	assert_true(p.has_ports);
}

static void an_extension_beyond_the_capture_keeps_the_addresses(void **state)
{
	struct frame f = {.len = 0};
	struct packet p;

	(void)state;
	put_ipv6(&f, 60, 16);
	put_extension(&f, 17);
	put_udp(&f);
	for (size_t cut = 40; cut <= f.len; cut++) {
		assert_int_equal(packet_parse(PACKET_RAW_IP, f.data, cut, f.len, &p), PACKET_OK);
		assert_int_equal(p.src.len, 16);
		assert_int_equal(p.has_ports, cut >= 52);
	}
	f.data[41] = 255; /* it says 2048 bytes */
	assert_int_equal(parse(PACKET_RAW_IP, &f, &p), PACKET_OK);
	assert_false(p.has_ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_extension_header_is_skipped),
		cmocka_unit_test(a_chain_of_more_than_eight_headers_is_not_followed),
		cmocka_unit_test(a_later_ipv6_fragment_has_no_ports),
		cmocka_unit_test(esp_and_no_next_header_are_transports_without_ports),
		cmocka_unit_test(ipv6_lengths_that_lie_are_malformed),
		cmocka_unit_test(an_extension_beyond_the_capture_keeps_the_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
