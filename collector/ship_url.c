/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_url.h"

#include "addr.h"
#include "strbuf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define INFLUX_DEFAULT_PORT 8086

/* Without a scheme the port defaults to InfluxDB's, with one to the scheme's. */
struct scheme {
	const char *text;
	const char *canonical;
	uint16_t default_port;
};

static const struct scheme schemes[] = {
	{"http://", "http://", 80},
	{"https://", "https://", 443},
	{"", "http://", INFLUX_DEFAULT_PORT},
};

static const struct scheme *scheme_of(const char *text)
{
	const struct scheme *scheme = schemes;

	while (strncasecmp(text, scheme->text, strlen(scheme->text)) != 0)
		scheme++; /* the last is a prefix of everything */
	return scheme;
}

/* A path as it may stand in a URL (RFC 3986 3.3), already encoded by whoever wrote it. */
static bool is_path(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("/-._~%!$&'()*+,;=:@", *text))
			return false;
	return true;
}

static bool append_base(struct strbuf *out, const char *influx)
{
	const struct scheme *scheme = scheme_of(influx);
	const char *authority = influx + strlen(scheme->text);
	size_t len = strcspn(authority, "/");
	const char *path = authority + len;
	char text[ADDR_HOST_LEN + 16];
	char host[ADDR_HOST_LEN];
	size_t path_len;
	uint16_t port;

	if (len >= sizeof(text) || !is_path(path) || (*path && !*scheme->text))
		return false;
	memcpy(text, authority, len);
	text[len] = '\0';
	if (addr_split_host(text, scheme->default_port, host, &port) < 0)
		return false;
	strbuf_printf(
		out, strchr(host, ':') ? "%s[%s]:%u" : "%s%s:%u", scheme->canonical, host, port);
	path_len = strlen(path);
	while (path_len && path[path_len - 1] == '/')
		path_len--;
	strbuf_append(out, path, path_len);
	return true;
}

static void append_parameter(struct strbuf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	strbuf_printf(out, "%s=", name);
	strbuf_encoded(out, value);
	strbuf_char(out, '&');
}

static bool is_bucket_set(const struct ship_config *config)
{
	return config->bucket && *config->bucket;
}

static void append_endpoint(struct strbuf *out, const struct ship_config *config)
{
	if (is_bucket_set(config)) {
		strbuf_text(out, "/api/v2/write?");
		append_parameter(out, "org", config->org);
		append_parameter(out, "bucket", config->bucket);
	} else {
		strbuf_text(out, "/write?");
		append_parameter(out, "db", config->db);
		append_parameter(out, "rp", config->rp);
	}
	strbuf_text(out, "precision=ms");
}

/* InfluxQL, identifiers: in double quotes; in them a quote, a backslash and a line feed escaped. */
static void append_create(struct strbuf *out, const struct ship_config *config)
{
	strbuf_text(out, "/query?q=CREATE%20DATABASE%20%22");
	for (const char *at = config->db ? config->db : ""; *at; at++) {
		const char c[2] = {*at == '\n' ? 'n' : *at, '\0'};

		if (strchr("\"\\\n", *at))
			strbuf_encoded(out, "\\");
		strbuf_encoded(out, c);
	}
	strbuf_text(out, "%22");
}

/* The value is not repeated where it may hold a password. */
static int refuse(const char *influx, char err[static ERR_LEN])
{
	if (strchr(influx, '@'))
		snprintf(err, ERR_LEN,
			"--influx: a URL with credentials is not taken; use --user and "
			"--password-file, or --token-file");
	else
		snprintf(err, ERR_LEN,
			"--influx: '%.100s' is not HOST[:PORT] or an http:// or https:// URL",
			influx);
	return -EINVAL;
}

static int make(const struct ship_config *config,
	void (*append)(struct strbuf *out, const struct ship_config *config), char *ret, size_t cap,
	char err[static ERR_LEN])
{
	struct strbuf url;
	bool is_good, is_fitting;

	if (strchr(config->influx, '@'))
		return refuse(config->influx, err);
	strbuf_init(&url, SHIP_URL_LEN - 1);
	is_good = append_base(&url, config->influx);
	append(&url, config);
	is_fitting = !url.failed && url.len < cap;
	if (is_good && is_fitting)
		memcpy(ret, url.data, url.len + 1);
	strbuf_done(&url);
	if (!is_good)
		return refuse(config->influx, err);
	if (!is_fitting) {
		snprintf(err, ERR_LEN, "--influx: the request URL would be longer than %zu bytes",
			cap < SHIP_URL_LEN ? cap - 1 : (size_t)SHIP_URL_LEN - 1);
		return -ENOSPC;
	}
	return 0;
}

int ship_url(const struct ship_config *config, char *ret, size_t cap, char err[static ERR_LEN])
{
	return make(config, append_endpoint, ret, cap, err);
}

int ship_url_create(
	const struct ship_config *config, char *ret, size_t cap, char err[static ERR_LEN])
{
	return make(config, append_create, ret, cap, err);
}
