/* SPDX-License-Identifier: Apache-2.0 */
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct addr addr_from(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

static struct cidr cidr_from(const char *text)
{
	struct cidr cidr;

	assert_int_equal(cidr_parse(text, &cidr), 0);
	return cidr;
}

static void addresses_are_formatted_as_rfc_5952_says(void **state)
{
	static const char *const cases[][2] = {
		{"10.0.0.1", "10.0.0.1"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"},
		{"::", "::"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	char text[ADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr addr = addr_from(cases[i][0]);

		addr_format(&addr, text);
		assert_string_equal(text, cases[i][1]);
	}
	addr_format(&(struct addr){0}, text);
	assert_string_equal(text, "-");
}

static void texts_that_are_no_address_are_refused(void **state)
{
	static const char *const bad[] = {"", "10.0.0", "10.0.0.256", "010.0.0.1", "[::1]",
		"::1%lo", " 10.0.0.1", "10.0.0.1 ", ":::", "localhost"};
	struct addr addr = addr_from("10.9.8.7");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(addr_parse(bad[i], &addr), -EINVAL);
		assert_true(addr_equal(&addr, &(struct addr){4, {10, 9, 8, 7}}));
	}
}

static void unequal_families_are_not_equal(void **state)
{
	static const uint8_t bytes[16] = {10, 0, 0, 1};
	struct addr a = addr_v4(bytes);
	struct addr b = addr_v6(bytes);

	(void)state;
	assert_true(addr_equal(&a, &a));
	assert_false(addr_equal(&a, &b));
}

static void a_prefix_contains_its_first_and_last_address_and_no_neighbour(void **state)
{
	static const struct {
		const char *cidr, *first, *last, *before, *behind;
	} cases[] = {
		{"10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
		{"10.1.2.128/25", "10.1.2.128", "10.1.2.255", "10.1.2.127", "10.1.3.0"},
		{"10.1.2.3", "10.1.2.3", "10.1.2.3", "10.1.2.2", "10.1.2.4"},
		{"fd00::/9", "fd00::", "fd7f:ffff::1", "fcff::", "fd80::"},
		{"2001:db8::1/128", "2001:db8::1", "2001:db8::1", "2001:db8::", "2001:db8::2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cidr cidr = cidr_from(cases[i].cidr);
		struct addr first = addr_from(cases[i].first), last = addr_from(cases[i].last);
		struct addr before = addr_from(cases[i].before);
		struct addr behind = addr_from(cases[i].behind);

		assert_true(cidr_contains(&cidr, &first));
		assert_true(cidr_contains(&cidr, &last));
		assert_false(cidr_contains(&cidr, &before));
		assert_false(cidr_contains(&cidr, &behind));
	}
}

static void the_prefix_of_length_0_contains_its_own_family_only(void **state)
{
	struct cidr v4 = cidr_from("0.0.0.0/0"), v6 = cidr_from("::/0");
	struct addr a = addr_from("255.1.2.3"), b = addr_from("::1");

	(void)state;
	assert_true(cidr_contains(&v4, &a));
	assert_true(cidr_contains(&v6, &b));
	assert_false(cidr_contains(&v4, &b));
	assert_false(cidr_contains(&v6, &a));
	assert_false(cidr_contains(&v4, &(struct addr){0}));
}

static void host_bits_of_a_prefix_are_cleared(void **state)
{
	struct cidr cidr = cidr_from("10.1.2.3/20");
	struct addr expected = addr_from("10.1.0.0");

	(void)state;
	assert_true(addr_equal(&cidr.addr, &expected));
	assert_int_equal(cidr.bits, 20);
}

static void texts_that_are_no_prefix_are_refused(void **state)
{
	static const char *const bad[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.0/4294967304", "::/129",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8"};
	struct cidr cidr;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cidr_parse(bad[i], &cidr), -EINVAL);
}

static void host_and_port_are_split(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} cases[] = {
		{"collector", "collector", 4747},
		{"collector.ns.svc:1", "collector.ns.svc", 1},
		{"1.2.3.4:65535", "1.2.3.4", 65535},
		{"1.2.3.4", "1.2.3.4", 4747},
		{"[::1]:99", "::1", 99},
		{"[::1]", "::1", 4747},
		{"::1", "::1", 4747},
		{"[::]:9747", "::", 9747},
		{"my_host-1:80", "my_host-1", 80},
	};
	char host[ADDR_HOST_LEN];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(addr_split_host(cases[i].text, 4747, host, &port), 0);
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
	}
}

static void texts_that_are_no_host_and_port_are_refused(void **state)
{
	static const char *const bad[] = {"", ":80", "x:", "x:0", "x:65536", "x:-1", "x:+1", "x: 1",
		"x:80 ", "x:123456", "x:080000", "x:80:80", "[::1", "[::1]80", "[::1]:", "[]:80",
		"[1.2.3.4]:80", "[x]:80", "a b:80", "http://x", "x/y", "::1]:80", "fe80::1%eth0"};
	char host[ADDR_HOST_LEN] = "kept";
	uint16_t port = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(addr_split_host(bad[i], 4747, host, &port), -EINVAL);
		assert_string_equal(host, "kept");
		assert_int_equal(port, 7);
	}
}

static void a_host_name_has_at_most_253_bytes(void **state)
{
	char text[ADDR_HOST_LEN + 8];
	char host[ADDR_HOST_LEN];
	uint16_t port;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + ADDR_HOST_LEN - 1, ":80", 4);
	assert_int_equal(addr_split_host(text, 1, host, &port), 0);
	assert_int_equal(strlen(host), ADDR_HOST_LEN - 1);
	text[ADDR_HOST_LEN - 1] = 'a';
	memcpy(text + ADDR_HOST_LEN, ":80", 4);
	assert_int_equal(addr_split_host(text, 1, host, &port), -EINVAL);
}

static void socket_addresses_make_the_round_trip(void **state)
{
	static const char *const texts[] = {"10.1.2.3", "2001:db8::7"};
	struct sockaddr_storage ss;
	struct addr back;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct addr addr = addr_from(texts[i]);
		socklen_t len = addr_to_sockaddr(&addr, 4747, &ss);

		assert_int_equal(
			len, i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		addr_from_sockaddr(&ss, &back, &port);
		assert_true(addr_equal(&back, &addr));
		assert_int_equal(port, 4747);
	}
	assert_int_equal(addr_to_sockaddr(&(struct addr){0}, 1, &ss), 0);
	addr_from_sockaddr(&ss, &back, &port);
	assert_int_equal(back.len, 0);
}

static void a_mapped_address_comes_back_as_ipv4(void **state)
{
	struct addr mapped = addr_from("::ffff:10.1.2.3"), expected = addr_from("10.1.2.3"), back;
	struct sockaddr_storage ss;
	uint16_t port;

	(void)state;
	addr_to_sockaddr(&mapped, 5, &ss);
	addr_from_sockaddr(&ss, &back, &port);
	assert_true(addr_equal(&back, &expected));
	assert_int_equal(port, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_formatted_as_rfc_5952_says),
		cmocka_unit_test(texts_that_are_no_address_are_refused),
		cmocka_unit_test(unequal_families_are_not_equal),
		cmocka_unit_test(a_prefix_contains_its_first_and_last_address_and_no_neighbour),
		cmocka_unit_test(the_prefix_of_length_0_contains_its_own_family_only),
		cmocka_unit_test(host_bits_of_a_prefix_are_cleared),
		cmocka_unit_test(texts_that_are_no_prefix_are_refused),
		cmocka_unit_test(host_and_port_are_split),
		cmocka_unit_test(texts_that_are_no_host_and_port_are_refused),
		cmocka_unit_test(a_host_name_has_at_most_253_bytes),
		cmocka_unit_test(socket_addresses_make_the_round_trip),
		cmocka_unit_test(a_mapped_address_comes_back_as_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
