/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On a terminal the rows of each host's newest interval are "now"; they stay until a newer one
 * comes or the host has been silent for some intervals. Elsewhere rows are printed and let go.
 */
#include "live.h"

#include "live_out.h"
#include "live_text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_LINES   24
#define DEFAULT_WIDTH   80
#define HEAD_LINES      3 /* title, head, and the line on which the cursor rests */
#define STALE_INTERVALS 3
#define STALE_EXTRA_MS  5000

#define SCREEN_OPEN  "\x1b[?25l\x1b[2J" /* hide the cursor, clear */
#define SCREEN_HOME  "\x1b[H"
#define SCREEN_CLOSE "\x1b[?25h"
/* Before the text: behind a full line it would take the last character. */
#define CLEAR_LINE  "\x1b[K"
#define CLEAR_BELOW "\x1b[J"

struct live {
	struct live_out *out;
	int screen; /* for its size; -1 where it is no terminal */
	bool is_terminal;
	bool is_begun;
	bool has_news;
	bool is_compact; /* nothing came since equal rows were merged */
	size_t n;
	size_t n_left_out;
	struct live_row
		rows[LIVE_ROWS_MAX]; /* host begins the one piece of memory of all strings */
};

struct live *live_new(FILE *out)
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live)
		return NULL;
	live->out = live_out_new(fileno(out));
	if (!live->out) {
		free(live);
		return NULL;
	}
	live->is_terminal = isatty(fileno(out)) == 1;
	live->screen = live->is_terminal ? fileno(out) : -1;
	return live;
}

static void row_done(struct live_row *row)
{
	free((void *)(uintptr_t)row->host);
}

void live_free(struct live *live)
{
	if (!live)
		return;
	if (live->is_terminal && live->is_begun && live_out_push(live->out)) {
		FILE *out = live_out_begin(live->out);

		if (out) {
			fputs(SCREEN_CLOSE, out);
			live_out_end(live->out);
		}
	}
	live_out_free(live->out);
	for (size_t i = 0; i < live->n; i++)
		row_done(&live->rows[i]);
	free(live);
}

/* False: no memory. */
static bool row_copy(const struct live_row *row, struct live_row *ret)
{
	const char *from[] = {
		row->host, row->sender, row->receiver, row->proto, row->port, row->role};
	const char **to[] = {
		&ret->host, &ret->sender, &ret->receiver, &ret->proto, &ret->port, &ret->role};
	const size_t n = sizeof(from) / sizeof(from[0]);
	size_t len = 0;
	char *at;

	for (size_t i = 0; i < n; i++)
		len += strlen(from[i]) + 1;
	at = malloc(len);
	if (!at)
		return false;
	*ret = *row;
	for (size_t i = 0; i < n; i++) {
		*to[i] = at;
		at = stpcpy(at, from[i]) + 1;
	}
	return true;
}

/* A host's newest interval first, and in it equal rows beside each other. */
static int compare_rows(const void *a, const void *b)
{
	const struct live_row *x = a, *y = b;
	int r = strcmp(x->host, y->host);

	if (r == 0 && x->start_ms != y->start_ms)
		return x->start_ms > y->start_ms ? -1 : 1;
	r = r ? r : strcmp(x->sender, y->sender);
	r = r ? r : strcmp(x->receiver, y->receiver);
	r = r ? r : strcmp(x->proto, y->proto);
	r = r ? r : strcmp(x->port, y->port);
	return r ? r : strcmp(x->role, y->role);
}

static int compare_bytes(const struct live_row *x, const struct live_row *y)
{
	uint64_t bytes_x = counters_bytes(&x->sum), bytes_y = counters_bytes(&y->sum);

	return bytes_x == bytes_y ? compare_rows(x, y) : bytes_x > bytes_y ? -1 : 1;
}

static int compare_for_table(const void *a, const void *b)
{
	return compare_bytes(a, b);
}

static int compare_for_plain(const void *a, const void *b)
{
	const struct live_row *x = a, *y = b;
	int r = strcmp(x->host, y->host);

	if (x->start_ms != y->start_ms)
		return x->start_ms < y->start_ms ? -1 : 1;
	return r ? r : compare_bytes(x, y);
}

/* A row behind its neighbour in the order of compare_rows: is it of an interval that has passed? */
static bool is_past(
	const struct live *live, const struct live_row *before, const struct live_row *row)
{
	return live->is_terminal && strcmp(before->host, row->host) == 0 &&
	       before->start_ms != row->start_ms;
}

/* Equal rows become one; on a terminal a host's older intervals go. */
static void compact(struct live *live)
{
	size_t n = 0;

	if (live->is_compact)
		return;
	live->is_compact = true;
	qsort(live->rows, live->n, sizeof(live->rows[0]), compare_rows);
	for (size_t i = 0; i < live->n; i++) {
		struct live_row *row = &live->rows[i];
		struct live_row *before = n ? &live->rows[n - 1] : NULL;

		if (before && is_past(live, before, row)) {
			row_done(row);
		} else if (before && compare_rows(before, row) == 0) {
			counters_add(&before->sum, &row->sum);
			row_done(row);
		} else {
			live->rows[n++] = *row;
		}
	}
	live->n = n;
}

void live_add(struct live *live, const struct live_row *row)
{
	live->has_news = true;
	if (live->n == LIVE_ROWS_MAX)
		compact(live);
	if (live->n == LIVE_ROWS_MAX || !row_copy(row, &live->rows[live->n])) {
		live->n_left_out++;
		return;
	}
	live->n++;
	live->is_compact = false;
}

static bool is_stale(const struct live_row *row, int64_t now_ms)
{
	int64_t age_ms = now_ms - (int64_t)row->start_ms;

	return age_ms > (int64_t)row->interval_ms * (STALE_INTERVALS + 1) + STALE_EXTRA_MS;
}

static void drop_stale(struct live *live, int64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < live->n; i++) {
		if (is_stale(&live->rows[i], now_ms))
			row_done(&live->rows[i]);
		else
			live->rows[n++] = live->rows[i];
	}
	live->has_news |= n != live->n;
	live->n = n;
}

/* In the order of compare_rows. */
static struct live_totals totals_of(const struct live *live)
{
	struct live_totals t = {.n_rows = live->n, .n_left_out = live->n_left_out};

	for (size_t i = 0; i < live->n; i++) {
		const struct live_row *row = &live->rows[i];

		t.n_hosts += i == 0 || strcmp(row->host, row[-1].host) != 0;
		t.tx_bits_per_s += live_row_rate(row->sum.tx_bytes, row->interval_ms);
		t.rx_bits_per_s += live_row_rate(row->sum.rx_bytes, row->interval_ms);
	}
	return t;
}

static struct winsize screen_size(int fd)
{
	struct winsize size = {0};

	ioctl(fd, TIOCGWINSZ, &size);
	if (size.ws_col == 0)
		size.ws_col = DEFAULT_WIDTH;
	if (size.ws_row == 0)
		size.ws_row = DEFAULT_LINES;
	return size;
}

static void draw_table(struct live *live, FILE *out, int64_t now_ms)
{
	struct winsize size = screen_size(live->screen);
	struct live_totals totals;
	bool has_hosts;

	compact(live);
	qsort(live->rows, live->n, sizeof(live->rows[0]), compare_rows);
	totals = totals_of(live);
	has_hosts = totals.n_hosts > 1;
	qsort(live->rows, live->n, sizeof(live->rows[0]), compare_for_table);
	fputs(live->is_begun ? SCREEN_HOME : SCREEN_OPEN SCREEN_HOME, out);
	fputs(CLEAR_LINE, out);
	live_table_title(out, &totals, now_ms, size.ws_col);
	fputs("\n" CLEAR_LINE, out);
	live_table_head(out, size.ws_col, has_hosts);
	fputs("\n", out);
	if (live->n == 0)
		fputs(CLEAR_LINE "nothing yet: rows come as a probe's interval ends\n", out);
	for (size_t i = 0; i < live->n && i + HEAD_LINES < size.ws_row; i++) {
		fputs(CLEAR_LINE, out);
		live_table_row(out, &live->rows[i], size.ws_col, has_hosts);
		fputs("\n", out);
	}
	fputs(CLEAR_BELOW, out);
	live->n_left_out = 0;
}

static void draw_plain(struct live *live, FILE *out)
{
	compact(live);
	qsort(live->rows, live->n, sizeof(live->rows[0]), compare_for_plain);
	if (!live->is_begun)
		live_plain_head(out);
	for (size_t i = 0; i < live->n; i++) {
		live_plain_row(out, &live->rows[i]);
		row_done(&live->rows[i]);
	}
	if (live->n_left_out)
		fprintf(out, "(%zu rows left out)\n", live->n_left_out);
	live->n = 0;
	live->n_left_out = 0;
}

void live_draw(struct live *live, int64_t now_ms)
{
	bool is_first = live->is_terminal && !live->is_begun;
	FILE *out;

	if (live->is_terminal)
		drop_stale(live, now_ms);
	if (!live_out_push(live->out) || (!live->has_news && !is_first))
		return;
	out = live_out_begin(live->out);
	if (!out)
		return;
	if (live->is_terminal)
		draw_table(live, out, now_ms);
	else
		draw_plain(live, out);
	live_out_end(live->out);
	live->is_begun = true;
	live->has_news = false;
}
