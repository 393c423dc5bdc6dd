/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says what befell the spool, and reads it once after an unclean stop, in small steps between the
 * commits: "PRAGMA quick_check" alone would hold them up for seconds where the backlog is large.
 */
#pragma once

#include "loop.h"
#include "spool.h"
#include "stats.h"
#include "worker.h"

struct spool_watch;
/* Before the spool's thread has anything to do. Keeps all of them. NULL: no memory. */
struct spool_watch *spool_watch_new(struct loop *loop, struct worker *worker, struct spool *spool,
	const char *path, struct stats *stats);
/* After worker_close. */
void spool_watch_free(struct spool_watch *watch);
