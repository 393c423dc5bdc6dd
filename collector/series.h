/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The budget of live series: which of them are known, and whether a new one may begin. A series is
 * live from the batch that brings it first until it has been silent for a number of whole days (UTC
 * by the wall clock). Where that is the database's retention, it holds no more series than the
 * budget; where it is 7, the length of a shard in InfluxDB 1's default retention policy, no shard
 * does.
 *
 * Remembered as 64-bit hashes under a seed that is drawn once a spool, so that nobody can aim two
 * names at one hash: at a million series, some two of them are taken for one with a probability of
 * 3 in 100 million. Entries for the spool come out as the ledger's do: each new series with the
 * batch that brings it, so that whatever InfluxDB gets is remembered, also after a kill; and by and
 * by, once a day, one that goes on, and one that is over. A quiet batch writes nothing.
 *
 * A new series begins while the live ones and its pod's own, together, are below a limit. So a pod
 * holds no more than are left for others: one that scans takes half, two take a third each, and a
 * pod with few series comes before one with many. The same goes for its workload, with a third of
 * what that has: pods of which each is the successor of the one before, whose series are still
 *live, would each take half of the rest. So a workload takes three quarters at most. The limit is
 *the budget for what is folded most, and less of it for what is folded less:
 *
 *	SERIES_WHOLE	8/10	as it is
 *	SERIES_PORTLESS	9/10	without its port
 *	SERIES_LABEL	all	under the operator's label alone
 *
 * What finds no place there either belongs to the remainders, which are not counted here.
 */
#pragma once

#include "ledger_terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_MAX         2000000
#define SERIES_DAYS_MAX    3650
#define SERIES_ENTRY_BYTES 24   /* in the spool, about */
#define SERIES_WRITES_MAX  1024 /* of a batch, that are not new; what is more goes with the next */

enum series_fold {
	SERIES_WHOLE,
	SERIES_PORTLESS,
	SERIES_LABEL,
};

enum series_verdict {
	SERIES_LIVE,
	SERIES_POD_FULL,   /* the pod has more than its share, or its workload */
	SERIES_TOTAL_FULL, /* there is no room for anybody's, or no memory */
};

/* As many as find room in this many bytes of the spool, SERIES_MAX at most. */
size_t series_max_of(uint64_t bytes);

/* Whose shares a series takes: series_share of each one's text. */
struct series_owner {
	uint16_t pod;
	uint16_t workload;
};

struct series;
/* max: the budget, at most SERIES_MAX. days: of silence that a live one may have, at most
 * SERIES_DAYS_MAX. seed: of a spool that has none yet. NULL: no memory. */
struct series *series_new(size_t max, unsigned days, uint64_t seed);
void series_free(struct series *series);

/*
 * One call an entry of table "series", before the first batch. More than the budget, from the time
 * when it was larger, are taken too, and go on. False: not an entry that this version wrote, one
 * that came before, or no memory.
 */
bool series_load(struct series *series, const struct ledger_entry *entry);

/*
 * A batch: begin, admit each record's series, write the entries, then commit or abort. What an
 * aborted batch admitted stays admitted, and its entries go with the next: its datagrams will come
 * again, and until then one series too many is counted, never one too few.
 */
void series_batch_begin(struct series *series, int64_t wall_ms);
/* text: as line_series writes it. */
enum series_verdict series_admit(struct series *series, struct series_owner owner,
	enum series_fold fold, const char *text, size_t len);
/* Borrowed for the call. False: fn returned false. */
bool series_batch_entries(
	struct series *series, bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx);
void series_batch_commit(struct series *series);
void series_batch_abort(struct series *series);

/*
 * The spool was moved aside and a new one has none of these: the seed and all that are live are
 * written again, as what goes on is. Not while a batch flies.
 */
void series_write_again(struct series *series);

/* Those whose number is equal share a share: of 1,000 pods, some 15 with another one. */
uint16_t series_share(const struct series *series, const char *text);

size_t series_count(const struct series *series);
size_t series_max(const struct series *series);
