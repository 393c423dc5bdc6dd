/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/health */
#include "health.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE     "ok interface=eth0"
#define QUESTION "nstats-probe: well?"

/* The probe, which answers until the test ends, and its address. */
struct fixture {
	int fd;
	const char *line;
	atomic_bool is_ending;
	pthread_t thread;
};
static struct fixture fixture;

static void *answer(void *arg)
{
	(void)arg;
	while (!fixture.is_ending) {
		(void)health_answer(fixture.fd, fixture.line);
		usleep(1000);
	}
	return NULL;
}

static int start(const char *line)
{
	fixture.line = line;
	fixture.is_ending = false;
	return pthread_create(&fixture.thread, NULL, answer, NULL);
}

static void end(void)
{
	fixture.is_ending = true;
	pthread_join(fixture.thread, NULL);
}

/* A probe that runs on this machine must not answer here: names belong to the network namespace. */
static int set_up(void **state)
{
	(void)state;
	fixture.fd = health_open();
	return fixture.fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(fixture.fd);
	return 0;
}

/* What is asked by hand; is_named: with an address that can be answered. */
static int raw_socket(bool is_named)
{
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
	struct sockaddr_un to = {0};
	socklen_t len = sizeof(to);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(getsockname(fixture.fd, (struct sockaddr *)&to, &len), 0);
	if (is_named)
		assert_int_equal(
			bind(fd, (const struct sockaddr *)&unnamed, sizeof(sa_family_t)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
	return fd;
}

static void a_question_is_answered_with_the_line(void **state)
{
	char line[HEALTH_LINE_LEN], err[ERR_LEN];

	(void)state;
	assert_int_equal(start(LINE), 0);
	assert_int_equal(health_ask(2000, line, err), 0);
	end();
	assert_string_equal(line, LINE);
}

static void the_longest_line_is_cut_to_the_questions_length(void **state)
{
	char longest[HEALTH_LINE_LEN + 50];
	char line[HEALTH_LINE_LEN], err[ERR_LEN];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memcpy(longest, "ok ", 3);
	assert_int_equal(start(longest), 0);
	assert_int_equal(health_ask(2000, line, err), 0);
	end();
	assert_int_equal(strlen(line), HEALTH_LINE_LEN - 1);
}

static void bytes_for_a_terminal_are_not_passed_on(void **state)
{
	char line[HEALTH_LINE_LEN], err[ERR_LEN];

	(void)state;
	assert_int_equal(start("ok \033[2J\n\xff"), 0);
	assert_int_equal(health_ask(2000, line, err), 0);
	end();
	assert_string_equal(line, "ok ?[2J??");
}

static void an_answer_that_is_not_ok_is_an_error(void **state)
{
	char line[HEALTH_LINE_LEN], err[ERR_LEN];

	(void)state;
	assert_int_equal(start("no"), 0);
	assert_int_equal(health_ask(2000, line, err), -EPROTO);
	end();
}

static void a_probe_that_waits_says_what_for(void **state)
{
	char line[HEALTH_LINE_LEN], err[ERR_LEN];

	(void)state;
	assert_int_equal(start(HEALTH_WAITS "no such \033[2J interface"), 0);
	assert_int_equal(health_ask(2000, line, err), -ENODATA);
	end();
	assert_string_equal(err, "nothing is captured: no such ?[2J interface");
}

static void who_does_not_answer_is_given_up(void **state)
{
	char line[HEALTH_LINE_LEN], err[ERR_LEN];

	(void)state;
	assert_int_equal(health_ask(20, line, err), -ETIMEDOUT);
	assert_string_equal(err, "no probe answers here within 20 ms");
}

static void a_full_queue_is_given_up(void **state)
{
	char line[HEALTH_LINE_LEN], err[ERR_LEN];
	int fd = raw_socket(false);

	(void)state;
	for (int i = 0; i < 100000 && send(fd, "x", 1, 0) == 1; i++)
		continue;
	assert_int_equal(health_ask(20, line, err), -ETIMEDOUT);
	close(fd);
}

static void where_there_is_no_probe_it_is_said_at_once(void **state)
{
	char line[HEALTH_LINE_LEN], err[ERR_LEN];

	(void)state;
	close(fixture.fd);
	assert_int_equal(health_ask(2000, line, err), -ECONNREFUSED);
	assert_string_equal(err, "no probe answers here");
	fixture.fd = health_open();
	assert_true(fixture.fd >= 0);
}

static void a_second_probe_is_told_that_the_name_is_taken(void **state)
{
	(void)state;
	assert_int_equal(health_open(), -EADDRINUSE);
}

static void a_short_or_strange_question_gets_no_answer(void **state)
{
	char data[HEALTH_LINE_LEN + 1] = QUESTION;
	int fd = raw_socket(true);

	(void)state;
	assert_int_equal(send(fd, data, strlen(QUESTION), 0), strlen(QUESTION));
	assert_int_equal(send(fd, data, sizeof(data), 0), sizeof(data));
	assert_int_equal(send(fd, data, 0, 0), 0);
	data[0] = 'N';
	assert_int_equal(send(fd, data, HEALTH_LINE_LEN, 0), HEALTH_LINE_LEN);
	assert_int_equal(health_answer(fixture.fd, LINE), 4);
	assert_int_equal(recv(fd, data, sizeof(data), 0), -1);
	data[0] = 'n';
	assert_int_equal(send(fd, data, HEALTH_LINE_LEN, 0), HEALTH_LINE_LEN);
	assert_int_equal(health_answer(fixture.fd, LINE), 1);
	assert_int_equal(recv(fd, data, sizeof(data), 0), strlen(LINE));
	close(fd);
}

static void who_has_no_address_or_a_path_gets_no_answer(void **state)
{
	char path[64];
	struct sockaddr_un from = {.sun_family = AF_UNIX};
	char data[HEALTH_LINE_LEN] = QUESTION;
	int unnamed = raw_socket(false), with_path = raw_socket(false);

	(void)state;
	snprintf(path, sizeof(path), "/tmp/nstats-test-health.%d", (int)getpid());
	memcpy(from.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(with_path, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(send(unnamed, data, sizeof(data), 0), sizeof(data));
	assert_int_equal(send(with_path, data, sizeof(data), 0), sizeof(data));
	assert_int_equal(health_answer(fixture.fd, LINE), 2);
	assert_int_equal(recv(with_path, data, sizeof(data), 0), -1);
	unlink(path);
	close(unnamed);
	close(with_path);
}

static void a_turn_is_bounded(void **state)
{
	int fd = raw_socket(false);
	int n = 0;

	(void)state;
	/* net.unix.max_dgram_qlen datagrams wait at most, by default 10 or more */
	while (n < HEALTH_TURN_MAX + 4 && send(fd, "x", 1, 0) == 1)
		n++;
	assert_int_equal(
		health_answer(fixture.fd, LINE), n < HEALTH_TURN_MAX ? n : HEALTH_TURN_MAX);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int own_network(void **state)
{
	(void)state;
	(void)unshare(CLONE_NEWNET); /* without the right to it: beside no other probe */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_is_answered_with_the_line),
		TEST(the_longest_line_is_cut_to_the_questions_length),
		TEST(bytes_for_a_terminal_are_not_passed_on),
		TEST(an_answer_that_is_not_ok_is_an_error),
		TEST(a_probe_that_waits_says_what_for),
		TEST(who_does_not_answer_is_given_up),
		TEST(a_full_queue_is_given_up),
		TEST(where_there_is_no_probe_it_is_said_at_once),
		TEST(a_second_probe_is_told_that_the_name_is_taken),
		TEST(a_short_or_strange_question_gets_no_answer),
		TEST(who_has_no_address_or_a_path_gets_no_answer),
		TEST(a_turn_is_bounded),
	};

	return cmocka_run_group_tests(tests, own_network, NULL);
}
