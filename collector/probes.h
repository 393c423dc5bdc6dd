/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probes that were heard of: what each said last of itself. Bounded; a new one takes the place
 * of one that has been silent for an hour, else it is refused. Beside that, what of it is
 * committed: for the points of nstats_probe. Pure.
 */
#pragma once

#include "ledger.h"
#include "record.h"

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
	/*
	 * What passed the interface from the opening of the start before to that of this one, and
	 * was not in what was heard of it: what a killed probe had not told, and what passed while
	 * none ran. Over all starts that were heard of; only where is_comparable, as told by the
	 * interface's own counters.
	 */
	uint64_t unreported_bytes;
};

/* Of the newest of its datagrams that was put into a batch. */
struct probe_said {
	const struct identity *identity;
	uint8_t boot_id[BOOT_ID_LEN];
	uint64_t sequence;
	uint64_t start_ms; /* of its interval */
	uint32_t k;        /* as its rows have it: ledger.h */
	int64_t end_ms;
	uint64_t sealed_bytes;
	uint64_t unreported_bytes; /* as in probe_view */
	struct totals totals;
};

struct probes;
struct probes *probes_new(uint64_t hash_seed);
void probes_free(struct probes *probes);

/*
 * Keeps the report's totals where it is the newest of its boot. is_first: of this boot nothing was
 * heard before; only then is reckoned what passed until it began. Else two probes that share a name
 * would be taken for the successor of each other, again and again. False: refused.
 */
bool probes_update(
	struct probes *probes, const struct report *report, bool is_first, int64_t now_ms);
size_t probes_count(const struct probes *probes);
/* How many were heard of at since_ms or later. */
size_t probes_heard(const struct probes *probes, int64_t since_ms);

/* The report's datagram is in the batch, its rows with k: a point of its probe is due. */
void probes_batch_add(struct probes *probes, const struct report *report, uint32_t k);
/* The next probe of which a point is due, which it then is no more; NULL: none. Borrowed until the
 * next call of any function here. */
const struct probe_said *probes_take_due(struct probes *probes);

/* In the order in which they were heard of; NULL: no more. Borrowed as above. */
const struct probe_view *probes_newest(const struct probes *probes);
const struct probe_view *probes_older(const struct probe_view *view);
const struct probe_view *probes_newer(const struct probe_view *view);
