/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body that is under way: sent whole at first, and once it was refused, cut. No body takes the
 * database for itself: what does not get on within KEEP_TRIES or KEEP_MS lets the others go first,
 * and a cut ends after CUT_POSTS or CUT_MS, its rest staying for a later turn; but not before some
 * of it was taken or is dead, since the next turn would begin where this one did. That takes as
 * many posts as its lines can be halved, and one: 14 of 5,000 lines. Time is passed in.
 */
#pragma once

#include "cut.h"
#include "ship_health.h"
#include "spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHIP_BODY_KEEP_TRIES 3
#define SHIP_BODY_KEEP_MS    10000
#define SHIP_BODY_CUT_POSTS  200
#define SHIP_BODY_CUT_MS     5000 /* what is new is to be seen within 10 s during a cut as well */

/* {0} at the start; the first member is filled by whoever reads the spool. */
struct ship_body {
	struct spool_body body;
	struct cut *cut; /* NULL: sent whole */
	int64_t cut_ms;  /* when it began */
	unsigned cut_posts;
	bool is_shorter;        /* the cut: some of it was taken, or is dead */
	struct cut_piece piece; /* of it, under way */
	int64_t tried_id;
	unsigned tries;   /* of tried_id */
	unsigned kept;    /* the last ones of them, in a row */
	int64_t since_ms; /* when it last got on */
};

void ship_body_begin(struct ship_body *b, int64_t now_ms);
void ship_body_release(struct ship_body *b);

/* What to send: borrowed until the answer. 0 or -ENOMEM. */
int ship_body_data(struct ship_body *b, const void **ret, size_t *ret_len);
void ship_body_answered(struct ship_body *b);

/* What the answer was. True: there is more of it to send. */
bool ship_body_taken(struct ship_body *b, int64_t now_ms);
/* judged: what b was refused by. *ret_more as above. 0 or -ENOMEM: nothing has changed. */
int ship_body_refused(struct ship_body *b, const struct retry_answer *judged,
	const struct ship_answer *answer, int64_t now_ms, bool *ret_more);
/* It is let go, but for a cut. True: it lets the others go first. */
bool ship_body_kept(struct ship_body *b, enum retry_act act, int64_t now_ms);

/* Of a cut: more to send? It may have waited in between. */
bool ship_body_has_more(const struct ship_body *b, int64_t now_ms);
