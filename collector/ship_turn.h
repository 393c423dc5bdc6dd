/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which body of the spool is sent next: the oldest first, but while there is a backlog every other
 * one is the newest, so that dashboards recover at once; one that is kept is sent again, but not
 * for ever. The newest one's turn comes also after a body that was put behind the others, so that
 * many such in a row do not hold up what is new.
 *
 * Was it the body's fault, or was the database away? That is known once the database takes another.
 * Then those that were put behind meanwhile have one more turn before the rest, in order; what
 * fails again comes at the end of the round, and waits, twice as long each time, whatever becomes
 * of the others. So a body that is never taken costs the others two turns a round at most, and an
 * outage leaves the order as it was. One of which a rest is left has a turn a round, three in that
 * after an outage; it does not wait, since it got on. Time is passed in.
 */
#pragma once

#include "err.h"
#include "spool.h"

#include <stdbool.h>
#include <stdint.h>

#define SHIP_TURN_BACKLOG  4  /* bodies; with fewer, their order does not matter to anybody */
#define SHIP_TURN_HELD_MAX 64 /* with more, the one due first is forgotten: it does not wait */

/* A body that was put behind. */
struct ship_turn_held {
	int64_t id; /* 0: free */
	int64_t not_before_ms;
	unsigned failures;   /* while others were taken */
	uint64_t n_taken;    /* of the turn's, when it last failed */
	uint64_t n_accepted; /* as well */
};

/* {0} at the start. */
struct ship_turn {
	int64_t again_id; /* 0: none */
	/* Where the oldest one's turn goes on: bodies up to it come after those behind it. It goes
	 * round: what is put behind is tried once a round, not after each body that is taken. */
	int64_t after_id;
	int64_t taken_after_id;  /* after_id when the database last took a body */
	int64_t chance_id;       /* up to it, those put behind in this round had one more turn */
	int64_t newest_after_id; /* up to it, nothing has a turn as the newest */
	bool is_newest;          /* the last one that was read */
	bool is_newest_next;
	uint64_t n_taken;
	uint64_t n_accepted; /* of these: not refused */
	bool is_accepted;    /* the last one that was sent */
	struct ship_turn_held held[SHIP_TURN_HELD_MAX];
	int64_t due_ms; /* after a read that found none: when one that waits is due; 0: none does */
};

/* As spool_next, and on its thread. */
int ship_turn_read(struct ship_turn *turn, struct spool *spool, int64_t now_ms,
	struct spool_body *ret, char err[static ERR_LEN]);

/* While others are accepted, just now or since this one failed, its failure is its own. */
bool ship_turn_is_suspect(struct ship_turn *turn, int64_t id);

/* What became of the last one that was read. */
void ship_turn_again(struct ship_turn *turn, int64_t id);
void ship_turn_behind(struct ship_turn *turn, int64_t id, int64_t now_ms, uint64_t random);
/* By the database, all or a piece of it; or refused by it, so that it is there. */
void ship_turn_taken(struct ship_turn *turn, int64_t id, bool is_accepted);
void ship_turn_settled(struct ship_turn *turn, uint64_t n_bodies_left);
/* After that: but a rest of it is left, which comes behind the others. */
void ship_turn_rest(struct ship_turn *turn, int64_t id);
