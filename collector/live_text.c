/* SPDX-License-Identifier: Apache-2.0 */
#include "live_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define HOST_WIDTH      20
#define SENDER_WIDTH    24
#define RECEIVER_WIDTH  40
#define SERVICE_WIDTH   11 /* "udp/65535", "icmpv6/-" */
#define RATE_WIDTH      13 /* "999.9 Mbit/s" */
#define TABLE_FIXED     (4 + 1 + SERVICE_WIDTH + 1 + RATE_WIDTH + 1 + RATE_WIDTH)
#define TABLE_NAMES_MIN 20
#define SERVICE_LEN     32
#define TABLE_LINE_MAX  1024

double live_row_rate(uint64_t bytes, uint32_t interval_ms)
{
	return (double)bytes * 8000 / (interval_ms ? interval_ms : 1);
}

void live_rate_format(double bits_per_s, char ret[static LIVE_RATE_LEN])
{
	static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
	size_t i = 0;

	/* From 999.95 on "%.1f" would print 1000.0. */
	for (; bits_per_s >= 999.95 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		bits_per_s /= 1000;
	snprintf(ret, LIVE_RATE_LEN, i ? "%.1f %s" : "%.0f %s", bits_per_s, units[i]);
}

static void service_format(const struct live_row *row, char ret[static SERVICE_LEN])
{
	snprintf(ret, SERVICE_LEN, "%.15s/%.15s", row->proto, row->port);
}

/* Who opened it: the pod (->), the other end (<-), or not told. */
static const char *arrow(const struct live_row *row)
{
	if (strcmp(row->role, "client") == 0)
		return "->";
	return strcmp(row->role, "server") == 0 ? "<-" : "--";
}

/* The names share what the numbers leave of a line. */
struct layout {
	int host;
	int sender;
	int receiver;
};

static struct layout layout_of(size_t width, bool has_hosts)
{
	int names =
		width < TABLE_FIXED + TABLE_NAMES_MIN ? TABLE_NAMES_MIN : (int)width - TABLE_FIXED;
	struct layout l = {.host = has_hosts ? names / 5 : 0};

	names -= has_hosts ? l.host + 1 : 0;
	l.sender = names * 2 / 5;
	l.receiver = names - l.sender;
	return l;
}

/* Padded to width, and where it is cut that can be seen. */
static int cell(char *at, size_t size, const char *text, int width)
{
	bool is_cut = strlen(text) > (size_t)width;

	return snprintf(at, size, "%-*.*s%s", is_cut ? width - 1 : width,
		is_cut ? width - 1 : width, text, is_cut ? "+" : "");
}

struct cells {
	const char *host;
	const char *sender;
	const char *arrow;
	const char *receiver;
	const char *service;
	const char *out;
	const char *in;
};

static void table_line(FILE *out, const struct cells *c, size_t width, bool has_hosts)
{
	struct layout l = layout_of(width, has_hosts);
	char line[TABLE_LINE_MAX];
	const int max = TABLE_LINE_MAX / 8; /* of a cell: seven of them fit */
	int n = 0;

	if (has_hosts) {
		n += cell(line, sizeof(line), c->host, l.host < max ? l.host : max);
		line[n++] = ' ';
	}
	n += cell(line + n, sizeof(line) - (size_t)n, c->sender, l.sender < max ? l.sender : max);
	n += snprintf(line + n, sizeof(line) - (size_t)n, " %s ", c->arrow);
	n += cell(line + n, sizeof(line) - (size_t)n, c->receiver,
		l.receiver < max ? l.receiver : max);
	snprintf(line + n, sizeof(line) - (size_t)n, " %-*s %*s %*s", SERVICE_WIDTH, c->service,
		RATE_WIDTH, c->out, RATE_WIDTH, c->in);
	fprintf(out, "%.*s", (int)(width < sizeof(line) ? width : sizeof(line)), line);
}

void live_table_title(FILE *out, const struct live_totals *totals, int64_t now_ms, size_t width)
{
	time_t now = (time_t)(now_ms / 1000);
	char tx[LIVE_RATE_LEN], rx[LIVE_RATE_LEN];
	char when[16], line[256], left_out[48] = "";
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%H:%M:%SZ", &tm);
	live_rate_format(totals->tx_bits_per_s, tx);
	live_rate_format(totals->rx_bits_per_s, rx);
	if (totals->n_left_out)
		snprintf(left_out, sizeof(left_out), "  (and %zu left out)", totals->n_left_out);
	snprintf(line, sizeof(line), "nstats %s  out %s  in %s  hosts %zu  rows %zu%s", when, tx,
		rx, totals->n_hosts, totals->n_rows, left_out);
	fprintf(out, "%.*s", (int)(width < sizeof(line) ? width : sizeof(line)), line);
}

void live_table_head(FILE *out, size_t width, bool has_hosts)
{
	static const struct cells head = {.host = "HOST",
		.sender = "SENDER",
		.arrow = "  ",
		.receiver = "RECEIVER",
		.service = "PROTO/PORT",
		.out = "OUT",
		.in = "IN"};

	table_line(out, &head, width, has_hosts);
}

void live_table_row(FILE *out, const struct live_row *row, size_t width, bool has_hosts)
{
	char tx[LIVE_RATE_LEN], rx[LIVE_RATE_LEN], service[SERVICE_LEN];
	struct cells cells = {.host = row->host,
		.sender = row->sender,
		.arrow = arrow(row),
		.receiver = row->receiver,
		.service = service,
		.out = tx,
		.in = rx};

	service_format(row, service);
	live_rate_format(live_row_rate(row->sum.tx_bytes, row->interval_ms), tx);
	live_rate_format(live_row_rate(row->sum.rx_bytes, row->interval_ms), rx);
	table_line(out, &cells, width, has_hosts);
}

void live_plain_head(FILE *out)
{
	fprintf(out, "%-20s %-*s %-*s   %-*s %-*s %-6s %*s %*s %14s %14s\n", "TIME", HOST_WIDTH,
		"HOST", SENDER_WIDTH, "SENDER", RECEIVER_WIDTH, "RECEIVER", SERVICE_WIDTH,
		"PROTO/PORT", "ROLE", RATE_WIDTH, "OUT", RATE_WIDTH, "IN", "OUT_BYTES", "IN_BYTES");
}

void live_plain_row(FILE *out, const struct live_row *row)
{
	char tx[LIVE_RATE_LEN], rx[LIVE_RATE_LEN], service[SERVICE_LEN], when[32];
	time_t start = (time_t)(row->start_ms / 1000);
	struct tm tm;

	gmtime_r(&start, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	service_format(row, service);
	live_rate_format(live_row_rate(row->sum.tx_bytes, row->interval_ms), tx);
	live_rate_format(live_row_rate(row->sum.rx_bytes, row->interval_ms), rx);
	fprintf(out, "%-20s %-*s %-*s > %-*s %-*s %-6s %*s %*s %14" PRIu64 " %14" PRIu64 "\n", when,
		HOST_WIDTH, row->host, SENDER_WIDTH, row->sender, RECEIVER_WIDTH, row->receiver,
		SERVICE_WIDTH, service, row->role, RATE_WIDTH, tx, RATE_WIDTH, rx,
		row->sum.tx_bytes, row->sum.rx_bytes);
}
