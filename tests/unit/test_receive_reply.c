/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/receive collector/loop */
/*
 * Answers on loopback, which has all of 127.0.0.0/8: a connected socket takes them only from the
 * address that it asked, as a probe's does.
 */
#include "receive.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct loop *loop;
	struct stats stats;
	struct receive *receive;
	struct receive_from from;
	unsigned n;
};

static struct fixture fixture;

static void took(void *ctx, const uint8_t *data, size_t len, const struct receive_from *from)
{
	struct fixture *f = ctx;

	(void)data;
	(void)len;
	f->from = *from;
	f->n++;
}

static int set_up(void **state)
{
	char err[ERR_LEN];

	fixture = (struct fixture){0};
	*state = &fixture;
	return loop_new(&fixture.loop, err);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	receive_close(f->receive);
	loop_free(f->loop);
	return 0;
}

static void open_at(struct fixture *f, const char *listen)
{
	char err[ERR_LEN] = "";

	if (receive_open(f->loop, listen, &f->stats, took, f, &f->receive, err) < 0)
		fail_msg("%s", err);
}

/* A socket that is connected to the host's port, and has asked. */
static int ask(struct fixture *f, const char *host)
{
	struct sockaddr_storage ss;
	struct addr addr;
	socklen_t len;
	int fd;

	assert_int_equal(addr_parse(host, &addr), 0);
	len = addr_to_sockaddr(&addr, receive_port(f->receive), &ss);
	fd = socket(addr.len == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(send(fd, "?", 1, 0), 1);
	receive_drain(f->receive);
	return fd;
}

static bool is_answered(struct fixture *f, int fd)
{
	char got[16];
	ssize_t len;

	assert_true(receive_reply(f->receive, &f->from, (const uint8_t *)"answer", 6));
	len = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	close(fd);
	return len == 6 && memcmp(got, "answer", 6) == 0;
}

static void answers_from(struct fixture *f, const char *host)
{
	if (!is_answered(f, ask(f, host)))
		fail_msg("no answer from %s", host);
}

static bool has_ipv6(void)
{
	const uint8_t localhost[16] = {[15] = 1};
	const struct addr addr = addr_v6(localhost);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&addr, 0, &ss);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&ss, len) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

static void an_ipv4_socket_answers_from_the_address_that_was_asked(void **state)
{
	struct fixture *f = *state;

	open_at(f, "0.0.0.0:0");
	answers_from(f, "127.0.0.1");
	answers_from(f, "127.0.0.2");
	answers_from(f, "127.1.2.3");
}

static void the_dual_stack_socket_answers_ipv4_from_the_address_that_was_asked(void **state)
{
	struct fixture *f = *state;

	if (!has_ipv6())
		skip();
	open_at(f, "[::]:0");
	answers_from(f, "127.0.0.1");
	answers_from(f, "127.0.0.2");
}

static void the_dual_stack_socket_answers_ipv6(void **state)
{
	struct fixture *f = *state;

	if (!has_ipv6())
		skip();
	open_at(f, "[::]:0");
	answers_from(f, "::1");
}

static void a_socket_of_one_address_answers_from_it(void **state)
{
	struct fixture *f = *state;

	open_at(f, "127.0.0.2:0");
	answers_from(f, "127.0.0.2");
}

static void several_that_asked_different_addresses_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct receive_from first;
	int fds[2];

	open_at(f, "0.0.0.0:0");
	fds[0] = ask(f, "127.0.0.2");
	first = f->from;
	fds[1] = ask(f, "127.0.0.3");
	assert_true(is_answered(f, fds[1]));
	f->from = first;
	assert_true(is_answered(f, fds[0]));
}

static void where_the_address_is_not_known_the_kernel_chooses(void **state)
{
	struct fixture *f = *state;
	int fd;

	open_at(f, "127.0.0.1:0");
	fd = ask(f, "127.0.0.1");
	f->from.local.len = 0;
	assert_true(is_answered(f, fd));
}

static void stopped_it_takes_no_more_and_still_answers(void **state)
{
	struct fixture *f = *state;
	int fd;

	open_at(f, "[::]:0");
	fd = ask(f, "127.0.0.2");
	receive_stop(f->receive);
	receive_stop(f->receive);
	assert_true(is_answered(f, fd));
	assert_int_equal(f->n, 1);
}

static void one_that_has_gone_harms_nobody(void **state)
{
	struct fixture *f = *state;
	struct receive_from gone;
	int fd;

	open_at(f, "127.0.0.1:0");
	close(ask(f, "127.0.0.1"));
	gone = f->from;
	receive_reply(f->receive, &gone, (const uint8_t *)"answer", 6);
	fd = ask(f, "127.0.0.1");
	assert_int_equal(f->n, 2);
	assert_true(is_answered(f, fd));
}

static void what_the_kernel_does_not_take_is_said(void **state)
{
	static uint8_t data[70000];
	struct fixture *f = *state;

	open_at(f, "127.0.0.1:0");
	close(ask(f, "127.0.0.1"));
	assert_false(receive_reply(f->receive, &f->from, data, sizeof(data)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_ipv4_socket_answers_from_the_address_that_was_asked),
		TEST(the_dual_stack_socket_answers_ipv4_from_the_address_that_was_asked),
		TEST(the_dual_stack_socket_answers_ipv6),
		TEST(a_socket_of_one_address_answers_from_it),
		TEST(several_that_asked_different_addresses_are_told_apart),
		TEST(where_the_address_is_not_known_the_kernel_chooses),
		TEST(stopped_it_takes_no_more_and_still_answers),
		TEST(one_that_has_gone_harms_nobody),
		TEST(what_the_kernel_does_not_take_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
