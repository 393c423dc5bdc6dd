/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the lines of a body that a database does not take: what is refused is halved until single
 * lines stand alone. Sending a line twice only overwrites its point, so ranges may be sent in any
 * order and again. Pure: the caller sends and says what became of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole lines of the text, each with its line feed. */
struct bisect_range {
	size_t begin;
	size_t len;
	uint32_t lines;
};

#define BISECT_DEPTH 40 /* more than any body's lines can be halved */

struct bisect {
	const char *text;
	size_t n;
	struct bisect_range open[BISECT_DEPTH]; /* the last one is next */
};

/* Borrows the text until the end. Its last line may lack the line feed. */
void bisect_init(struct bisect *bisect, const char *text, size_t len);

/* What to send next; false: all is over. */
bool bisect_next(const struct bisect *bisect, struct bisect_range *ret);

/* That was taken. */
void bisect_taken(struct bisect *bisect);

/* It was refused. True: it was one line, *ret, which is refused for good; else it is halved. */
bool bisect_refused(struct bisect *bisect, struct bisect_range *ret);

/* Lines of text, the last one with or without its line feed. */
uint32_t bisect_lines(const char *text, size_t len);

/* tx_bytes + rx_bytes of all lines as line.c writes them; other lines account for nothing. */
uint64_t bisect_traffic(const char *text, size_t len);
