/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logfmt on standard error, a line each:
 * msg="spool is full" evicted_bytes=123 act="oldest bodies go".
 * error: the operator must act; warn: degraded, and how we cope; info: a change of state; debug:
 * the rest. Called by the stories and main only (layers 3 and 4). Bytes that are not printable
 * ASCII become '?', so that a name from outside can neither break a line nor speak to a terminal.
 */
#pragma once

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

void log_set_level(enum log_level level);

/* An empty fmt is in the contract below. */
#pragma GCC diagnostic ignored "-Wformat-zero-length"

/* fmt gives the fields after msg, logfmt already: "status=%d act=\"retry\""; "" for none. */
void log_error(const char *msg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *msg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *msg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *msg, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
