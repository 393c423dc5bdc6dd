/* SPDX-License-Identifier: Apache-2.0 */
/* How --live writes its rows: a line of a table that fits the terminal, or a plain line. */
#pragma once

#include "record.h"

#include <stdbool.h>
#include <stdio.h>

#define LIVE_RATE_LEN 32

/* Borrows its texts. */
struct live_row {
	uint64_t start_ms;
	uint32_t interval_ms;
	const char *host;
	const char *sender;
	const char *receiver;
	const char *proto;
	const char *port;
	const char *role;
	struct counters sum;
};

struct live_totals {
	size_t n_rows;
	size_t n_hosts;
	size_t n_left_out;
	double tx_bits_per_s;
	double rx_bits_per_s;
};

/* "12.3 Mbit/s"; powers of 1000. */
void live_rate_format(double bits_per_s, char ret[static LIVE_RATE_LEN]);
double live_row_rate(uint64_t bytes, uint32_t interval_ms);

/* At most width columns, without a line feed. */
void live_table_title(FILE *out, const struct live_totals *totals, int64_t now_ms, size_t width);
void live_table_head(FILE *out, size_t width, bool has_hosts);
void live_table_row(FILE *out, const struct live_row *row, size_t width, bool has_hosts);

/* Whole lines; nothing is cut. */
void live_plain_head(FILE *out);
void live_plain_row(FILE *out, const struct live_row *row);
