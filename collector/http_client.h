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

struct http_answer {
	int status;               /* 0: none; error says why */
	const char *error;        /* curl's sentence, "" where status is set */
	const char *body;         /* NUL-terminated, cut */
	const char *content_type; /* "" for none */
	const char *retry_after;  /* header's value, "" for none */
};

typedef void http_answer_fn(void *ctx, const struct http_answer *answer);

struct http_client;
int http_client_open(struct loop *loop, struct http_client **ret, char err[static ERR_LEN]);
/* Breaks off what is under way; its callbacks are not called. */
void http_client_close(struct http_client *client);

/* POST. The strings are copied, the body is borrowed. 0 or -errno; the callback comes from the
 * loop. */
int http_client_post(struct http_client *client, const struct http_request *request,
	http_answer_fn *fn, void *ctx);
