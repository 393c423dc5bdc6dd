/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the spool to InfluxDB: a body is read by the worker, posted, and by the answer deleted, kept
 * or moved to the dead letters. Which one: the oldest, while there is a backlog in turn with the
 * newest, and what the database does not take goes behind (ship_turn.h). One body is under way at a
 * time. Starts working when it is kicked.
 */
#pragma once

#include "err.h"
#include "loop.h"
#include "ship_url.h"
#include "spool.h"
#include "stats.h"
#include "worker.h"

struct ship;
/*
 * err names the option, the value and what is expected. Keeps loop, the config's strings, spool,
 * worker and stats: a job that is under way at ship_close still uses the latter three, until
 * worker_close.
 */
int ship_open(struct loop *loop, const struct ship_config *config, struct spool *spool,
	struct worker *worker, struct stats *stats, struct ship **ret, char err[static ERR_LEN]);

/* Before worker_close: breaks off a POST that is under way (its body stays in the spool). */
void ship_close(struct ship *ship);

/* It was not taken, or the spool failed: the next try is due later. */
bool ship_is_waiting(const struct ship *ship);

/* There may be something to ship. */
void ship_kick(struct ship *ship);
