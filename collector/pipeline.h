/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's story: a datagram is decoded, told from its duplicates and kept until its
 * interval is whole and its names are known, 2 s at most, or, after a start, until the first names
 * are there, 5 s at most. A beat about once a second turns what is
 * ready into rows, rows into lines, lines into gzipped bodies, and hands these with the ledger's
 * entries to the worker as one transaction. Shipping starts when that is committed.
 */
#pragma once

#include "acks.h"
#include "err.h"
#include "figures.h"
#include "ledger.h"
#include "live.h"
#include "loop.h"
#include "names.h"
#include "probes.h"
#include "receive.h"
#include "spool.h"
#include "stats.h"
#include "worker.h"

#define PIPELINE_BEAT_MS     1000
#define PIPELINE_WAIT_MS     2000
#define PIPELINE_RECORDS_MAX 400000 /* waiting, over all probes: about 45 MB */

struct pipeline_parts {
	struct loop *loop;
	struct names *names;
	struct ledger *ledger;
	struct probes *probes;
	struct series *series; /* or NULL: no budget */
	struct spool *spool;
	struct worker *worker;
	struct live *live;       /* or NULL */
	struct figures *figures; /* or NULL: no points of nstats_collector */
	struct stats *stats;
	const char *cluster;          /* for probes that do not say */
	void (*committed)(void *ctx); /* after each commit */
	void *committed_ctx;
	acks_send_fn *reply;
	void *reply_ctx;
};

struct pipeline;
/* Keeps what parts holds until pipeline_close; the spool, where a commit is under way then, until
 * worker_close. 0 or -errno. */
int pipeline_open(
	const struct pipeline_parts *parts, struct pipeline **ret, char err[static ERR_LEN]);
/* A commit that is under way goes on; worker_close waits for it. */
void pipeline_close(struct pipeline *pipeline);

/* receive_fn */
void pipeline_datagram(void *ctx, const uint8_t *data, size_t len, const struct receive_from *from);

/* Hands over all that waits, ready or not, and calls done when it is committed or failed. */
void pipeline_flush(struct pipeline *pipeline, void (*done)(void *ctx), void *ctx);
