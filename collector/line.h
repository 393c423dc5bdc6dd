/* SPDX-License-Identifier: Apache-2.0 */
/*
 * InfluxDB line protocol, measurement "nstat" (README, "What InfluxDB gets"). Values are reduced to
 * a whitelist of characters rather than escaped: line protocol cannot carry a line feed or a final
 * backslash at all.
 */
#pragma once

#include "record.h"
#include "strbuf.h"

/* All of them on every line, in this order, which is the sorted one. Empty or NULL becomes "-". */
struct line_tags {
	const char *cluster;
	const char *hosts;
	const char *named_by;
	const char *namespace;
	const char *node;
	const char *port;
	const char *proto;
	const char *receiver;
	const char *receiver_kind;
	const char *receiver_namespace;
	const char *receiver_zone;
	const char *role;
	const char *sender;
	const char *workload;
	const char *zone;
};

#define LINE_VALUE_MAX  253
#define LINE_SERIES_MAX (15 * (LINE_VALUE_MAX + 24) + 8)

/* [A-Za-z0-9._:/~-] stay, all else becomes '_', the end is cut; empty becomes "-". */
void line_clean(const char *raw, char ret[static LINE_VALUE_MAX + 1]);

/* "nstat,cluster=-,hosts=web-0,…": cleaned, so that equal text is the same series. */
void line_series(struct strbuf *out, const struct line_tags *tags);

/* A whole line with its line feed. Integers are clamped to INT64_MAX; time_ms as it stands. */
void line_point(struct strbuf *out, const char *series, size_t series_len,
	const struct counters *sum, uint32_t interval_ms, int64_t time_ms);
