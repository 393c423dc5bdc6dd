/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client.h with a database at its other end: it stores points, and may then break the
 * connection, say nothing until the time is out, refuse, or store one half. A request that is on
 * its way when the collector crashes still arrives.
 */
#include "collector_host.h"
#include "http_client.h"
#include "points.h"
#include "settings.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define AWAY_MS 3000 /* at most, until a connection is refused */

struct http_client {
	uint64_t life; /* an answer to a client that is gone finds another one's */
};

static struct http_client *the_client;
static uint64_t last_life;

struct request {
	http_answer_fn *fn;
	void *ctx;
	enum backend_mood mood;
	const struct reply *reply;
	size_t len;
	char body[];
};

struct reply {
	int status;
	const char *text; /* its body, or what the client says where there is none */
	const char *content_type;
	const char *retry_after;
};

static const struct reply stored = {204, "", "", ""};
static const struct reply no_connection = {0, "could not connect", "", ""};
static const struct reply broken = {0, "connection reset", "", ""};
static const struct reply timed_out = {0, "timed out", "", ""};
static const struct reply half[] = {
	{400, "partial write: field type conflict", "application/json", ""},
	{500, "partial write: points beyond retention policy dropped=1", "", ""},
};
static const struct reply busy[] = {
	{503, "busy", "", ""},
	{503, "busy", "", "3"},
	{429, "too many", "", "20"},
	{502, "<html>bad gateway</html>", "text/html", ""},
	{200, "<html>log in</html>", "text/html", ""},
};
static const struct reply refused[] = {
	{400, "unable to parse", "application/json", ""},
	{413, "request entity too large", "", ""},
	{422, "unprocessable", "", ""},
};
static const struct reply locked[] = {
	{401, "authorization failed", "", ""},
	{404, "database not found", "", ""},
};

#define ANY_OF(list) (&(list)[world_below(sizeof(list) / sizeof((list)[0]))])

int http_client_open(struct loop *loop, struct http_client **ret, char err[static ERR_LEN])
{
	struct http_client *client = calloc(1, sizeof(*client));

	(void)loop;
	(void)err;
	assert(client && !the_client);
	client->life = ++last_life;
	the_client = client;
	*ret = client;
	return 0;
}

void http_client_close(struct http_client *client)
{
	the_client = NULL;
	free(client);
}

static size_t count_lines(const struct request *request)
{
	size_t n = 0;

	for (size_t i = 0; i < request->len; i++)
		n += request->body[i] == '\n';
	return n;
}

static void store(const struct request *request, size_t max_lines)
{
	struct points_reader reader = {request->body, request->body + request->len};
	struct point point;

	while (max_lines-- > 0 && points_read(&reader, &point))
		points_store(&point);
	collector_host_danger("after the backend stored");
}

static const struct reply *judge(const struct request *request)
{
	switch (request->mood) {
	case BACKEND_AWAY:
		return &no_connection;
	case BACKEND_BUSY:
		return ANY_OF(busy);
	case BACKEND_BREAKS:
		store(request, SIZE_MAX);
		return world_chance(500) ? &broken : &timed_out;
	case BACKEND_REFUSES:
		return ANY_OF(refused);
	case BACKEND_HALF:
		store(request, count_lines(request) / 2);
		return ANY_OF(half);
	case BACKEND_LOCKED:
		return ANY_OF(locked);
	case BACKEND_WELL:
	case BACKEND_MOODY:
	case N_BACKEND_MOODS:
		break;
	}
	store(request, SIZE_MAX);
	return &stored;
}

static void answer(void *ctx, uint64_t life)
{
	const struct request *request = ctx;
	const struct reply *reply = request->reply;
	struct http_answer it = {.status = reply->status,
		.error = reply->status ? "" : reply->text,
		.body = reply->status ? reply->text : "",
		.content_type = reply->content_type,
		.retry_after = reply->retry_after};

	if (the_client && the_client->life == life)
		request->fn(request->ctx, &it);
}

static void arrive(void *ctx, uint64_t life)
{
	struct request *request = ctx;
	struct request *back = malloc(sizeof(*back));
	int64_t delay_ms = world_between(0, settings.delay_ms);

	assert(back);
	request->reply = judge(request);
	world_trace("backend: %zu bytes, answers %d %s", request->len, request->reply->status,
		request->reply->text);
	if (request->reply == &timed_out)
		delay_ms = HTTP_CLIENT_TIMEOUT_MS;
	if (request->reply == &no_connection)
		delay_ms = world_between(0, AWAY_MS);
	*back = *request;
	world_after_with(collector_host_clock(), delay_ms, answer, back, life);
}

int http_client_post(struct http_client *client, const struct http_request *request,
	http_answer_fn *fn, void *ctx)
{
	struct request *mine = malloc(sizeof(*mine) + request->body_len);
	enum backend_mood mood = settings.backend;

	assert(mine);
	if (mood == BACKEND_MOODY)
		mood = (enum backend_mood)world_below(BACKEND_MOODY);
	*mine = (struct request){.fn = fn, .ctx = ctx, .mood = mood, .len = request->body_len};
	memcpy(mine->body, request->body, request->body_len);
	world_after_with(collector_host_clock(), world_between(0, settings.delay_ms), arrive, mine,
		client->life);
	return 0;
}
