/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks InfluxDB 1.x to create the database that it says is missing. A database that exists already
 * stays as it is (InfluxQL: CREATE DATABASE of one that exists is no error).
 */
#pragma once

#include "err.h"
#include "http_client.h"
#include "ship_url.h"

#include <stdbool.h>
#include <stdint.h>

#define SHIP_CREATE_EVERY_MS 30000

struct ship_create;
/* Keeps the client, and borrows the config. 0 or -errno; err names the option. */
int ship_create_open(struct http_client *client, const struct ship_config *config,
	struct ship_create **ret, char err[static ERR_LEN]);
/* After http_client_close: until then an answer may come to it. */
void ship_create_free(struct ship_create *create);

/*
 * Calls done later, from the loop; false: it was asked less than 30 s ago, or there is no memory.
 * authorization and ca_file are as in struct http_request.
 */
bool ship_create_ask(struct ship_create *create, const char *authorization, const char *ca_file,
	void (*done)(void *ctx, bool is_created), void *ctx);
