/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which body of the spool is sent next: the oldest first, but while there is a backlog every other
 * one is the newest, so that dashboards recover at once; one that is kept is sent again, but not
 * for ever. The newest one's turn comes also after a body that was put behind the others, so that
 * many such in a row do not hold up what is new.
 */
#pragma once

#include "err.h"
#include "spool.h"

#include <stdbool.h>
#include <stdint.h>

#define SHIP_TURN_BACKLOG 4 /* bodies; with fewer, their order does not matter to anybody */

/* {0} at the start. */
struct ship_turn {
	int64_t again_id; /* 0: none */
	/* Where the oldest one's turn goes on: bodies up to it come after those behind it. It goes
	 * round: what is put behind is tried once a round, not after each body that is taken. */
	int64_t after_id;
	int64_t newest_after_id; /* up to it, nothing has a turn as the newest */
	bool is_newest;          /* the last one that was read */
	bool is_newest_next;
};

/* As spool_next, and on its thread. */
int ship_turn_read(struct ship_turn *turn, struct spool *spool, struct spool_body *ret,
	char err[static ERR_LEN]);

/* What became of the last one that was read. */
void ship_turn_again(struct ship_turn *turn, int64_t id);
void ship_turn_behind(struct ship_turn *turn, int64_t id);
void ship_turn_settled(struct ship_turn *turn, uint64_t n_bodies_left);
