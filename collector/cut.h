/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body that a database refused, cut into ranges of lines which are sent one after the other until
 * the bad lines stand alone, and what became of them all. Pure: the caller sends, and says what the
 * answer was. It holds all memory that it needs but for the gzipped pieces, which are the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUT_TEXT_MAX   (1024 * 1024) /* of a body's lines */
#define CUT_REASON_LEN 200

struct cut_piece {
	uint32_t lines; /* 0: there is none, and no data */
	uint64_t traffic_bytes;
	uint8_t *data; /* gzip, free(3) */
	size_t len;
};

struct cut;
/* Borrows the body for the call. 0, -ENOMEM, or -EBADMSG: it cannot be expanded, or is too long. */
int cut_open(const uint8_t *data, size_t len, struct cut **ret);
void cut_close(struct cut *cut);

/* Each line was taken or is dead. */
bool cut_is_over(const struct cut *cut);

/* What to send next, at first all; not of one that is over. Lines, and the piece: 0 or -ENOMEM. */
uint32_t cut_next_lines(const struct cut *cut);
int cut_next(struct cut *cut, struct cut_piece *ret);

/* What became of it. A single line that is refused is dead, and so are all of them with is_all.
 * True: something is dead now. */
void cut_taken(struct cut *cut);
bool cut_refused(struct cut *cut, bool is_all, int status, const char *reason);

/* The dead lines as one piece, and what was answered to the first of them. 0 or -ENOMEM. */
int cut_dead(struct cut *cut, struct cut_piece *ret);
int cut_dead_status(const struct cut *cut);
const char *cut_dead_reason(const struct cut *cut);

/* The lines that were neither taken nor refused alone. 0 or -ENOMEM. */
int cut_rest(struct cut *cut, struct cut_piece *ret);
