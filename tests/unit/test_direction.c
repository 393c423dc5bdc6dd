/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/direction */
#include "direction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct direction local_ten(void)
{
	struct direction d = {.n_locals = 2};

	assert_int_equal(cidr_parse("10.0.0.0/8", &d.locals[0]), 0);
	assert_int_equal(cidr_parse("fd00::/8", &d.locals[1]), 0);
	return d;
}

static struct packet between(const char *src, const char *dst)
{
	struct packet p = {.has_src_mac = true, .src_mac = {2, 0, 0, 0, 0, 1}};

	assert_int_equal(addr_parse(src, &p.src), 0);
	assert_int_equal(addr_parse(dst, &p.dst), 0);
	return p;
}

static void the_packets_own_type_wins(void **state)
{
	struct direction d = local_ten();
	struct packet p = between("10.0.0.1", "192.0.2.1");

	(void)state;
	d.has_mac = true;
	memcpy(d.mac, p.src_mac, 6);
	p.way = PACKET_IN;
	assert_int_equal(direction_of(&d, &p), PACKET_IN);
}

static void the_source_mac_wins_over_the_addresses(void **state)
{
	struct direction d = local_ten();
	struct packet p = between("192.0.2.1", "10.0.0.1");

	(void)state;
	d.has_mac = true;
	memcpy(d.mac, p.src_mac, 6);
	assert_int_equal(direction_of(&d, &p), PACKET_OUT);
}

static void a_frame_with_a_foreign_mac_is_told_by_its_addresses(void **state)
{
	struct direction d = local_ten();
	struct packet out = between("10.0.0.1", "192.0.2.1");
	struct packet in = between("192.0.2.1", "10.0.0.1");
	struct packet neither = between("192.0.2.1", "192.0.2.2");

	(void)state;
	d.has_mac = true;
	assert_int_equal(direction_of(&d, &out), PACKET_OUT);
	assert_int_equal(direction_of(&d, &in), PACKET_IN);
	assert_int_equal(direction_of(&d, &neither), PACKET_IN);
}

static void an_update_leaves_the_operators_addresses(void **state)
{
	struct direction d = local_ten();
	struct direction now = {.has_mac = true, .mac = {2}, .n_locals = 1};

	(void)state;
	direction_update(&d, &now, true);
	assert_true(d.has_mac);
	assert_int_equal(d.mac[0], 2);
	assert_int_equal(d.n_locals, 2);
	direction_update(&d, &now, false);
	assert_int_equal(d.n_locals, 1);
}

static void the_mac_tells_for_frames_without_addresses(void **state)
{
	struct direction d = {.has_mac = true, .mac = {2, 0, 0, 0, 0, 1}};
	struct packet p = {.has_src_mac = true, .src_mac = {2, 0, 0, 0, 0, 1}};

	(void)state;
	assert_int_equal(direction_of(&d, &p), PACKET_OUT);
	p.src_mac[0] = 4;
	assert_int_equal(direction_of(&d, &p), PACKET_IN);
}

static void the_local_address_tells_where_there_is_no_mac(void **state)
{
	struct direction d = local_ten();
	struct packet out = between("10.1.2.3", "192.0.2.1");
	struct packet in6 = between("2001:db8::1", "fd00::1");

	(void)state;
	assert_int_equal(direction_of(&d, &out), PACKET_OUT);
	assert_int_equal(direction_of(&d, &in6), PACKET_IN);
}

static void both_ends_or_neither_local_is_unknown(void **state)
{
	struct direction d = local_ten();
	struct packet both = between("10.1.2.3", "10.3.2.1");
	struct packet neither = between("192.0.2.1", "192.0.2.2");

	(void)state;
	assert_int_equal(direction_of(&d, &both), PACKET_WAY_UNKNOWN);
	assert_int_equal(direction_of(&d, &neither), PACKET_WAY_UNKNOWN);
}

static void without_addresses_and_mac_it_is_unknown(void **state)
{
	struct direction d = {.n_locals = 1}; /* 0 bits: contains everything of a family */
	struct packet p = {.length = 60};

	(void)state;
	assert_int_equal(direction_of(&d, &p), PACKET_WAY_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packets_own_type_wins),
		cmocka_unit_test(the_source_mac_wins_over_the_addresses),
		cmocka_unit_test(a_frame_with_a_foreign_mac_is_told_by_its_addresses),
		cmocka_unit_test(an_update_leaves_the_operators_addresses),
		cmocka_unit_test(the_mac_tells_for_frames_without_addresses),
		cmocka_unit_test(the_local_address_tells_where_there_is_no_mac),
		cmocka_unit_test(both_ends_or_neither_local_is_unknown),
		cmocka_unit_test(without_addresses_and_mac_it_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
