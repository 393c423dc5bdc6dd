/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/link probe/netlink probe/direction */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct link *sut;

static int open_link(void **state)
{
	char err[ERR_LEN];

	(void)state;
	return link_open(&sut, err);
}

static int close_link(void **state)
{
	(void)state;
	link_close(sut);
	return 0;
}

static bool has_local(const struct direction *direction, const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	for (size_t i = 0; i < direction->n_locals; i++) {
		if (direction->locals[i].bits == addr.len * 8 &&
			addr_equal(&direction->locals[i].addr, &addr))
			return true;
	}
	return false;
}

static void send_to_self(size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char data[1000] = {0};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(sendto(fd, data, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len);
	close(fd);
}

static void loopback_has_its_address(void **state)
{
	struct link_state now;

	(void)state;
	assert_int_equal(link_describe(sut, "lo", &now), 0);
	assert_true(has_local(&now.direction, "127.0.0.1"));
}

static void loopback_has_no_mac_and_is_known_as_such(void **state)
{
	struct link_state now;

	(void)state;
	assert_int_equal(link_describe(sut, "lo", &now), 0);
	assert_false(now.direction.has_mac);
	assert_true(now.direction.is_loopback);
}

static void any_has_the_addresses_of_all(void **state)
{
	struct link_state now;

	(void)state;
	assert_int_equal(link_describe(sut, "any", &now), 0);
	assert_true(has_local(&now.direction, "127.0.0.1"));
	assert_false(now.direction.has_mac);
	assert_false(now.direction.is_loopback);
}

static void an_unknown_interface_is_no_device(void **state)
{
	struct link_state now = {.direction.n_locals = 7};

	(void)state;
	assert_int_equal(link_describe(sut, "nstats-nope", &now), -ENODEV);
	assert_int_equal(now.direction.n_locals, 7);
}

static void a_name_that_is_too_long_is_no_device(void **state)
{
	struct link_state now;

	(void)state;
	assert_int_equal(link_describe(sut, "an-interface-with-16", &now), -ENODEV);
}

static void counters_of_loopback_rise_with_traffic(void **state)
{
	struct link_state before, after;

	(void)state;
	assert_int_equal(link_describe(sut, "lo", &before), 0);
	send_to_self(1000);
	assert_int_equal(link_describe(sut, "lo", &after), 0);
	assert_true(after.counters.tx_bytes >= before.counters.tx_bytes + 1000);
	assert_true(after.counters.rx_bytes >= before.counters.rx_bytes + 1000);
}

static void counters_of_any_hold_those_of_loopback(void **state)
{
	struct link_state lo, any;

	(void)state;
	assert_int_equal(link_describe(sut, "lo", &lo), 0);
	assert_int_equal(link_describe(sut, "any", &any), 0);
	assert_true(any.counters.rx_bytes >= lo.counters.rx_bytes);
}

static void the_default_interface_can_be_described(void **state)
{
	char name[LINK_NAME_LEN];
	struct link_state now;
	int r = link_default_interface(sut, name);

	(void)state;
	if (r == -ENOENT) {
		print_message("skipped: there is no default route\n");
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(link_describe(sut, name, &now), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_has_its_address),
		cmocka_unit_test(loopback_has_no_mac_and_is_known_as_such),
		cmocka_unit_test(any_has_the_addresses_of_all),
		cmocka_unit_test(an_unknown_interface_is_no_device),
		cmocka_unit_test(a_name_that_is_too_long_is_no_device),
		cmocka_unit_test(counters_of_loopback_rise_with_traffic),
		cmocka_unit_test(counters_of_any_hold_those_of_loopback),
		cmocka_unit_test(the_default_interface_can_be_described),
	};

	return cmocka_run_group_tests(tests, open_link, close_link);
}
