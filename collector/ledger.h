/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has been counted. Pure: it neither stores nor knows the time by itself; what it would have
 * stored comes out as entries (key, value) that are committed in the same transaction as the rows.
 *
 * A sequence number of a boot is, in this order: waiting (accepted, in memory), flying (in the
 * batch that is being committed), committed. A batch that fails is forgotten whole. One batch flies
 * at a time.
 *
 * k of (observer, interval) is the number of commits that have carried rows of it. It becomes the
 * points' offset in milliseconds, so that no commit overwrites an earlier one's points. A k that is
 * too high is harmless, one too low is not: so where an observer's history gets too long,
 * neighbouring runs are merged and take the higher count.
 *
 * Bounded, and a live boot is never forgotten for a new one. Only where there is no room for a new
 * one, these are forgotten:
 * - a boot that is finished, its last datagram and all before it committed, LEDGER_FINISHED_MS
 *   after something came from it last: the process that sent it has ended;
 * - a boot from which nothing came for LEDGER_SILENT_MS, and of which nothing waits or flies;
 * - an observer that no boot says it is, LEDGER_SILENT_MS after something came from it last. That
 *   is late, since a boot that nobody has heard of yet may bring intervals that it shares with a
 *   finished one, after an outage.
 * What else is new is refused. After a load these times begin anew. So deduplication depends on no
 * clock, but for one thing: a probe that comes back after LEDGER_SILENT_MS to a full ledger is a
 * new boot; what it was not told to be committed counts twice, and all that was committed before
 * shows as lost. A recorded datagram that is replayed counts once more in the same case.
 */
#pragma once

#include "err.h"
#include "ledger_terms.h"
#include "record.h"

struct ledger_claim {
	const uint8_t *boot_id;
	uint64_t sequence;
	uint64_t oldest;
	uint64_t sealed_bytes;
	const char *observer;
	bool is_final;  /* the last one of its boot */
	int64_t now_ms; /* monotonic; for forgetting alone */
};

struct ledger_boot_state {
	uint64_t contiguous;
	uint64_t stored_bytes; /* committed */
	uint64_t sealed_bytes; /* of the highest sequence seen */
	uint64_t lost_bytes;   /* up to a recent sequence: ledger_boot.h; exact when nothing is
				  missing */
};

struct ledger_config {
	uint64_t hash_seed;
	int64_t now_ms; /* as a claim's: from when on loaded ones are silent */
	struct ledger_limits limits;
};

/* So many boots as find room in this many bytes of the spool, and so many observers in as many. */
struct ledger_limits ledger_limits_of(uint64_t bytes);

struct ledger_counts {
	uint64_t boots; /* now */
	uint64_t observers;
	uint64_t boots_finished; /* forgotten, since ledger_new */
	uint64_t boots_silent;
	uint64_t observers_silent;
};

struct ledger;
/* NULL: no memory. */
struct ledger *ledger_new(const struct ledger_config *config);
void ledger_free(struct ledger *ledger);

/*
 * One call an entry, before the first offer. More than the limits, from the time when they were
 * larger, are taken too; what is new then waits until enough is forgotten. False: not an entry that
 * this version wrote, one that came before, or no memory.
 */
bool ledger_load(struct ledger *ledger, const struct ledger_entry *entry);

enum ledger_verdict ledger_offer(struct ledger *ledger, const struct ledger_claim *claim);

/*
 * A batch: begin, add every datagram whose rows it carries, ask for k of every (observer, interval)
 * that it carries, write the entries, then commit or abort. Aborted datagrams are forgotten, so
 * that a retransmission is new again.
 */
void ledger_batch_begin(struct ledger *ledger);
void ledger_batch_add(struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN],
	uint64_t sequence, uint64_t row_bytes);
/*
 * The same for each call within a batch. Above LEDGER_K_MAX there is no time left that belongs to
 * this start alone: its rows must be dropped, counted, and its datagram be added with no row_bytes,
 * which makes them lost. step_ms, the interval's length, only tells neighbouring intervals from a
 * gap.
 */
uint32_t ledger_batch_k(
	struct ledger *ledger, const char *observer, uint64_t start_ms, uint32_t step_ms);
/*
 * Entries as they will stand after the commit, borrowed for the call, and before them the deletes
 * of what was forgotten, LEDGER_FORGET_MAX boots and as many observers at most. What an aborted
 * batch deletes is deleted by the next; until then a load finds it again, which does no harm. After
 * the last ledger_batch_k. False: fn returned false, or there was no memory to remember a k: abort
 * the batch.
 */
bool ledger_batch_entries(
	struct ledger *ledger, bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx);
/* fn, or NULL: each boot of the batch, once it stands as it does from now on. */
typedef void ledger_boot_fn(void *ctx, const uint8_t boot_id[static BOOT_ID_LEN]);
void ledger_batch_commit(struct ledger *ledger, ledger_boot_fn *fn, void *ctx);
void ledger_batch_abort(struct ledger *ledger, ledger_boot_fn *fn, void *ctx);

/* Drops a waiting datagram that the caller could not keep. */
void ledger_forget(
	struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN], uint64_t sequence);

/* What may be acknowledged: what is committed, and what was stepped over. False: not known. */
bool ledger_ack(
	const struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN], struct ack *ret);

bool ledger_boot(const struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN],
	struct ledger_boot_state *ret);
/* As it will stand once the batch that is open is committed. */
bool ledger_batch_boot(const struct ledger *ledger, const uint8_t boot_id[static BOOT_ID_LEN],
	struct ledger_boot_state *ret);
/* Bytes lost over all boots, by the same rule; also over those forgotten since ledger_new. */
uint64_t ledger_lost_bytes(const struct ledger *ledger);
/*
 * Bytes that boots sealed, as was heard of them before LEDGER_MISSED_MS, and that have neither come
 * nor been given up: their probe was killed, or it is cut off and its ring still has them. Of
 * forgotten boots as above. Looks at every boot.
 */
uint64_t ledger_missing_bytes(const struct ledger *ledger, int64_t now_ms);
void ledger_counts(const struct ledger *ledger, struct ledger_counts *ret);
