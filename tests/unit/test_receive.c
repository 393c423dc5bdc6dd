/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/receive collector/loop */
#include "receive.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GUARD_MS 5000

struct fixture {
	struct loop *loop;
	struct stats stats;
	struct receive *receive;
	struct loop_timer guard;
	unsigned n_expected;
	unsigned n;
	size_t len;
	uint8_t last[4096];
	struct addr from;
};

static struct fixture fixture;

static void took(void *ctx, const uint8_t *data, size_t len, const struct receive_from *from)
{
	struct fixture *f = ctx;
	uint16_t port;

	f->len = len;
	memcpy(f->last, data, len);
	addr_from_sockaddr(&from->addr, &f->from, &port);
	if (++f->n == f->n_expected)
		loop_stop(f->loop);
}

static void guard_fired(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	(void)now_ms;
	loop_stop(f->loop);
}

static void open_at(struct fixture *f, const char *listen)
{
	char err[ERR_LEN] = "";
	int r = receive_open(f->loop, listen, &f->stats, took, f, &f->receive, err);

	if (r < 0)
		fail_msg("%s", err);
}

static int set_up(void **state)
{
	char err[ERR_LEN];

	fixture = (struct fixture){.n_expected = 1};
	fixture.guard = (struct loop_timer){.fn = guard_fired, .ctx = &fixture};
	*state = &fixture;
	return loop_new(&fixture.loop, err);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	receive_close(f->receive);
	loop_timer_cancel(f->loop, &f->guard);
	loop_free(f->loop);
	return 0;
}

static void send_to(const struct fixture *f, const char *host, size_t len, unsigned n)
{
	uint8_t data[4096];
	struct sockaddr_storage ss;
	struct addr addr;
	socklen_t ss_len;
	int fd;

	memset(data, 'x', sizeof(data));
	assert_int_equal(addr_parse(host, &addr), 0);
	ss_len = addr_to_sockaddr(&addr, receive_port(f->receive), &ss);
	fd = socket(addr.len == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(
			sendto(fd, data, len, 0, (struct sockaddr *)&ss, ss_len), (int)len);
	close(fd);
}

static void run(struct fixture *f)
{
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + GUARD_MS);
	assert_int_equal(loop_run(f->loop), 0);
}

static void a_datagram_is_delivered_as_it_was_sent(void **state)
{
	struct fixture *f = *state;

	open_at(f, "127.0.0.1:0");
	send_to(f, "127.0.0.1", 1232, 1);
	run(f);
	assert_int_equal(f->len, 1232);
	assert_int_equal(f->last[1231], 'x');
}

static void datagrams_and_their_bytes_are_counted(void **state)
{
	struct fixture *f = *state;

	f->n_expected = 200;
	open_at(f, "127.0.0.1:0");
	send_to(f, "127.0.0.1", 100, 200);
	run(f);
	assert_int_equal(f->stats.datagrams, 200);
	assert_int_equal(f->stats.datagram_bytes, 20000);
}

static void the_unspecified_ipv6_address_takes_ipv4_too(void **state)
{
	struct fixture *f = *state;
	char text[ADDR_STRLEN];

	open_at(f, "[::]:0");
	send_to(f, "127.0.0.1", 10, 1);
	run(f);
	addr_format(&f->from, text);
	assert_string_equal(text, "127.0.0.1");
}

static void a_datagram_that_is_too_long_is_counted_and_not_delivered(void **state)
{
	struct fixture *f = *state;

	open_at(f, "127.0.0.1:0");
	send_to(f, "127.0.0.1", 3000, 1);
	send_to(f, "127.0.0.1", 10, 1);
	run(f);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->len, 10);
	assert_int_equal(f->stats.receive_truncated, 1);
}

static void an_empty_datagram_is_delivered(void **state)
{
	struct fixture *f = *state;

	open_at(f, "127.0.0.1:0");
	send_to(f, "127.0.0.1", 0, 1);
	run(f);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->len, 0);
}

static void draining_takes_all_that_waits_without_the_loop(void **state)
{
	struct fixture *f = *state;

	open_at(f, "127.0.0.1:0");
	send_to(f, "127.0.0.1", 10, 500);
	receive_drain(f->receive);
	assert_int_equal(f->n, 500);
}

/* More than any socket buffer that we may get holds, sent before anything is read. */
static void what_the_kernel_drops_is_counted(void **state)
{
	struct fixture *f = *state;
	const unsigned n = 40000;

	open_at(f, "127.0.0.1:0");
	send_to(f, "127.0.0.1", 1200, n);
	receive_drain(f->receive);
	assert_true(f->n < n);
	send_to(f, "127.0.0.1", 10, 1);
	receive_drain(f->receive);
	assert_int_equal(f->n + f->stats.receive_drops, n + 1);
}

static void refuses(struct fixture *f, const char *listen)
{
	char err[ERR_LEN] = "";

	assert_true(receive_open(f->loop, listen, &f->stats, took, f, &f->receive, err) < 0);
	assert_non_null(strstr(err, "--listen"));
	assert_non_null(strstr(err, listen));
	assert_null(f->receive);
}

static void what_is_no_address_is_refused_with_a_sentence(void **state)
{
	refuses(*state, "nonsense:1");
	refuses(*state, "127.0.0.1:70000");
	refuses(*state, "");
}

static void a_port_that_is_taken_is_refused_with_a_sentence(void **state)
{
	struct fixture *f = *state;
	struct receive *first;
	char listen[64];

	open_at(f, "127.0.0.1:0");
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", (unsigned)receive_port(f->receive));
	first = f->receive;
	f->receive = NULL;
	refuses(f, listen);
	f->receive = first;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_is_delivered_as_it_was_sent),
		TEST(datagrams_and_their_bytes_are_counted),
		TEST(the_unspecified_ipv6_address_takes_ipv4_too),
		TEST(a_datagram_that_is_too_long_is_counted_and_not_delivered),
		TEST(an_empty_datagram_is_delivered),
		TEST(draining_takes_all_that_waits_without_the_loop),
		TEST(what_the_kernel_drops_is_counted),
		TEST(what_is_no_address_is_refused_with_a_sentence),
		TEST(a_port_that_is_taken_is_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
