/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include <assert.h>
#include <string.h>

#define POINT_MAX 512 /* fields and time: 11 numbers of at most 20 digits, and their names */

static const char allowed[256] = {
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
	['.'] = 1,
	['_'] = 1,
	[':'] = 1,
	['/'] = 1,
	['~'] = 1,
	['-'] = 1,
};

/* Returns the length without the NUL. */
static size_t clean(const char *raw, char ret[static LINE_VALUE_MAX + 1])
{
	size_t n = 0;

	for (; raw && raw[n] && n < LINE_VALUE_MAX; n++)
		ret[n] = allowed[(unsigned char)raw[n]] ? raw[n] : '_';
	if (n == 0)
		ret[n++] = '-';
	ret[n] = '\0';
	return n;
}

void line_clean(const char *raw, char ret[static LINE_VALUE_MAX + 1])
{
	clean(raw, ret);
}

void line_series(struct strbuf *out, const struct line_tags *tags)
{
	const struct {
		const char *key;
		const char *value;
	} pairs[] = {
		{",cluster=", tags->cluster},
		{",hosts=", tags->hosts},
		{",named_by=", tags->named_by},
		{",namespace=", tags->namespace},
		{",node=", tags->node},
		{",port=", tags->port},
		{",proto=", tags->proto},
		{",receiver=", tags->receiver},
		{",receiver_kind=", tags->receiver_kind},
		{",receiver_namespace=", tags->receiver_namespace},
		{",receiver_zone=", tags->receiver_zone},
		{",role=", tags->role},
		{",sender=", tags->sender},
		{",workload=", tags->workload},
		{",zone=", tags->zone},
	};
	char text[LINE_SERIES_MAX] = "nstat";
	size_t len = strlen(text);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		len = (size_t)(stpcpy(text + len, pairs[i].key) - text);
		len += clean(pairs[i].value, text + len);
	}
	strbuf_append(out, text, len);
}

struct point {
	char text[POINT_MAX];
	size_t len;
};

static void put_text(struct point *p, const char *text)
{
	size_t len = strlen(text);

	assert(p->len + len <= POINT_MAX);
	memcpy(p->text + p->len, text, len);
	p->len += len;
}

static void put_number(struct point *p, uint64_t value)
{
	char digits[21];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put_text(p, at);
}

static void put_integer(struct point *p, const char *key, uint64_t value)
{
	put_text(p, key);
	put_number(p, value < INT64_MAX ? value : INT64_MAX);
	put_text(p, "i");
}

static void put_known(struct point *p, const char *key, uint64_t value)
{
	if (value)
		put_integer(p, key, value);
}

/*
 * Bits a second, rounded to a tenth. In integers: no locale, no exponent, no NaN, and equal bytes
 * give equal text on every machine.
 */
static void put_rate(struct point *p, const char *key, uint64_t bytes, uint32_t interval_ms)
{
	const unsigned int tenths_per_byte = 8 * 10 * 1000;
	uint64_t ms = interval_ms ? interval_ms : 1;
	unsigned __int128 tenths = ((unsigned __int128)bytes * tenths_per_byte + ms / 2) / ms;
	uint64_t clamped = tenths < UINT64_MAX ? (uint64_t)tenths : UINT64_MAX;

	put_text(p, key);
	put_number(p, clamped / 10);
	put_text(p, ".");
	put_number(p, clamped % 10);
}

void line_point(struct strbuf *out, const char *series, size_t series_len,
	const struct counters *sum, uint32_t interval_ms, int64_t time_ms)
{
	struct point p = {.len = 0};

	put_rate(&p, " receiveRate=", sum->rx_bytes, interval_ms);
	put_integer(&p, ",rx_bytes=", sum->rx_bytes);
	put_integer(&p, ",rx_packets=", sum->rx_packets);
	put_rate(&p, ",sendRate=", sum->tx_bytes, interval_ms);
	put_integer(&p, ",tx_bytes=", sum->tx_bytes);
	put_integer(&p, ",tx_packets=", sum->tx_packets);
	put_known(&p, ",connections=", sum->connections);
	put_known(&p, ",failed=", sum->failed);
	put_known(&p, ",resets=", sum->resets);
	put_known(&p, ",retransmits=", sum->retransmits);
	put_known(&p, ",rtt_us=", sum->rtt_us);
	put_text(&p, time_ms < 0 ? " -" : " ");
	put_number(&p, time_ms < 0 ? 0 - (uint64_t)time_ms : (uint64_t)time_ms);
	put_text(&p, "\n");
	strbuf_append(out, series, series_len);
	strbuf_append(out, p.text, p.len);
}
