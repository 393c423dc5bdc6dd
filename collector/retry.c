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
		[RETRY_KEEP_AUTH] = "kept",
		[RETRY_KEEP_MISSING] = "kept",
		[RETRY_REJECT] = "to dead letters",
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

/*
 * 400 from a TLS port that was spoken to in plain HTTP: from a proxy it is a page of HTML, from
 * Go's net/http (server.go, at tlsRecordHeaderLooksLikeHTTP) this sentence.
 * InfluxDB has not judged the body, so it is kept.
 */
static bool is_bad_request_of_body(const struct retry_answer *answer)
{
	return !answer->is_html && !strstr(answer->body, "HTTP request to an HTTPS server");
}

enum retry_act retry_act_of(const struct retry_answer *answer, unsigned tries)
{
	switch (answer->status) {
	case 204:
		return RETRY_DELIVERED;
	case 200: /* with HTML it is a proxy's login page */
		return answer->is_html ? RETRY_KEEP : RETRY_DELIVERED;
	case 400:
		return is_bad_request_of_body(answer) ? RETRY_REJECT : RETRY_KEEP;
	case 401:
	case 403:
		return RETRY_KEEP_AUTH;
	case 404:
		return RETRY_KEEP_MISSING;
	case 413:
	case 422:
		return RETRY_REJECT;
	case 500:
		return is_permanent(answer->body) && tries >= PERMANENT_TRIES ? RETRY_REJECT
									      : RETRY_KEEP;
	default:
		return RETRY_KEEP;
	}
}

static int64_t backoff_ms(unsigned failures, uint64_t random)
{
	int64_t cap = RETRY_DELAY_MIN_MS;

	for (; failures && cap < RETRY_DELAY_MAX_MS; failures--)
		cap *= 2;
	if (cap > RETRY_DELAY_MAX_MS)
		cap = RETRY_DELAY_MAX_MS;
	return RETRY_DELAY_MIN_MS + (int64_t)(random % (uint64_t)(cap - RETRY_DELAY_MIN_MS + 1));
}

int64_t retry_delay_ms(
	enum retry_act act, unsigned failures, int64_t retry_after_s, uint64_t random)
{
	int64_t delay_ms;

	if (act == RETRY_DELIVERED || act == RETRY_REJECT)
		return 0;
	delay_ms = act == RETRY_KEEP ? backoff_ms(failures, random) : RETRY_DELAY_SLOW_MS;
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
