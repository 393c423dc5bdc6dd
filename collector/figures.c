/* SPDX-License-Identifier: Apache-2.0 */
#include "figures.h"

#include "usage.h"

#include <stdio.h>
#include <stdlib.h>

#define US_PER_MS 1000

struct figures {
	struct figures_parts parts;
	char host[FIGURES_HOST_LEN];
	int usage;
	int64_t told_ms;
	uint64_t commit_us; /* in the point that was given last */
	uint64_t delivery_us;
};

static int64_t line_before(int64_t wall_ms)
{
	return wall_ms / FIGURES_EVERY_MS * FIGURES_EVERY_MS;
}

struct figures *figures_new(const struct figures_parts *parts, int64_t wall_ms)
{
	struct figures *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->parts = *parts;
	snprintf(f->host, sizeof(f->host), "%s", parts->host);
	f->usage = usage_open();
	f->told_ms = line_before(wall_ms);
	return f;
}

void figures_free(struct figures *f)
{
	if (!f)
		return;
	usage_close(f->usage);
	free(f);
}

void figures_renew(struct figures *f, int64_t now_ms, int64_t wall_ms)
{
	struct stats *stats = f->parts.stats;
	struct spool_state spool;

	spool_state(f->parts.spool, &spool);
	stats->spool_oldest_us = 0;
	if (spool.bodies > 0 && wall_ms > spool.oldest_ms)
		stats->spool_oldest_us = (uint64_t)(wall_ms - spool.oldest_ms) * US_PER_MS;
	stats->probes = probes_heard(f->parts.probes, now_ms - FIGURES_HEARD_MAX_MS);
	stats->cpu_us = usage_cpu_us();
	stats->rss_bytes = usage_rss_bytes(f->usage);
}

bool figures_due(struct figures *f, int64_t wall_ms, struct line_collector *ret)
{
	int64_t time_ms = line_before(wall_ms);

	if (time_ms == f->told_ms || time_ms < 0)
		return false;
	f->commit_us = f->parts.stats->commit_us;
	f->delivery_us = f->parts.stats->delivery_us;
	*ret = (struct line_collector){.cluster = f->parts.cluster,
		.host = f->host,
		.stats = f->parts.stats,
		.time_ms = (uint64_t)time_ms};
	return true;
}

void figures_told(struct figures *f, uint64_t time_ms)
{
	struct stats *stats = f->parts.stats;

	f->told_ms = (int64_t)time_ms;
	if (stats->commit_us == f->commit_us)
		stats->commit_us = 0;
	if (stats->delivery_us == f->delivery_us)
		stats->delivery_us = 0;
}
