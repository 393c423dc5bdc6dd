/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char output[8192];

struct redirect {
	int saved;
	int reader;
};

static struct redirect redirect_begin(void)
{
	struct redirect r = {.saved = dup(STDERR_FILENO)};
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	r.reader = ends[0];
	return r;
}

static void redirect_end(struct redirect r)
{
	ssize_t n;

	dup2(r.saved, STDERR_FILENO);
	close(r.saved);
	n = read(r.reader, output, sizeof(output) - 1);
	output[n > 0 ? n : 0] = '\0';
	close(r.reader);
}

static void a_line_is_logfmt_with_a_time_in_utc(void **state)
{
	struct redirect r = redirect_begin();
	regex_t expected;

	(void)state;
	log_info("spool full", "bytes=%d act=\"oldest evicted\"", 123);
	redirect_end(r);
	assert_int_equal(regcomp(&expected,
				 "^ts=20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
				 "\\.[0-9]{3}Z level=info msg=\"spool full\" bytes=123 "
				 "act=\"oldest evicted\"\n$",
				 REG_EXTENDED | REG_NOSUB),
		0);
	assert_int_equal(regexec(&expected, output, 0, NULL, 0), 0);
	regfree(&expected);
}

static void no_fields_leave_no_blank_at_the_end(void **state)
{
	struct redirect r = redirect_begin();

	(void)state;
	log_error("gone", "");
	redirect_end(r);
	assert_non_null(strstr(output, "level=error msg=\"gone\"\n"));
}

static void levels_below_the_threshold_are_silent(void **state)
{
	struct redirect r = redirect_begin();

	(void)state;
	log_debug("one", "");
	log_set_level(LOG_ERROR);
	log_warn("two", "");
	log_error("three", "");
	log_set_level(LOG_DEBUG);
	log_debug("four", "");
	log_set_level(LOG_INFO);
	redirect_end(r);
	assert_null(strstr(output, "one"));
	assert_null(strstr(output, "two"));
	assert_non_null(strstr(output, "three"));
	assert_non_null(strstr(output, "level=debug msg=\"four\""));
}

static void bytes_that_are_not_printable_become_question_marks(void **state)
{
	struct redirect r = redirect_begin();

	(void)state;
	log_info("peer", "name=%s", "a\nb\033[2J\x7f\xc3\xa9z");
	redirect_end(r);
	assert_non_null(strstr(output, "name=a?b?[2J???z\n"));
}

static void a_line_is_cut_at_1024_bytes(void **state)
{
	struct redirect r = redirect_begin();
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("long", "text=%s", text);
	log_info(text, "tail=%d", 1);
	redirect_end(r);
	assert_int_equal(strlen(output), 2 * 1024);
	assert_int_equal(output[1023], '\n');
	assert_int_equal(output[2047], '\n');
}

static void errno_survives_a_line(void **state)
{
	int saved = dup(STDERR_FILENO);
	int kept;

	(void)state;
	close(STDERR_FILENO);
	errno = ENOSPC;
	log_error("nowhere to go", "");
	kept = errno;
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(kept, ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_logfmt_with_a_time_in_utc),
		cmocka_unit_test(no_fields_leave_no_blank_at_the_end),
		cmocka_unit_test(levels_below_the_threshold_are_silent),
		cmocka_unit_test(bytes_that_are_not_printable_become_question_marks),
		cmocka_unit_test(a_line_is_cut_at_1024_bytes),
		cmocka_unit_test(errno_survives_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
