/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_create.h"

#include "clock.h"
#include "log.h"
#include "ship_health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ship_create {
	struct http_client *client;
	char url[SHIP_URL_LEN];
	bool has_asked;
	int64_t asked_ms;
	bool is_failing; /* and said so */
	void (*done)(void *ctx, bool is_created);
	void *ctx;
};

int ship_create_open(struct http_client *client, const struct ship_config *config,
	struct ship_create **ret, char err[static ERR_LEN])
{
	struct ship_create *create;
	int r;

	if (config->bucket && *config->bucket) {
		snprintf(err, ERR_LEN,
			"--create-db: not together with --bucket; a bucket is created in InfluxDB");
		return -EINVAL;
	}
	create = calloc(1, sizeof(*create));
	if (!create) {
		snprintf(err, ERR_LEN, "--create-db: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	create->client = client;
	r = ship_url_create(config, create->url, sizeof(create->url), err);
	if (r < 0) {
		free(create);
		return r;
	}
	*ret = create;
	return 0;
}

void ship_create_free(struct ship_create *create)
{
	free(create);
}

/* InfluxDB 1.x answers 200 to a statement that failed, too, and says so in the body. */
static void answered(void *ctx, const struct http_answer *answer)
{
	struct ship_create *create = ctx;
	bool is_created = answer->status == 200 && strstr(answer->body, "\"results\"") &&
			  !strstr(answer->body, "\"error\"");
	struct ship_answer said = {.status = answer->status};

	ship_reason_set(&said, answer->status ? answer->body : answer->error);
	if (is_created)
		log_info("influx created the database", "url=\"%s\"", create->url);
	else if (!create->is_failing)
		log_error("influx did not create the database",
			"url=\"%s\" status=%d error=\"%s\" act=\"asked again every 30 s\"",
			create->url, said.status, said.reason);
	create->is_failing = !is_created;
	create->done(create->ctx, is_created);
}

bool ship_create_ask(struct ship_create *create, const char *authorization, const char *ca_file,
	void (*done)(void *ctx, bool is_created), void *ctx)
{
	const struct http_request request = {
		.url = create->url, .authorization = authorization, .ca_file = ca_file};
	int64_t now_ms = clock_mono_ms();

	if (create->has_asked && now_ms - create->asked_ms < SHIP_CREATE_EVERY_MS)
		return false;
	create->has_asked = true;
	create->asked_ms = now_ms;
	create->done = done;
	create->ctx = ctx;
	return http_client_post(create->client, &request, answered, create) == 0;
}
