/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include "bodies.h"
#include "hash.h"
#include "kube_workload.h"
#include "rows.h"
#include "strbuf.h"
#include "tags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_MAX_MS (24 * 3600 * 1000) /* what ended longer ago is a replay, or a wrong clock */

struct batch {
	struct batch_parts parts;
	struct rows *rows;
	struct bodies *bodies;
	struct strbuf series;
	int64_t wall_ms; /* when it was begun */
	int64_t oldest_end_ms;
	size_t n_records;
	uint64_t shifted;
	struct fold_counts folded;
	uint64_t dropped;
};

struct batch *batch_new(const struct batch_parts *parts)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->parts = *parts;
	if (b->parts.records_max == 0 || b->parts.records_max > BATCH_RECORDS_MAX)
		b->parts.records_max = BATCH_RECORDS_MAX;
	b->bodies = bodies_new();
	b->rows = rows_new(BATCH_RECORDS_MAX, hash_random_seed());
	strbuf_init(&b->series, LINE_SERIES_MAX);
	if (!b->bodies || !b->rows) {
		batch_free(b);
		return NULL;
	}
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	strbuf_done(&b->series);
	bodies_free(b->bodies);
	rows_free(b->rows);
	free(b);
}

/* A comma is in no cleaned value, so that no two share a text. */
static void join(const char *cluster, const char *namespace, const char *name,
	char ret[static BATCH_OBSERVER_LEN])
{
	char parts[3][LINE_VALUE_MAX + 1];

	line_clean(cluster, parts[0]);
	line_clean(namespace, parts[1]);
	line_clean(name, parts[2]);
	snprintf(ret, BATCH_OBSERVER_LEN, "%s,%s,%s", parts[0], parts[1], parts[2]);
}

void batch_observer(const struct identity *identity, char ret[static BATCH_OBSERVER_LEN])
{
	join(identity->cluster, identity->namespace, identity->host, ret);
}

void batch_begin(struct batch *b, int64_t wall_ms)
{
	rows_reset(b->rows);
	b->n_records = 0;
	b->shifted = 0;
	b->folded = (struct fold_counts){0};
	b->dropped = 0;
	b->wall_ms = wall_ms;
	b->oldest_end_ms = 0;
	ledger_batch_begin(b->parts.ledger);
	if (b->parts.series)
		series_batch_begin(b->parts.series, wall_ms);
}

bool batch_has_room(const struct batch *b, size_t n)
{
	return n <= b->parts.records_max - b->n_records;
}

/* One datagram on its way into the batch. */
struct pass {
	struct batch *batch;
	const struct report *report;
	struct tags tags;
	uint32_t k;
	struct series_owner owner;
};

static void show(const struct pass *p, const struct record *record)
{
	char host[LINE_VALUE_MAX + 1];

	if (!p->batch->parts.live)
		return;
	line_clean(p->tags.line.hosts, host);
	live_add(p->batch->parts.live, &(struct live_row){.start_ms = p->report->start_ms,
					       .interval_ms = p->report->interval_ms,
					       .host = host,
					       .sender = p->tags.line.sender,
					       .receiver = p->tags.line.receiver,
					       .proto = p->tags.line.proto,
					       .port = p->tags.line.port,
					       .role = p->tags.line.role,
					       .sum = record->sum});
}

static bool add_record(struct pass *p, const struct record *record)
{
	struct batch *b = p->batch;
	size_t n_before = rows_count(b->rows);
	struct row row = {.time_ms = (int64_t)p->report->start_ms + p->k,
		.interval_ms = p->report->interval_ms,
		.sum = record->sum};

	tags_record(&p->tags, record);
	show(p, record);
	fold_record(b->parts.series, p->owner, record, &p->tags, &b->series, &b->folded);
	if (b->series.failed)
		return false;
	row.series = b->series.data;
	row.series_len = b->series.len;
	if (!rows_add(b->rows, &row))
		return false;
	if (p->k && rows_count(b->rows) > n_before)
		b->shifted++;
	return true;
}

/*
 * A boot's first interval begins between two lines of the clock's grid, and where is not known from
 * a probe that does not say it: its start and length do not give its end.
 */
static void note_end(struct batch *b, const struct report *report)
{
	int64_t end_ms = report_end_ms(report);
	bool is_first = report->sequence == report->part + UINT64_C(1);
	bool is_known = !is_first || report->begin_ms > 0;

	if (!is_known || end_ms > b->wall_ms || b->wall_ms - end_ms > DELAY_MAX_MS)
		return;
	if (b->oldest_end_ms == 0 || end_ms < b->oldest_end_ms)
		b->oldest_end_ms = end_ms;
}

/* The workload as Kubernetes knows it, else as the pod's name tells. */
static struct series_owner owner_of(
	const struct series *series, const struct line_tags *line, const char *observer)
{
	const char *name = line->workload;
	char stem[KUBE_NAME_MAX + 1];
	char workload[BATCH_OBSERVER_LEN];

	if (!name) {
		kube_workload_stem(line->hosts, stem);
		name = stem;
	}
	join(line->cluster, line->namespace, name, workload);
	return (struct series_owner){
		.pod = series_share(series, observer), .workload = series_share(series, workload)};
}

/* Rows that no point is left for are over, and acknowledged, but none of their bytes is stored: the
 * ledger then has them as lost. */
bool batch_add(struct batch *b, const struct waiting_datagram *d, int64_t now_ms)
{
	struct pass pass = {.batch = b, .report = &d->report};
	char observer[BATCH_OBSERVER_LEN];
	bool is_dropped;

	batch_observer(&d->report.identity, observer);
	if (d->n > 0)
		pass.k = ledger_batch_k(
			b->parts.ledger, observer, d->report.start_ms, d->report.interval_ms);
	is_dropped = pass.k > LEDGER_K_MAX;
	ledger_batch_add(b->parts.ledger, d->report.boot_id, d->report.sequence,
		is_dropped ? 0 : d->row_bytes);
	probes_batch_add(b->parts.probes, &d->report, pass.k);
	note_end(b, &d->report);
	if (is_dropped)
		b->dropped += d->row_bytes;
	if (d->n == 0 || is_dropped)
		return true;
	b->n_records += d->n;
	tags_begin(&pass.tags, b->parts.names, &d->report, now_ms);
	if (b->parts.series)
		pass.owner = owner_of(b->parts.series, &pass.tags.line, observer);
	for (size_t i = 0; i < d->n; i++)
		if (!add_record(&pass, &d->records[i]))
			return false;
	return true;
}

static void rows_to_lines(struct batch *b, uint64_t *ret_bytes)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < rows_count(b->rows); i++) {
		const struct row *row = rows_at(b->rows, i);
		uint64_t row_bytes = counters_bytes(&row->sum);

		line_point(bodies_line(b->bodies, row_bytes), row->series, row->series_len,
			&row->sum, row->interval_ms, row->time_ms);
		bytes += row_bytes;
	}
	*ret_bytes = bytes;
}

/* What it said, beside what is known of it once this batch is committed. */
static void probes_to_lines(struct batch *b)
{
	const struct probe_said *said;

	while ((said = probes_take_due(b->parts.probes))) {
		struct line_probe probe = {.identity = said->identity,
			.totals = &said->totals,
			.sealed_bytes = said->sealed_bytes,
			.unreported_bytes = said->unreported_bytes,
			.time_ms = said->start_ms + said->k};
		struct ledger_boot_state boot;
		struct names_pod pod;

		if (!ledger_batch_boot(b->parts.ledger, said->boot_id, &boot))
			continue;
		names_pod(b->parts.names, said->identity, said->end_ms, &pod);
		probe.workload = pod.workload;
		probe.zone = pod.zone;
		probe.node = *said->identity->node ? said->identity->node : pod.node;
		probe.stored_bytes = boot.stored_bytes;
		probe.lost_bytes = boot.lost_bytes;
		line_probe(bodies_line(b->bodies, 0), &probe);
	}
}

static int batch_to_bodies(struct batch *b, const struct line_collector *collector,
	struct spool_batch *out, uint64_t *ret_bytes)
{
	bodies_begin(b->bodies, out);
	rows_to_lines(b, ret_bytes);
	probes_to_lines(b);
	if (collector)
		line_collector(bodies_line(b->bodies, 0), collector);
	return bodies_end(b->bodies);
}

/* The ledger's entry lives no longer than this call; key and value go into one piece of memory. */
static bool entry_copy(void *ctx, const struct ledger_entry *entry)
{
	struct spool_batch *out = ctx;
	struct ledger_entry *entries = bodies_grown(out->entries, out->n_entries, sizeof(*entries));
	uint8_t *copy;

	if (!entries)
		return false;
	out->entries = entries;
	copy = malloc(entry->key_len + entry->value_len + 1);
	if (!copy)
		return false;
	memcpy(copy, entry->key, entry->key_len);
	if (entry->value_len)
		memcpy(copy + entry->key_len, entry->value, entry->value_len);
	entries[out->n_entries] = *entry;
	entries[out->n_entries].key = copy;
	entries[out->n_entries].value = copy + entry->key_len;
	out->n_entries++;
	return true;
}

static bool batch_to_entries(struct batch *b, struct spool_batch *out)
{
	if (!ledger_batch_entries(b->parts.ledger, entry_copy, out))
		return false;
	return !b->parts.series || series_batch_entries(b->parts.series, entry_copy, out);
}

int batch_seal(struct batch *b, const struct line_collector *collector, struct spool_batch *ret,
	struct batch_sums *ret_sums)
{
	struct spool_batch out = {.since_ms = b->oldest_end_ms ? b->oldest_end_ms : b->wall_ms};
	struct batch_sums sums = {.points = rows_count(b->rows),
		.shifted = b->shifted,
		.folded = b->folded,
		.dropped = b->dropped,
		.oldest_end_ms = b->oldest_end_ms};
	int r = batch_to_bodies(b, collector, &out, &sums.bytes);

	if (r == 0 && !batch_to_entries(b, &out))
		r = -ENOMEM;
	rows_reset(b->rows);
	if (r < 0) {
		batch_release(&out);
		return r;
	}
	*ret = out;
	*ret_sums = sums;
	return 0;
}

void batch_release(struct spool_batch *batch)
{
	for (size_t i = 0; i < batch->n_bodies; i++)
		free(batch->bodies[i].data);
	for (size_t i = 0; i < batch->n_entries; i++)
		free((void *)(uintptr_t)batch->entries[i].key);
	free(batch->bodies);
	free(batch->entries);
	*batch = (struct spool_batch){0};
}
