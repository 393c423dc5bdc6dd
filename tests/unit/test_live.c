/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/live collector/live_text collector/live_out */
#include "live.h"
#include "live_text.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS 1795378530000 /* 2026-11-22T20:15:30Z */

static const struct live_row web = {.start_ms = START_MS,
	.interval_ms = 1000,
	.host = "web-0",
	.sender = "10.0.0.5",
	.receiver = "93.184.216.34",
	.proto = "tcp",
	.port = "443",
	.role = "client",
	.sum = {.tx_bytes = 150000, .rx_bytes = 1000000}};

static struct live_row row_of(const char *host, const char *receiver, uint64_t bytes)
{
	struct live_row row = web;

	row.host = host;
	row.receiver = receiver;
	row.sum = (struct counters){.tx_bytes = bytes};
	return row;
}

static void assert_rate(double bits_per_s, const char *expected)
{
	char text[LIVE_RATE_LEN];

	live_rate_format(bits_per_s, text);
	assert_string_equal(text, expected);
}

static void rates_are_written_in_powers_of_a_thousand(void **state)
{
	(void)state;
	assert_rate(0, "0 bit/s");
	assert_rate(999, "999 bit/s");
	assert_rate(1000, "1.0 kbit/s");
	assert_rate(12300000, "12.3 Mbit/s");
	assert_rate(999960, "1.0 Mbit/s");
	assert_rate(4e15, "4000.0 Tbit/s");
}

/* What was drawn to a file, from the offset that was there before. */
static void read_from(FILE *file, long from, char *ret, size_t size)
{
	size_t n;

	fseek(file, from, SEEK_SET);
	n = fread(ret, 1, size - 1, file);
	ret[n] = '\0';
	fseek(file, 0, SEEK_END);
}

static void a_plain_row_says_who_talks_to_whom(void **state)
{
	FILE *file = tmpfile();
	struct live *live = live_new(file);
	char text[4096];

	(void)state;
	live_add(live, &web);
	live_draw(live, START_MS);
	read_from(file, 0, text, sizeof(text));
	assert_non_null(strstr(text, "\n2026-11-22T20:15:30Z web-0 "));
	assert_non_null(strstr(text, " 10.0.0.5 "));
	assert_non_null(strstr(text, " > 93.184.216.34 "));
	assert_non_null(strstr(text, " tcp/443     client    1.2 Mbit/s    8.0 Mbit/s "));
	assert_non_null(strstr(text, "  150000        1000000\n"));
	live_free(live);
	fclose(file);
}

static void the_plain_head_is_written_once(void **state)
{
	FILE *file = tmpfile();
	struct live *live = live_new(file);
	char text[4096];

	(void)state;
	for (int i = 0; i < 2; i++) {
		live_add(live, &web);
		live_draw(live, START_MS);
	}
	read_from(file, 0, text, sizeof(text));
	assert_ptr_equal(strstr(text, "TIME "), text);
	assert_null(strstr(text + 1, "TIME "));
	live_free(live);
	fclose(file);
}

static void a_beat_without_news_writes_nothing(void **state)
{
	FILE *file = tmpfile();
	struct live *live = live_new(file);
	char text[4096];

	(void)state;
	live_draw(live, START_MS);
	read_from(file, 0, text, sizeof(text));
	assert_string_equal(text, "");
	live_free(live);
	fclose(file);
}

static void plain_rows_are_written_once_and_the_largest_first(void **state)
{
	FILE *file = tmpfile();
	struct live *live = live_new(file);
	struct live_row small = row_of("web-0", "small", 1), large = row_of("web-0", "large", 2);
	char text[4096];
	long at;

	(void)state;
	live_add(live, &small);
	live_add(live, &large);
	live_draw(live, START_MS);
	read_from(file, 0, text, sizeof(text));
	assert_true(strstr(text, "large") < strstr(text, "small"));
	at = ftell(file);
	live_draw(live, START_MS);
	read_from(file, at, text, sizeof(text));
	assert_string_equal(text, "");
	live_free(live);
	fclose(file);
}

static void equal_rows_are_summed(void **state)
{
	FILE *file = tmpfile();
	struct live *live = live_new(file);
	struct live_row row = row_of("web-0", "same", 111);
	char text[4096];

	(void)state;
	live_add(live, &row);
	live_add(live, &row);
	live_draw(live, START_MS);
	read_from(file, 0, text, sizeof(text));
	assert_non_null(strstr(text, " 222 "));
	live_free(live);
	fclose(file);
}

static void rows_beyond_the_maximum_are_counted(void **state)
{
	FILE *file = tmpfile();
	struct live *live = live_new(file);
	char *text = malloc(4 * 1024 * 1024);

	(void)state;
	for (int i = 0; i < LIVE_ROWS_MAX + 7; i++) {
		char receiver[32];
		struct live_row row;

		snprintf(receiver, sizeof(receiver), "r%d", i);
		row = row_of("web-0", receiver, 1);
		live_add(live, &row);
	}
	live_draw(live, START_MS);
	read_from(file, 0, text, 4 * 1024 * 1024);
	assert_non_null(strstr(text, "(7 rows left out)\n"));
	live_free(live);
	fclose(file);
	free(text);
}

/* A pseudo-terminal: live gets the slave, the test reads the master. */
struct terminal {
	int master;
	FILE *slave;
	struct live *live;
};

static struct terminal terminal_open(unsigned short columns, unsigned short lines)
{
	struct winsize size = {.ws_col = columns, .ws_row = lines};
	struct terminal t = {.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)};
	char name[64];

	assert_true(t.master >= 0);
	assert_int_equal(grantpt(t.master), 0);
	assert_int_equal(unlockpt(t.master), 0);
	assert_int_equal(ptsname_r(t.master, name, sizeof(name)), 0);
	t.slave = fopen(name, "r+e");
	assert_non_null(t.slave);
	assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
	t.live = live_new(t.slave);
	return t;
}

static void terminal_read(const struct terminal *t, char *ret, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(t->master, ret + len, size - 1 - len)) > 0)
		len += (size_t)n;
	ret[len] = '\0';
}

static void terminal_close(struct terminal *t)
{
	live_free(t->live);
	fclose(t->slave);
	close(t->master);
}

static unsigned lines_of(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void a_terminal_gets_a_table_with_totals(void **state)
{
	struct terminal t = terminal_open(80, 24);
	char text[8192];

	(void)state;
	live_add(t.live, &web);
	live_draw(t.live, START_MS);
	terminal_read(&t, text, sizeof(text));
	assert_non_null(strstr(text, "nstats 20:15:30Z  out 1.2 Mbit/s  in 8.0 Mbit/s  hosts 1"));
	assert_non_null(strstr(text, "10.0.0.5"));
	assert_non_null(strstr(text, " -> 93.184.216.34"));
	terminal_close(&t);
}

static void a_terminal_is_told_that_there_is_nothing_yet(void **state)
{
	struct terminal t = terminal_open(80, 24);
	char text[4096];

	(void)state;
	live_draw(t.live, START_MS);
	terminal_read(&t, text, sizeof(text));
	assert_non_null(strstr(text, "nothing yet"));
	terminal_close(&t);
}

/* 400 KB where a pipe holds 64 KiB: a blocking write would never come back. */
static void a_reader_that_sleeps_holds_nothing_up_and_gets_whole_lines(void **state)
{
	int ends[2];
	FILE *file;
	struct live *live;
	size_t n_lines = 0;
	char text[65536];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	file = fdopen(ends[1], "w");
	live = live_new(file);
	for (unsigned i = 0; i < 2000; i++) {
		struct live_row row = web;
		char port[16];

		snprintf(port, sizeof(port), "%u", i);
		row.port = port;
		live_add(live, &row);
	}
	live_draw(live, START_MS);
	for (int i = 0; i < 20; i++) {
		while ((n = read(ends[0], text, sizeof(text))) > 0)
			for (ssize_t at = 0; at < n; at++)
				n_lines += text[at] == '\n';
		live_draw(live, START_MS);
	}
	assert_int_equal(n_lines, 2001);
	live_free(live);
	fclose(file);
	close(ends[0]);
}

static void a_table_has_no_more_lines_than_the_screen(void **state)
{
	struct terminal t = terminal_open(80, 10);
	char text[16384];

	(void)state;
	for (int i = 0; i < 50; i++) {
		char receiver[32];
		struct live_row row;

		snprintf(receiver, sizeof(receiver), "r%d", i);
		row = row_of("web-0", receiver, 1);
		live_add(t.live, &row);
	}
	live_draw(t.live, START_MS);
	terminal_read(&t, text, sizeof(text));
	assert_int_equal(lines_of(text), 9);
	terminal_close(&t);
}

static void no_line_of_a_table_is_wider_than_the_screen(void **state)
{
	static const unsigned short widths[] = {10, 40, 80, 200};
	const char *line;
	char text[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct terminal t = terminal_open(widths[i], 24);
		struct live_row row = row_of("a-host-with-a-name",
			"a.very.long.name.that.will.not.fit.any.of.these.tables.example.com", 9);

		live_add(t.live, &row);
		live_add(t.live, &web);
		live_draw(t.live, START_MS);
		terminal_read(&t, text, sizeof(text));
		for (line = strstr(text, "\x1b[K"); line; line = strstr(line + 1, "\x1b[K"))
			assert_true(strcspn(line + 3, "\r\n") <= widths[i]);
		terminal_close(&t);
	}
}

static void a_newer_interval_takes_the_place_of_the_older(void **state)
{
	struct terminal t = terminal_open(80, 24);
	struct live_row before = row_of("web-0", "before", 9), after = row_of("web-0", "after", 1);
	char text[8192];

	(void)state;
	after.start_ms += 1000;
	live_add(t.live, &before);
	live_draw(t.live, START_MS);
	terminal_read(&t, text, sizeof(text));
	live_add(t.live, &after);
	live_draw(t.live, START_MS + 1000);
	terminal_read(&t, text, sizeof(text));
	assert_non_null(strstr(text, "after"));
	assert_null(strstr(text, "before"));
	terminal_close(&t);
}

static void another_hosts_rows_stay(void **state)
{
	struct terminal t = terminal_open(80, 24);
	struct live_row first = row_of("web-0", "first", 9), second = row_of("web-1", "second", 1);
	char text[8192];

	(void)state;
	second.start_ms += 500;
	live_add(t.live, &first);
	live_draw(t.live, START_MS);
	terminal_read(&t, text, sizeof(text));
	live_add(t.live, &second);
	live_draw(t.live, START_MS + 500);
	terminal_read(&t, text, sizeof(text));
	assert_non_null(strstr(text, "first"));
	assert_non_null(strstr(text, "web-1"));
	terminal_close(&t);
}

static void a_silent_host_leaves_the_table(void **state)
{
	struct terminal t = terminal_open(80, 24);
	char text[8192];

	(void)state;
	live_add(t.live, &web);
	live_draw(t.live, START_MS);
	terminal_read(&t, text, sizeof(text));
	live_draw(t.live, START_MS + 60000);
	terminal_read(&t, text, sizeof(text));
	assert_non_null(strstr(text, "rows 0"));
	terminal_close(&t);
}

static void the_cursor_is_restored_at_the_end(void **state)
{
	struct terminal t = terminal_open(80, 24);
	char text[8192];

	(void)state;
	live_add(t.live, &web);
	live_draw(t.live, START_MS);
	terminal_read(&t, text, sizeof(text));
	assert_non_null(strstr(text, "\x1b[?25l"));
	live_free(t.live);
	t.live = NULL;
	terminal_read(&t, text, sizeof(text));
	assert_string_equal(text, "\x1b[?25h");
	terminal_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_written_in_powers_of_a_thousand),
		cmocka_unit_test(a_plain_row_says_who_talks_to_whom),
		cmocka_unit_test(the_plain_head_is_written_once),
		cmocka_unit_test(a_beat_without_news_writes_nothing),
		cmocka_unit_test(plain_rows_are_written_once_and_the_largest_first),
		cmocka_unit_test(equal_rows_are_summed),
		cmocka_unit_test(rows_beyond_the_maximum_are_counted),
		cmocka_unit_test(a_terminal_gets_a_table_with_totals),
		cmocka_unit_test(a_terminal_is_told_that_there_is_nothing_yet),
		cmocka_unit_test(a_reader_that_sleeps_holds_nothing_up_and_gets_whole_lines),
		cmocka_unit_test(a_table_has_no_more_lines_than_the_screen),
		cmocka_unit_test(no_line_of_a_table_is_wider_than_the_screen),
		cmocka_unit_test(a_newer_interval_takes_the_place_of_the_older),
		cmocka_unit_test(another_hosts_rows_stay),
		cmocka_unit_test(a_silent_host_leaves_the_table),
		cmocka_unit_test(the_cursor_is_restored_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
