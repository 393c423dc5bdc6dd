/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include "bisect.h"
#include "gzip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cut {
	struct gzip *gzip;
	char *text;
	size_t len;
	struct bisect bisect;
	char *dead; /* as long as the text: no line can fail to find room */
	size_t dead_len;
	int dead_status;
	char dead_reason[CUT_REASON_LEN];
};

int cut_open(const uint8_t *data, size_t len, struct cut **ret)
{
	struct cut *cut = calloc(1, sizeof(*cut));
	int r = -ENOMEM;

	if (!cut)
		return r;
	r = gzip_expand(data, len, CUT_TEXT_MAX, &cut->text, &cut->len);
	if (r == 0) {
		cut->gzip = gzip_new();
		cut->dead = malloc(cut->len + 1);
		r = cut->gzip && cut->dead ? 0 : -ENOMEM;
	}
	if (r < 0) {
		cut_close(cut);
		return r;
	}
	bisect_init(&cut->bisect, cut->text, cut->len);
	*ret = cut;
	return 0;
}

void cut_close(struct cut *cut)
{
	if (!cut)
		return;
	gzip_free(cut->gzip);
	free(cut->text);
	free(cut->dead);
	free(cut);
}

bool cut_is_over(const struct cut *cut)
{
	struct bisect_range range;

	return !bisect_next(&cut->bisect, &range);
}

uint32_t cut_next_lines(const struct cut *cut)
{
	struct bisect_range range;

	return bisect_next(&cut->bisect, &range) ? range.lines : 0;
}

static int piece(struct cut *cut, const char *text, size_t len, struct cut_piece *ret)
{
	struct cut_piece made = {
		.lines = bisect_lines(text, len), .traffic_bytes = bisect_traffic(text, len)};
	int r = len > 0 ? gzip_compress(cut->gzip, text, len, &made.data, &made.len) : 0;

	if (r == 0)
		*ret = made;
	return r;
}

int cut_next(struct cut *cut, struct cut_piece *ret)
{
	struct bisect_range range = {0};

	bisect_next(&cut->bisect, &range);
	return piece(cut, cut->text + range.begin, range.len, ret);
}

void cut_taken(struct cut *cut)
{
	bisect_taken(&cut->bisect);
}

static void bury(struct cut *cut, const struct bisect_range *range, int status, const char *reason)
{
	if (cut->dead_len == 0) {
		cut->dead_status = status;
		snprintf(cut->dead_reason, sizeof(cut->dead_reason), "%s", reason);
	}
	memcpy(cut->dead + cut->dead_len, cut->text + range->begin, range->len);
	cut->dead_len += range->len;
}

bool cut_refused(struct cut *cut, bool is_all, int status, const char *reason)
{
	struct bisect_range range;
	bool is_dead;

	if (is_all && bisect_next(&cut->bisect, &range)) {
		bisect_taken(&cut->bisect); /* no more is to be asked about it */
		is_dead = true;
	} else {
		is_dead = bisect_refused(&cut->bisect, &range);
	}
	if (is_dead)
		bury(cut, &range, status, reason);
	return is_dead;
}

int cut_dead(struct cut *cut, struct cut_piece *ret)
{
	return piece(cut, cut->dead, cut->dead_len, ret);
}

int cut_dead_status(const struct cut *cut)
{
	return cut->dead_status;
}

const char *cut_dead_reason(const struct cut *cut)
{
	return cut->dead_reason;
}

/* Halves are taken from the front: behind the next one nothing was sent alone yet. */
int cut_rest(struct cut *cut, struct cut_piece *ret)
{
	struct bisect_range range = {.begin = cut->len};

	bisect_next(&cut->bisect, &range);
	return piece(cut, cut->text + range.begin, cut->len - range.begin, ret);
}
