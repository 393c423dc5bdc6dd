/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done in the spool when a body is over: delivered, refused as a whole, or cut into lines
 * of which some are dead, some were taken and some are still to be tried. And what then is counted.
 */
#pragma once

#include "cut.h"
#include "err.h"
#include "ship_health.h"
#include "spool.h"
#include "stats.h"

struct ship_settle {
	struct spool *spool;
	const struct spool_body *body;
	struct cut *cut;                  /* NULL: all of it by the answer */
	const struct ship_answer *answer; /* delivered or refused; not looked at with a cut */

	/* What came of it: the last three where r is 1. */
	int r; /* as of spool_settle */
	char err[ERR_LEN];
	struct spool_state state;
	struct ship_answer why; /* the first dead line's */
	struct cut_piece dead;  /* without data, as the rest */
	struct cut_piece rest;
};

/* On the spool's thread; of the struct the first four are filled. */
void ship_settle_run(struct ship_settle *settle);

/* On the loop's. A body that was evicted during its POST is counted there and nowhere else. */
void ship_settle_count(const struct ship_settle *settle, struct stats *stats);
