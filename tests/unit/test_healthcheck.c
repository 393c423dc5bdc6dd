/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/healthcheck */
#include "healthcheck.h"

#include "addr.h"
#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A server for one request: what it answers, in pieces, and whether it then closes. */
struct fixture {
	int fd;
	uint16_t port;
	char http[64];
	const char *pieces[4];
	bool is_silent;
	char request[512];
	pthread_t thread;
};
static struct fixture fixture;
static char line[HEALTHCHECK_LINE_LEN];
static char err[ERR_LEN];

static int set_up(void **state)
{
	const struct addr loopback = {.len = 4, .bytes = {127, 0, 0, 1}};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&loopback, 0, &ss);
	struct addr addr;

	(void)state;
	memset(&fixture, 0, sizeof(fixture));
	fixture.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fixture.fd, (struct sockaddr *)&ss, len) < 0 || listen(fixture.fd, 4) < 0 ||
		getsockname(fixture.fd, (struct sockaddr *)&ss, &len) < 0)
		return -1;
	addr_from_sockaddr(&ss, &addr, &fixture.port);
	snprintf(fixture.http, sizeof(fixture.http), "127.0.0.1:%u", fixture.port);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (fixture.fd >= 0)
		close(fixture.fd);
	return 0;
}

static void *serve(void *arg)
{
	int fd = accept(fixture.fd, NULL, NULL);

	(void)arg;
	if (fd < 0)
		return NULL;
	(void)!recv(fd, fixture.request, sizeof(fixture.request) - 1, 0);
	for (size_t i = 0; i < 4 && fixture.pieces[i]; i++) {
		(void)send(fd, fixture.pieces[i], strlen(fixture.pieces[i]), MSG_NOSIGNAL);
		usleep(2000);
	}
	if (fixture.is_silent) /* until the other end has given up */
		(void)!recv(fd, fixture.request, sizeof(fixture.request) - 1, 0);
	close(fd);
	return NULL;
}

static int ask_served(const char *http, int wait_ms)
{
	int r;

	line[0] = err[0] = '\0';
	assert_int_equal(pthread_create(&fixture.thread, NULL, serve, NULL), 0);
	r = healthcheck_ask(http, wait_ms, line, err);
	pthread_join(fixture.thread, NULL);
	return r;
}

static void ready_is_200_with_its_line(void **state)
{
	(void)state;
	fixture.pieces[0] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n";
	assert_int_equal(ask_served(fixture.http, 2000), 200);
	assert_string_equal(line, "ready");
	assert_string_equal(fixture.request, "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n");
}

static void an_answer_may_come_in_pieces(void **state)
{
	(void)state;
	fixture.pieces[0] = "HTTP/1.0 5";
	fixture.pieces[1] = "03 Service Unavailable\r\n\r";
	fixture.pieces[2] = "\nstop";
	fixture.pieces[3] = "ping\nmore\n";
	assert_int_equal(ask_served(fixture.http, 2000), 503);
	assert_string_equal(line, "stopping");
}

static void every_address_means_loopback(void **state)
{
	static const char *const forms[] = {"0.0.0.0", "[::]"};

	(void)state;
	fixture.pieces[0] = "HTTP/1.1 200 OK\r\n\r\nready\n";
	for (size_t i = 0; i < 2; i++) {
		char http[64];

		snprintf(http, sizeof(http), "%s:%u", forms[i], fixture.port);
		assert_int_equal(ask_served(http, 2000), 200);
	}
}

static void nobody_there_is_said_at_once(void **state)
{
	(void)state;
	close(fixture.fd);
	fixture.fd = -1;
	assert_int_equal(healthcheck_ask(fixture.http, 2000, line, err), -ECONNREFUSED);
	assert_non_null(strstr(err, "no collector answers at 127.0.0.1 port "));
	assert_non_null(strstr(err, "Connection refused"));
}

static void who_accepts_and_says_nothing_is_given_up(void **state)
{
	int64_t began_ms = clock_mono_ms();

	(void)state;
	fixture.is_silent = true;
	assert_int_equal(ask_served(fixture.http, 50), -ETIMEDOUT);
	assert_true(clock_mono_ms() - began_ms >= 50);
	assert_true(clock_mono_ms() - began_ms < 1500);
}

static void a_head_that_does_not_end_is_given_up(void **state)
{
	(void)state;
	fixture.is_silent = true;
	fixture.pieces[0] = "HTTP/1.1 200 OK\r\n";
	assert_int_equal(ask_served(fixture.http, 50), -ETIMEDOUT);
}

static void what_is_no_http_is_refused(void **state)
{
	static const char *const answers[] = {"", "x", "HTTP/1.", "HTTP/1.\r\n\r\n200",
		"HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		fixture.pieces[0] = answers[i];
		assert_int_equal(ask_served(fixture.http, 2000), -EPROTO);
		assert_non_null(strstr(err, "that is no HTTP answer"));
	}
}

static void a_body_without_end_is_cut_and_made_printable(void **state)
{
	static char answer[100000];
	size_t len = (size_t)snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\n\r\n\033[2J");

	(void)state;
	memset(answer + len, 'x', sizeof(answer) - len - 1);
	fixture.pieces[0] = answer;
	assert_int_equal(ask_served(fixture.http, 2000), 200);
	assert_int_equal(strlen(line), HEALTHCHECK_LINE_LEN - 1);
	assert_memory_equal(line, "?[2Jxxx", 7);
}

static void an_address_that_is_none_is_named(void **state)
{
	static const char *const bad[] = {
		"", "127.0.0.1", "localhost:9747", "127.0.0.1:0", ":9747"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(healthcheck_ask(bad[i], 2000, line, err), -EINVAL);
		assert_non_null(strstr(err, "--http: '"));
		assert_non_null(strstr(err, bad[i]));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ready_is_200_with_its_line),
		TEST(an_answer_may_come_in_pieces),
		TEST(every_address_means_loopback),
		TEST(nobody_there_is_said_at_once),
		TEST(who_accepts_and_says_nothing_is_given_up),
		TEST(a_head_that_does_not_end_is_given_up),
		TEST(what_is_no_http_is_refused),
		TEST(a_body_without_end_is_cut_and_made_printable),
		TEST(an_address_that_is_none_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
