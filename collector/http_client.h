/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests by libcurl's multi interface on the loop, and the only file that includes curl.
 * Keep-alive; never follows a redirect; error bodies are cut at HTTP_CLIENT_BODY_MAX.
 */
#pragma once

#include "err.h"
#include "loop.h"

#include <stddef.h>
#include <stdint.h>

#define HTTP_CLIENT_BODY_MAX   65536
#define HTTP_CLIENT_TIMEOUT_MS 30000
#define HTTP_CLIENT_CONNECT_MS 5000

struct http_request {
	const char *url;
	const char *authorization; /* the header's value, "Token …"; NULL: none */
	const char *ca_file;       /* NULL: the system's */
	const char *content_type;
	const char *content_encoding; /* "gzip" or NULL */
	const void *body;             /* borrowed until the answer */
	size_t body_len;
};

/* Its strings are borrowed for the call that gives it. */
struct http_answer {
	int status;               /* 0: none; error says why */
	const char *error;        /* curl's sentence, "" where status is set */
	const char *body;         /* NUL-terminated, cut */
	const char *content_type; /* "" for none */
	const char *retry_after;  /* header's value, "" for none */
};

typedef void http_answer_fn(void *ctx, const struct http_answer *answer);

/* Part of a 2xx answer's body, borrowed for the call. False: enough, break it off. */
typedef bool http_data_fn(void *ctx, const void *data, size_t len);

/* A GET whose body is given out as it comes: it may be endless, and silent for long. */
struct http_get {
	const char *url;
	const char *authorization; /* as in http_request */
	const char *ca_file;       /* read anew for each new connection */
	int64_t total_ms;          /* the whole exchange takes no longer; 0: no limit */
	http_data_fn *data;
	http_answer_fn *done;
	void *ctx;
};

struct http_exchange;
struct http_client;
/* Keeps loop until http_client_close. 0 or -errno. */
int http_client_open(struct loop *loop, struct http_client **ret, char err[static ERR_LEN]);
/* Breaks off what is under way; its callbacks are not called. */
void http_client_close(struct http_client *client);

/* POST. The strings are copied, the body is borrowed. 0 or -errno; the callback comes from the
 * loop. */
int http_client_post(struct http_client *client, const struct http_request *request,
	http_answer_fn *fn, void *ctx);

/*
 * GET. The strings are copied. 0 or -errno; *ret may be cancelled until done is called. done's
 * answer has a status where the body came to its end, or data broke it off, and a body only where
 * the status is none of 2xx. It knows of no silence: who expects something cancels.
 */
int http_client_get(
	struct http_client *client, const struct http_get *get, struct http_exchange **ret);
/* Its done is not called. Not from its data callback. */
void http_client_cancel(struct http_exchange *exchange);
