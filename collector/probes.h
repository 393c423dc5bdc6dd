/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probes that were heard of: what each said last of itself. Bounded; a new one takes the place
 * of one that has been silent for an hour, else it is refused. Pure.
 */
#pragma once

#include "record.h"
#include "strbuf.h"

#define PROBES_MAX      20000
#define PROBES_STALE_MS 3600000

struct probe_view {
	struct identity identity;
	uint8_t boot_id[BOOT_ID_LEN];
	struct totals totals;
	uint64_t sequence;
	uint64_t sealed_bytes;
	int64_t seen_ms;
	bool is_final;
};

struct probes;
struct probes *probes_new(uint64_t hash_seed);
void probes_free(struct probes *probes);

/* Keeps the report's totals where it is the newest of its boot. False: refused. */
bool probes_update(struct probes *probes, const struct report *report, int64_t now_ms);
size_t probes_count(const struct probes *probes);
/* nstats_probe_*{cluster,namespace,host}: one line a probe and figure. */
void probes_render(const struct probes *probes, struct strbuf *out);
