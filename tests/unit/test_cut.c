/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/cut collector/bisect collector/gzip */
#include "cut.h"

#include "bisect.h"
#include "gzip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_LINES  1000
#define LINE_LEN 48

static char text[N_LINES * LINE_LEN + 1];
static bool is_bad[N_LINES];
static unsigned taken[N_LINES];
static struct cut *cut;

static struct cut *open_lines(unsigned n)
{
	struct gzip *gzip = gzip_new();
	struct cut *ret = NULL;
	uint8_t *data;
	size_t len = 0;

	memset(is_bad, 0, sizeof(is_bad));
	memset(taken, 0, sizeof(taken));
	text[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"nstat,receiver=%u tx_bytes=%ui,rx_bytes=1i 1\n", i, i);
	assert_int_equal(gzip_compress(gzip, text, len, &data, &len), 0);
	assert_int_equal(cut_open(data, len, &ret), 0);
	free(data);
	gzip_free(gzip);
	return ret;
}

static int tear_down(void **state)
{
	(void)state;
	cut_close(cut);
	cut = NULL;
	return 0;
}

/* NUL-terminated; free(3). */
static char *lines_of(struct cut_piece *piece)
{
	char *lines;
	size_t len;

	if (piece->lines == 0) {
		assert_null(piece->data);
		return calloc(1, 1);
	}
	assert_int_equal(gzip_expand(piece->data, piece->len, CUT_TEXT_MAX, &lines, &len), 0);
	lines = realloc(lines, len + 1);
	lines[len] = '\0';
	assert_int_equal(piece->lines, bisect_lines(lines, len));
	assert_int_equal(piece->traffic_bytes, bisect_traffic(lines, len));
	free(piece->data);
	piece->data = NULL;
	return lines;
}

/* Sends what is next to a database that takes ranges without a bad line. */
static void step(void)
{
	struct cut_piece piece;
	bool has_bad = false;
	unsigned i;
	char *lines;

	assert_int_equal(cut_next_lines(cut) > 0, 1);
	assert_int_equal(cut_next(cut, &piece), 0);
	lines = lines_of(&piece);
	for (const char *at = lines; sscanf(at, "nstat,receiver=%u ", &i) == 1;
		at = strchr(at, '\n') + 1)
		has_bad |= is_bad[i];
	for (const char *at = lines; !has_bad && sscanf(at, "nstat,receiver=%u ", &i) == 1;
		at = strchr(at, '\n') + 1)
		taken[i]++;
	free(lines);
	if (has_bad)
		cut_refused(cut, false, 400, "bad");
	else
		cut_taken(cut);
}

static unsigned run(void)
{
	unsigned n = 0;

	for (; !cut_is_over(cut); n++)
		step();
	return n;
}

static void the_bad_lines_alone_are_dead(void **state)
{
	static const unsigned bad[] = {0, 13, 14, 500, 999};
	struct cut_piece dead, rest;
	char *lines;

	(void)state;
	cut = open_lines(N_LINES);
	for (size_t i = 0; i < 5; i++)
		is_bad[bad[i]] = true;
	assert_true(run() < 100);
	for (unsigned i = 0; i < N_LINES; i++)
		assert_int_equal(taken[i], !is_bad[i]);
	assert_int_equal(cut_dead(cut, &dead), 0);
	assert_int_equal(dead.lines, 5);
	assert_int_equal(dead.traffic_bytes, 0 + 13 + 14 + 500 + 999 + 5);
	lines = lines_of(&dead);
	assert_non_null(strstr(lines, "nstat,receiver=500 "));
	free(lines);
	assert_int_equal(cut_rest(cut, &rest), 0);
	assert_int_equal(rest.lines, 0);
	assert_null(rest.data);
}

static void at_any_moment_each_line_is_taken_or_dead_or_among_the_rest(void **state)
{
	(void)state;
	cut = open_lines(200);
	for (unsigned i = 0; i < 200; i += 7)
		is_bad[i] = true;
	while (!cut_is_over(cut)) {
		struct cut_piece dead, rest;
		uint32_t n_taken = 0;
		uint64_t bytes = 0;

		step();
		for (unsigned i = 0; i < 200; i++)
			n_taken += taken[i];
		for (unsigned i = 0; i < 200; i++)
			bytes += taken[i] ? i + 1 : 0;
		assert_int_equal(cut_dead(cut, &dead), 0);
		assert_int_equal(cut_rest(cut, &rest), 0);
		assert_int_equal(n_taken + dead.lines + rest.lines, 200);
		assert_int_equal(
			bytes + dead.traffic_bytes + rest.traffic_bytes, 199 * 200 / 2 + 200);
		free(dead.data);
		free(rest.data);
	}
}

static void the_first_dead_lines_answer_is_kept(void **state)
{
	(void)state;
	cut = open_lines(2);
	cut_refused(cut, false, 413, "too large"); /* both: halved */
	cut_refused(cut, false, 400, "first");
	cut_refused(cut, false, 422, "second");
	assert_true(cut_is_over(cut));
	assert_int_equal(cut_dead_status(cut), 400);
	assert_string_equal(cut_dead_reason(cut), "first");
}

static void what_is_refused_as_a_whole_is_dead_without_another_request(void **state)
{
	struct cut_piece dead;
	char *lines;

	(void)state;
	cut = open_lines(100);
	cut_refused(cut, true, 400, "dropped=100");
	assert_true(cut_is_over(cut));
	assert_int_equal(cut_dead(cut, &dead), 0);
	lines = lines_of(&dead);
	assert_string_equal(lines, text);
	free(lines);
}

static void what_is_no_gzip_or_too_long_cannot_be_cut(void **state)
{
	static char much[CUT_TEXT_MAX + 1];
	struct gzip *gzip = gzip_new();
	uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(cut_open((const uint8_t *)"1", 1, &cut), -EBADMSG);
	assert_int_equal(cut_open(NULL, 0, &cut), -EBADMSG);
	assert_int_equal(gzip_compress(gzip, much, sizeof(much), &data, &len), 0);
	assert_int_equal(cut_open(data, len, &cut), -EBADMSG);
	assert_null(cut);
	free(data);
	gzip_free(gzip);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_bad_lines_alone_are_dead),
		TEST(at_any_moment_each_line_is_taken_or_dead_or_among_the_rest),
		TEST(the_first_dead_lines_answer_is_kept),
		TEST(what_is_refused_as_a_whole_is_dead_without_another_request),
		TEST(what_is_no_gzip_or_too_long_cannot_be_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
