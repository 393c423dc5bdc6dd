/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nstats says of itself, as line protocol: measurement "nstats_probe", a point per probe and
 * interval, and "nstats_collector", one every 10 s. All tags are always there; a later point of the
 * same time overwrites, which is right for figures that only rise. Integers are clamped to
 * INT64_MAX. Pure.
 */
#pragma once

#include "line.h"
#include "record.h"
#include "stats.h"
#include "strbuf.h"

struct line_probe {
	const struct identity *identity;
	const char *node; /* empty or NULL, as the next two, where not known */
	const char *workload;
	const char *zone;
	const struct totals *totals;
	uint64_t sealed_bytes;
	uint64_t stored_bytes;
	uint64_t lost_bytes;
	uint64_t unreported_bytes; /* probes.h */
	uint64_t time_ms;          /* the interval's start */
};
void line_probe(struct strbuf *out, const struct line_probe *probe);

struct line_collector {
	const char *cluster;
	const char *host;
	const struct stats *stats;
	uint64_t time_ms;
};
void line_collector(struct strbuf *out, const struct line_collector *collector);
