/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's figures about itself: those that nobody counts are looked up here (the age of the
 * oldest body, processor time, memory, probes heard of), and every 10 s of the wall clock a point
 * of nstats_collector is due. The first one is due when the first such line after the start is
 * crossed.
 */
#pragma once

#include "line_own.h"
#include "probes.h"
#include "spool.h"
#include "stats.h"

#include <stdbool.h>

#define FIGURES_EVERY_MS     10000
#define FIGURES_HEARD_MAX_MS 60000 /* a probe that was heard of longer ago is not counted */
#define FIGURES_HOST_LEN     256

struct figures_parts {
	const char *cluster;
	const char *host;
	struct stats *stats;
	const struct spool *spool;
	const struct probes *probes;
};

struct figures;
/* Keeps the parts but for the host's text. NULL: no memory. */
struct figures *figures_new(const struct figures_parts *parts, int64_t wall_ms);
void figures_free(struct figures *figures);

/* Into the gauges of /metrics. */
void figures_renew(struct figures *figures, int64_t now_ms, int64_t wall_ms);

/* True: a point is due, *ret says of what. It stays due until figures_told. */
bool figures_due(struct figures *figures, int64_t wall_ms, struct line_collector *ret);
/* It is committed: the longest latencies begin anew, but for one that came meanwhile. */
void figures_told(struct figures *figures, uint64_t time_ms);
