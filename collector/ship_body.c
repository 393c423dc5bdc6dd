/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_body.h"

#include <errno.h>
#include <stdlib.h>

void ship_body_begin(struct ship_body *b, int64_t now_ms)
{
	if (b->body.id == b->tried_id)
		return;
	b->tried_id = b->body.id;
	b->tries = 0;
	b->kept = 0;
	b->since_ms = now_ms;
}

static void piece_release(struct ship_body *b)
{
	free(b->piece.data);
	b->piece.data = NULL;
}

void ship_body_release(struct ship_body *b)
{
	piece_release(b);
	free(b->body.data);
	b->body.data = NULL;
	if (b->cut)
		b->tried_id = 0; /* what is left of it under its id was never sent as it is now */
	cut_close(b->cut);
	b->cut = NULL;
}

int ship_body_data(struct ship_body *b, const void **ret, size_t *ret_len)
{
	int r;

	if (!b->cut) {
		*ret = b->body.data;
		*ret_len = b->body.len;
		return 0;
	}
	r = cut_next(b->cut, &b->piece);
	if (r < 0)
		return r;
	b->cut_posts++;
	*ret = b->piece.data;
	*ret_len = b->piece.len;
	return 0;
}

void ship_body_answered(struct ship_body *b)
{
	piece_release(b);
	b->tries++;
}

static void got_on(struct ship_body *b, int64_t now_ms)
{
	b->kept = 0;
	b->since_ms = now_ms;
}

bool ship_body_has_more(const struct ship_body *b, int64_t now_ms)
{
	bool is_due = b->is_shorter && now_ms - b->cut_ms >= SHIP_BODY_CUT_MS;

	return b->cut && !cut_is_over(b->cut) && b->cut_posts < SHIP_BODY_CUT_POSTS && !is_due;
}

bool ship_body_taken(struct ship_body *b, int64_t now_ms)
{
	got_on(b, now_ms);
	if (b->cut) {
		cut_taken(b->cut);
		b->is_shorter = true;
	}
	return ship_body_has_more(b, now_ms);
}

static int cut_start(struct ship_body *b, int64_t now_ms)
{
	if (b->cut)
		return 0;
	b->cut_ms = now_ms;
	b->cut_posts = 0;
	b->is_shorter = false;
	return cut_open(b->body.data, b->body.len, &b->cut);
}

/* What cannot be expanded stays without a cut: it is refused as it is. */
int ship_body_refused(struct ship_body *b, const struct retry_answer *judged,
	const struct ship_answer *answer, int64_t now_ms, bool *ret_more)
{
	int r = cut_start(b, now_ms);

	if (r == -ENOMEM)
		return r;
	got_on(b, now_ms);
	if (b->cut)
		b->is_shorter |=
			cut_refused(b->cut, retry_is_all_refused(judged, cut_next_lines(b->cut)),
				answer->status, answer->reason);
	*ret_more = ship_body_has_more(b, now_ms);
	return 0;
}

/* A body on which a database dies is answered as if that were away. With the longer pauses another
 * one is tried after each. */
static bool is_stuck(const struct ship_body *b, enum retry_act act, int64_t now_ms)
{
	return act != RETRY_KEEP || b->kept >= SHIP_BODY_KEEP_TRIES ||
	       now_ms - b->since_ms >= SHIP_BODY_KEEP_MS;
}

bool ship_body_kept(struct ship_body *b, enum retry_act act, int64_t now_ms)
{
	bool is_over;

	b->kept++;
	is_over = is_stuck(b, act, now_ms);
	if (!b->cut)
		ship_body_release(b);
	else if (is_over)
		b->cut_posts = SHIP_BODY_CUT_POSTS; /* what is left goes behind the others, too */
	if (is_over)
		got_on(b, now_ms);
	return is_over;
}
