/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include "batch.h"
#include "clock.h"
#include "hash.h"
#include "intake.h"
#include "log.h"
#include "losses.h"
#include "rising.h"
#include "waiting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the worker commits, until its done(). */
struct commit {
	struct worker_job job;
	struct pipeline *pipeline; /* NULL: closed meanwhile */
	struct spool *spool;
	struct spool_batch batch;
	struct batch_sums sums;
	uint64_t bytes;
	uint64_t point_ms; /* nstats_collector's; 0: none */
	int result;
	char err[ERR_LEN];
};

struct pipeline {
	struct pipeline_parts parts;
	struct intake *intake;
	struct waiting *waiting;
	struct batch *batch;
	struct acks *acks;
	struct loop_timer beat;
	struct commit *flying;
	bool has_more;          /* ready, but the batch was full */
	bool is_failing;        /* commits: said once */
	uint64_t corrupt_files; /* after so many the series stand in the spool that there is now */
	struct losses losses;
	struct rising folds;
	void (*flush_done)(void *ctx);
	void *flush_ctx;
};

static bool is_ready(struct pipeline *p, struct waiting_group *group, int64_t now_ms)
{
	const struct waiting_datagram *d = group->first;

	if (p->flush_done)
		return true;
	if (names_are_starting(p->parts.names, now_ms))
		return false;
	if (now_ms - group->since_ms >= PIPELINE_WAIT_MS)
		return true;
	if (!waiting_is_whole(group))
		return false;
	if (!group->awaits_names)
		return true;
	while (d && !intake_await_names(p->parts.names, &d->report, d->records, d->n, now_ms))
		d = d->next;
	group->awaits_names = d != NULL;
	return !group->awaits_names;
}

/* A group may be cut where the batch is full: its rest is another commit's, with the next k. */
static bool group_take(
	struct pipeline *p, struct commit *commit, struct waiting_group *group, int64_t now_ms)
{
	size_t n_left = 0;
	bool is_ok = true;

	for (const struct waiting_datagram *d = group->first; d; d = d->next)
		n_left++;
	for (; n_left > 0 && is_ok; n_left--) {
		struct waiting_datagram *d;

		p->has_more = !batch_has_room(p->batch, group->first->n);
		if (p->has_more)
			break;
		d = waiting_pop(p->waiting, group);
		commit->bytes += d->row_bytes;
		is_ok = batch_add(p->batch, d, now_ms);
		free(d);
	}
	return is_ok;
}

/* 0, or -ENOMEM: then what was taken is to be discarded. */
static int commit_fill(
	struct pipeline *p, struct commit *commit, struct waiting_group *group, int64_t now_ms)
{
	struct waiting_group *next;
	struct line_collector own;
	int64_t wall_ms = clock_wall_ms();
	bool is_due = p->parts.figures && figures_due(p->parts.figures, wall_ms, &own);

	batch_begin(p->batch, wall_ms);
	p->has_more = false;
	for (; group && !p->has_more; group = next) {
		next = group->next;
		if (!is_ready(p, group, now_ms))
			continue;
		if (!group_take(p, commit, group, now_ms))
			return -ENOMEM;
	}
	commit->point_ms = is_due ? own.time_ms : 0;
	return batch_seal(p->batch, is_due ? &own : NULL, &commit->batch, &commit->sums);
}

static void commit_free(struct commit *commit)
{
	batch_release(&commit->batch);
	free(commit);
}

static void commit_failed(struct pipeline *p, const struct commit *commit)
{
	struct stats *stats = p->parts.stats;

	ledger_batch_abort(p->parts.ledger, NULL, NULL);
	if (p->parts.series)
		series_batch_abort(p->parts.series);
	stats->commit_failures++;
	stats->commit_failed_bytes += commit->bytes;
	if (!p->is_failing)
		log_error("cannot commit to the spool", "error=\"%s\" bytes=%llu act=\"discarded\"",
			commit->err, (unsigned long long)commit->bytes);
	p->is_failing = true;
}

static void boot_committed(void *ctx, const uint8_t boot_id[static BOOT_ID_LEN])
{
	acks_owe(ctx, boot_id);
}

static void note_folds(struct pipeline *p, const struct fold_counts *folded, int64_t now_ms)
{
	bool is_total = folded->port_total + folded->name_total > 0;
	struct stats *stats = p->parts.stats;
	uint64_t n;

	stats->folded_port_pod += folded->port_pod;
	stats->folded_port_total += folded->port_total;
	stats->folded_name_pod += folded->name_pod;
	stats->folded_name_total += folded->name_total;
	n = stats->folded_port_pod + stats->folded_port_total + stats->folded_name_pod +
	    stats->folded_name_total;
	if (rising_begins(&p->folds, n, now_ms))
		log_warn("new series are folded",
			"series=%zu max=%zu reason=%s act=\"they lose their port, then their "
			"name\"",
			series_count(p->parts.series), series_max(p->parts.series),
			is_total ? "total" : "pod");
}

static void commit_succeeded(struct pipeline *p, const struct commit *commit)
{
	struct stats *stats = p->parts.stats;

	ledger_batch_commit(p->parts.ledger, boot_committed, p->acks);
	if (p->parts.series)
		series_batch_commit(p->parts.series);
	acks_send(p->acks, clock_mono_ms());
	stats->commits++;
	stats->committed_bytes += commit->sums.bytes;
	stats->rows_dropped_bytes += commit->sums.dropped;
	stats->points += commit->sums.points;
	stats->points_shifted += commit->sums.shifted;
	note_folds(p, &commit->sums.folded, clock_mono_ms());
	if (commit->point_ms)
		figures_told(p->parts.figures, commit->point_ms);
	if (commit->sums.oldest_end_ms)
		stats_note_longest(&stats->commit_us, clock_wall_ms() - commit->sums.oldest_end_ms);
	if (p->is_failing)
		log_info("commits work again", "");
	p->is_failing = false;
	if (p->parts.committed)
		p->parts.committed(p->parts.committed_ctx);
}

/* Between batches: one that flew meanwhile took it for granted that the seed is there. */
static void note_new_spool(struct pipeline *p)
{
	struct spool_state state;

	spool_state(p->parts.spool, &state);
	if (state.corrupt_files == p->corrupt_files)
		return;
	p->corrupt_files = state.corrupt_files;
	if (p->parts.series)
		series_write_again(p->parts.series);
}

static void commit_settle(struct pipeline *p, struct commit *commit)
{
	struct spool_state state;

	/* Also where it failed: room was made before. */
	spool_state(p->parts.spool, &state);
	spool_state_show(&state, p->parts.stats);
	p->parts.stats->committing_bytes = 0;
	if (commit->result < 0)
		commit_failed(p, commit);
	else
		commit_succeeded(p, commit);
	commit_free(commit);
}

static void commit_run(void *ctx)
{
	struct commit *commit = ctx;

	commit->result = spool_commit(commit->spool, &commit->batch, commit->err);
}

static void commit_start(struct pipeline *p, int64_t now_ms);

static void flush_check(struct pipeline *p)
{
	void (*done)(void *) = p->flush_done;

	if (!done || p->flying || waiting_first(p->waiting))
		return;
	p->flush_done = NULL;
	if (p->parts.live) /* no beat comes after this */
		live_draw(p->parts.live, clock_wall_ms());
	done(p->flush_ctx);
}

static void commit_done(void *ctx)
{
	struct commit *commit = ctx;
	struct pipeline *p = commit->pipeline;

	if (!p) {
		commit_free(commit);
		return;
	}
	p->flying = NULL;
	commit_settle(p, commit);
	if (p->has_more || p->flush_done)
		commit_start(p, clock_mono_ms());
	flush_check(p);
}

static void commit_submit(struct pipeline *p, struct commit *commit)
{
	commit->job = (struct worker_job){.run = commit_run, .done = commit_done, .ctx = commit};
	if (worker_submit(p->parts.worker, &commit->job)) {
		p->flying = commit;
		return;
	}
	commit->result = -EBUSY;
	snprintf(commit->err, ERR_LEN, "the worker's queue is full");
	commit_settle(p, commit);
}

static struct waiting_group *first_ready(struct pipeline *p, int64_t now_ms)
{
	struct waiting_group *group = waiting_first(p->waiting);

	while (group && !is_ready(p, group, now_ms))
		group = group->next;
	return group;
}

static bool is_point_due(const struct pipeline *p)
{
	struct line_collector own;

	return p->parts.figures && figures_due(p->parts.figures, clock_wall_ms(), &own);
}

static void commit_start(struct pipeline *p, int64_t now_ms)
{
	struct waiting_group *group;
	struct commit *commit;

	if (p->flying)
		return;
	note_new_spool(p);
	group = first_ready(p, now_ms);
	if (!group && !is_point_due(p))
		return;
	commit = calloc(1, sizeof(*commit));
	if (!commit)
		return; /* all goes on waiting until there is memory */
	commit->pipeline = p;
	commit->spool = p->parts.spool;
	commit->result = commit_fill(p, commit, group, now_ms);
	p->parts.stats->waiting_bytes -= commit->bytes;
	p->parts.stats->committing_bytes = commit->bytes;
	if (commit->result == 0) {
		commit_submit(p, commit);
		return;
	}
	snprintf(commit->err, ERR_LEN, "%s", strerror(-commit->result));
	commit_settle(p, commit);
}

static void show_tables(struct pipeline *p, int64_t now_ms)
{
	struct stats *stats = p->parts.stats;
	struct ledger_counts counts;

	ledger_counts(p->parts.ledger, &counts);
	stats->lost_bytes = ledger_lost_bytes(p->parts.ledger);
	stats->missing_bytes = ledger_missing_bytes(p->parts.ledger, now_ms);
	stats->ledger_boots = counts.boots;
	stats->ledger_observers = counts.observers;
	stats->forgotten_finished = counts.boots_finished;
	stats->forgotten_silent = counts.boots_silent;
	stats->forgotten_observers = counts.observers_silent;
	if (p->parts.series)
		stats->series = series_count(p->parts.series);
}

static void beat(void *ctx, int64_t now_ms)
{
	struct pipeline *p = ctx;

	loop_timer_set(p->parts.loop, &p->beat, now_ms + PIPELINE_BEAT_MS);
	show_tables(p, now_ms);
	losses_look(&p->losses, p->parts.stats, now_ms);
	if (p->parts.figures)
		figures_renew(p->parts.figures, now_ms, clock_wall_ms());
	commit_start(p, now_ms);
	flush_check(p);
	acks_send(p->acks, now_ms);
	if (p->parts.live)
		live_draw(p->parts.live, clock_wall_ms());
}

/* False: no memory; pipeline_close takes the half of it. */
static bool parts_make(struct pipeline *p)
{
	const struct pipeline_parts *parts = &p->parts;
	struct intake_parts intake = {.names = parts->names,
		.ledger = parts->ledger,
		.probes = parts->probes,
		.stats = parts->stats,
		.cluster = parts->cluster};
	struct batch_parts batch = {.names = parts->names,
		.ledger = parts->ledger,
		.probes = parts->probes,
		.live = parts->live,
		.series = parts->series,
		.records_max = spool_records_max(parts->spool)};

	p->waiting = waiting_new(PIPELINE_RECORDS_MAX, hash_random_seed());
	p->batch = batch_new(&batch);
	p->acks = acks_new(
		parts->ledger, parts->stats, hash_random_seed(), parts->reply, parts->reply_ctx);
	intake.waiting = p->waiting;
	intake.acks = p->acks;
	p->intake = intake_new(&intake);
	return p->waiting && p->batch && p->acks && p->intake;
}

int pipeline_open(
	const struct pipeline_parts *parts, struct pipeline **ret, char err[static ERR_LEN])
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (p) {
		p->parts = *parts;
		p->beat = (struct loop_timer){.fn = beat, .ctx = p};
	}
	if (!p || !parts_make(p)) {
		snprintf(err, ERR_LEN, "pipeline: %s", strerror(ENOMEM));
		pipeline_close(p);
		return -ENOMEM;
	}
	show_tables(p, clock_mono_ms());
	losses_init(&p->losses, parts->stats);
	loop_timer_set(parts->loop, &p->beat, clock_mono_ms() + PIPELINE_BEAT_MS);
	*ret = p;
	return 0;
}

void pipeline_close(struct pipeline *p)
{
	if (!p)
		return;
	if (p->flying)
		p->flying->pipeline = NULL;
	loop_timer_cancel(p->parts.loop, &p->beat);
	intake_free(p->intake);
	acks_free(p->acks);
	batch_free(p->batch);
	waiting_free(p->waiting);
	free(p);
}

void pipeline_datagram(void *ctx, const uint8_t *data, size_t len, const struct receive_from *from)
{
	struct pipeline *p = ctx;

	intake_datagram(p->intake, data, len, from, clock_mono_ms());
}

void pipeline_flush(struct pipeline *p, void (*done)(void *ctx), void *ctx)
{
	p->flush_done = done;
	p->flush_ctx = ctx;
	commit_start(p, clock_mono_ms());
	flush_check(p);
}
