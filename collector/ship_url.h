/* SPDX-License-Identifier: Apache-2.0 */
/* Where to ship to, as the options say it, and the request URL that follows from it. Pure. */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct ship_config {
	const char *influx; /* HOST[:PORT] or http(s)://HOST[:PORT][/PREFIX] */
	const char *db;     /* 1.x, or anything that speaks /write */
	const char *rp;     /* NULL: the default one */
	const char *org;    /* 2.x */
	const char *bucket; /* 2.x where set */
	const char *token_file;
	const char *user;
	const char *password_file;
	const char *ca_file;
	bool is_create_db; /* ask 1.x for the database where it is missing */
};

#define SHIP_URL_LEN 2048

/* Request URL for these settings, percent-encoded (RFC 3986 2.1); testable alone. 0 or -errno. */
int ship_url(const struct ship_config *config, char *ret, size_t cap, char err[static ERR_LEN]);

/* The same of the request that creates the database: POST /query?q=CREATE DATABASE "…" (1.x). */
int ship_url_create(
	const struct ship_config *config, char *ret, size_t cap, char err[static ERR_LEN]);
