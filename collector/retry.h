/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an HTTP answer means for a body in the spool (README, "When InfluxDB is away or refuses"),
 * and when to try again. Pure: the answer, the number of tries, random bits and the time are passed
 * in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum retry_act {
	RETRY_DELIVERED,
	RETRY_KEEP,         /* back off, then send the same again */
	RETRY_KEEP_BEHIND,  /* the same, but the others first: perhaps it is this body's fault */
	RETRY_KEEP_AUTH,    /* 401, 403: every 30 s */
	RETRY_KEEP_MISSING, /* 404: database or bucket not found; every 30 s */
	RETRY_REFUSED,      /* some of it will never be taken: halve it; a line alone is dead */
};
const char *retry_act_name(enum retry_act act);

struct retry_answer {
	int status;       /* 0: no HTTP answer */
	const char *body; /* its beginning, NUL-terminated; "" for none */
	bool is_html;     /* by its Content-Type */
};

/* tries: how often this body was sent, this time included. */
enum retry_act retry_act_of(const struct retry_answer *answer, unsigned tries);

/* Of what is RETRY_REFUSED: does it say that none of so many lines was taken? Then halving them
 * would find nothing. */
bool retry_is_all_refused(const struct retry_answer *answer, uint32_t lines);

/* Of 403 and 404: a proxy may say so of one body alone, for what is in it. */
bool retry_is_perhaps_of_body(const struct retry_answer *answer);

/* InfluxDB 1.x; of 2.x a bucket is missing. */
bool retry_is_database_missing(const struct retry_answer *answer);

/* The maximum: what is new is to be seen within 10 s of an outage's end, and on a quiet day a
 * collector posts oftener than that. A database that wants more rest says Retry-After. */
#define RETRY_DELAY_MIN_MS        500
#define RETRY_DELAY_MAX_MS        8000
#define RETRY_DELAY_SLOW_MS       30000
#define RETRY_DELAY_BEHIND_MAX_MS 30000 /* RETRY_KEEP_BEHIND: bodies that may be good wait too */

/*
 * Full jitter: uniform in [MIN, min(MAX, MIN × 2^failures)]; retry_after_s where the server gave
 * one (0 … 600; negative: none) and it is longer. failures: in a row, from 1.
 */
int64_t retry_delay_ms(
	enum retry_act act, unsigned failures, int64_t retry_after_s, uint64_t random);

/* Full jitter alone: uniform in [RETRY_DELAY_MIN_MS, min(max_ms, RETRY_DELAY_MIN_MS × 2^failures)].
 */
int64_t retry_backoff_ms(int64_t max_ms, unsigned failures, uint64_t random);

/* Retry-After (RFC 9110 10.2.3): seconds, or an HTTP date relative to now (Unix time). -1: neither.
 */
int64_t retry_parse_after(const char *value, int64_t now_s);
