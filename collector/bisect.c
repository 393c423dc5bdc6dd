/* SPDX-License-Identifier: Apache-2.0 */
#include "bisect.h"

#include <assert.h>
#include <string.h>

uint32_t bisect_lines(const char *text, size_t len)
{
	uint32_t lines = 0;

	for (size_t at = 0; at < len; lines++) {
		const char *feed = memchr(text + at, '\n', len - at);

		at = feed ? (size_t)(feed - text) + 1 : len;
	}
	return lines;
}

void bisect_init(struct bisect *bisect, const char *text, size_t len)
{
	*bisect = (struct bisect){.text = text};
	if (len > 0)
		bisect->open[bisect->n++] =
			(struct bisect_range){.len = len, .lines = bisect_lines(text, len)};
}

bool bisect_next(const struct bisect *bisect, struct bisect_range *ret)
{
	if (bisect->n == 0)
		return false;
	*ret = bisect->open[bisect->n - 1];
	return true;
}

void bisect_taken(struct bisect *bisect)
{
	assert(bisect->n > 0);
	bisect->n--;
}

/* Length of a text's first lines. */
static size_t head_len(const char *text, size_t len, uint32_t lines)
{
	size_t at = 0;

	for (; lines > 0 && at < len; lines--) {
		const char *feed = memchr(text + at, '\n', len - at);

		at = feed ? (size_t)(feed - text) + 1 : len;
	}
	return at;
}

bool bisect_refused(struct bisect *bisect, struct bisect_range *ret)
{
	struct bisect_range whole, first;

	assert(bisect->n > 0);
	whole = bisect->open[--bisect->n];
	if (whole.lines <= 1 || bisect->n + 2 > BISECT_DEPTH) {
		*ret = whole;
		return true;
	}
	first = (struct bisect_range){.begin = whole.begin, .lines = whole.lines / 2};
	first.len = head_len(bisect->text + whole.begin, whole.len, first.lines);
	bisect->open[bisect->n++] = (struct bisect_range){.begin = first.begin + first.len,
		.len = whole.len - first.len,
		.lines = whole.lines - first.lines};
	bisect->open[bisect->n++] = first;
	return false;
}

/* The integer of a field such as "tx_bytes=123i" in [field, end); 0: there is none. */
static uint64_t field_value(const char *fields, size_t len, const char *name)
{
	const char *at = memmem(fields, len, name, strlen(name));
	const char *end = fields + len;
	uint64_t value = 0;

	if (!at || (at > fields && at[-1] != ','))
		return 0;
	for (at += strlen(name); at < end && *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	return value;
}

/* Values are clean (line.h): the first space ends the tags, the second the fields. */
static uint64_t line_traffic(const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);
	const char *fields = space ? space + 1 : NULL;
	const char *end = fields ? memchr(fields, ' ', len - (size_t)(fields - line)) : NULL;

	if (!end || strncmp(line, "nstat,", strlen("nstat,")) != 0)
		return 0;
	return field_value(fields, (size_t)(end - fields), "tx_bytes=") +
	       field_value(fields, (size_t)(end - fields), "rx_bytes=");
}

uint64_t bisect_traffic(const char *text, size_t len)
{
	uint64_t sum = 0;

	for (size_t at = 0, n; at < len; at += n) {
		n = head_len(text + at, len - at, 1);
		sum += line_traffic(text + at, n);
	}
	return sum;
}
