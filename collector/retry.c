/* SPDX-License-Identifier: Apache-2.0 */
#include "retry.h"

#include <string.h>
#include <time.h>

#define PERMANENT_TRIES   3 /* a 5xx that says that it is permanent is believed then */
#define RETRY_AFTER_MAX_S 600

const char *retry_act_name(enum retry_act act)
{
	static const char *const names[] = {
		[RETRY_DELIVERED] = "delivered",
		[RETRY_KEEP] = "kept",
		[RETRY_KEEP_BEHIND] = "kept",
		[RETRY_KEEP_AUTH] = "kept",
		[RETRY_KEEP_MISSING] = "kept",
		[RETRY_REFUSED] = "its lines tried apart",
	};

	return names[act];
}

/*
 * InfluxDB 1.x answers 500 to what will never be accepted (measured on 1.6.7: a retention policy
 * that does not exist), early 2.x to a field type conflict.
 */
static bool is_permanent(const char *body)
{
	return strstr(body, "retention policy not found") || strstr(body, "field type conflict") ||
	       strstr(body, "partial write");
}

/* A proxy's page, whatever it calls itself; InfluxDB answers in JSON, or not at all. */
static bool is_html(const struct retry_answer *answer)
{
	return answer->is_html || answer->body[strspn(answer->body, " \t\r\n")] == '<';
}

/*
 * 400 that judges no body, which is kept then: from a TLS port that was spoken to in plain HTTP
 * (from a proxy it is a page of HTML, from Go's net/http, server.go at
 * tlsRecordHeaderLooksLikeHTTP, this sentence); and where the query is missing (InfluxDB 1.x,
 * services/httpd/handler.go), which we never leave out: a proxy did, or curl 7.88, which drops it
 * where memory lacks.
 */
static bool is_bad_request_of_body(const struct retry_answer *answer)
{
	return !is_html(answer) && !strstr(answer->body, "HTTP request to an HTTPS server") &&
	       !strstr(answer->body, "database is required");
}

/* What may be permanent is not put behind: its tries would never be counted. */
static enum retry_act act_of_server_error(const struct retry_answer *answer, unsigned tries)
{
	if (!is_permanent(answer->body))
		return RETRY_KEEP_BEHIND;
	return tries >= PERMANENT_TRIES ? RETRY_REFUSED : RETRY_KEEP;
}

enum retry_act retry_act_of(const struct retry_answer *answer, unsigned tries)
{
	switch (answer->status) {
	case 204:
		return RETRY_DELIVERED;
	case 200: /* with HTML it is a proxy's login page */
		return is_html(answer) ? RETRY_KEEP : RETRY_DELIVERED;
	case 400:
		return is_bad_request_of_body(answer) ? RETRY_REFUSED : RETRY_KEEP;
	case 401:
	case 403:
		return RETRY_KEEP_AUTH;
	case 404:
		return RETRY_KEEP_MISSING;
	case 413:
	case 422:
		return RETRY_REFUSED;
	case 408:
	case 429:
	case 502:
	case 503:
	case 504:
		return RETRY_KEEP;
	default:
		return answer->status >= 500 ? act_of_server_error(answer, tries) : RETRY_KEEP;
	}
}

/* "partial write: points beyond retention policy dropped=12": the last number of that name. */
static uint64_t dropped_of(const char *body)
{
	static const char name[] = "dropped=";
	const char *at = NULL;
	uint64_t n = 0;

	for (const char *next = strstr(body, name); next; next = strstr(next + 1, name))
		at = next + strlen(name);
	for (; at && *at >= '0' && *at <= '9' && n < UINT32_MAX; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

/* Measured on InfluxDB 1.6.7: a line that cannot be parsed is not among those that it counts. */
bool retry_is_all_refused(const struct retry_answer *answer, uint32_t lines)
{
	if (answer->status == 500 && strstr(answer->body, "retention policy not found"))
		return true;
	return strstr(answer->body, "partial write") && dropped_of(answer->body) >= lines;
}

bool retry_is_perhaps_of_body(const struct retry_answer *answer)
{
	return answer->status == 403 ||
	       (answer->status == 404 && !retry_is_database_missing(answer));
}

bool retry_is_database_missing(const struct retry_answer *answer)
{
	return answer->status == 404 && strstr(answer->body, "database not found");
}

int64_t retry_backoff_ms(int64_t max_ms, unsigned failures, uint64_t random)
{
	int64_t cap = RETRY_DELAY_MIN_MS;

	for (; failures && cap < max_ms; failures--)
		cap *= 2;
	if (cap > max_ms)
		cap = max_ms;
	return RETRY_DELAY_MIN_MS + (int64_t)(random % (uint64_t)(cap - RETRY_DELAY_MIN_MS + 1));
}

static int64_t delay_of(enum retry_act act, unsigned failures, uint64_t random)
{
	switch (act) {
	case RETRY_KEEP:
		return retry_backoff_ms(RETRY_DELAY_MAX_MS, failures, random);
	case RETRY_KEEP_BEHIND:
		return retry_backoff_ms(RETRY_DELAY_BEHIND_MAX_MS, failures, random);
	default:
		return RETRY_DELAY_SLOW_MS;
	}
}

int64_t retry_delay_ms(
	enum retry_act act, unsigned failures, int64_t retry_after_s, uint64_t random)
{
	int64_t delay_ms;

	if (act == RETRY_DELIVERED || act == RETRY_REFUSED)
		return 0;
	delay_ms = delay_of(act, failures, random);
	if (retry_after_s > RETRY_AFTER_MAX_S)
		retry_after_s = RETRY_AFTER_MAX_S;
	return retry_after_s * 1000 > delay_ms ? retry_after_s * 1000 : delay_ms;
}

static int64_t clamp_s(int64_t seconds)
{
	if (seconds < 0)
		return 0;
	return seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
}

static int64_t parse_seconds(const char *value)
{
	int64_t seconds = 0;

	for (; *value; value++) {
		if (*value < '0' || *value > '9')
			return -1;
		seconds = clamp_s(seconds * 10 + (*value - '0'));
	}
	return seconds;
}

/* The three forms of RFC 9110 5.6.7, the last two obsolete and yet to be accepted. */
static int64_t parse_date(const char *value, int64_t now_s)
{
	static const char *const formats[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %e %H:%M:%S %Y",
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(value, formats[i], &tm);

		if (end && *end == '\0')
			return clamp_s((int64_t)timegm(&tm) - now_s);
	}
	return -1;
}

int64_t retry_parse_after(const char *value, int64_t now_s)
{
	int64_t seconds;

	if (*value == '\0')
		return -1;
	seconds = parse_seconds(value);
	return seconds >= 0 ? seconds : parse_date(value, now_s);
}
