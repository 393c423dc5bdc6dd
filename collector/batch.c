/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include "gzip.h"
#include "hash.h"
#include "rows.h"
#include "strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX (LINE_SERIES_MAX + 512)
#define PORT_LEN       6

struct batch {
	struct names *names;
	struct ledger *ledger;
	struct live *live;
	struct gzip *gzip;
	struct rows *rows;
	struct strbuf series;
	struct strbuf lines;
	size_t n_records;
	uint64_t shifted;
	uint64_t dropped;
};

struct batch *batch_new(struct names *names, struct ledger *ledger, struct live *live)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->names = names;
	b->ledger = ledger;
	b->live = live;
	b->gzip = gzip_new();
	b->rows = rows_new(BATCH_RECORDS_MAX, hash_random_seed());
	strbuf_init(&b->series, LINE_SERIES_MAX);
	strbuf_init(&b->lines, BATCH_BODY_BYTES);
	if (!b->gzip || !b->rows) {
		batch_free(b);
		return NULL;
	}
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	strbuf_done(&b->lines);
	strbuf_done(&b->series);
	rows_free(b->rows);
	gzip_free(b->gzip);
	free(b);
}

/* A comma is in no cleaned value, so that no two identities share a text. */
void batch_observer(const struct identity *identity, char ret[static BATCH_OBSERVER_LEN])
{
	char cluster[LINE_VALUE_MAX + 1];
	char namespace[LINE_VALUE_MAX + 1];
	char host[LINE_VALUE_MAX + 1];

	line_clean(identity->cluster, cluster);
	line_clean(identity->namespace, namespace);
	line_clean(identity->host, host);
	snprintf(ret, BATCH_OBSERVER_LEN, "%s,%s,%s", cluster, namespace, host);
}

void batch_begin(struct batch *b)
{
	rows_reset(b->rows);
	b->n_records = 0;
	b->shifted = 0;
	b->dropped = 0;
	ledger_batch_begin(b->ledger);
}

bool batch_has_room(const struct batch *b, size_t n)
{
	return n <= BATCH_RECORDS_MAX - b->n_records;
}

/* One datagram on its way into the batch. */
struct pass {
	struct batch *batch;
	const struct report *report;
	struct line_tags tags;
	uint32_t k;
	int64_t now_ms;
	struct name sender;
	struct name receiver;
	struct addr named_local; /* whose name sender is: records share few local addresses */
	char proto[RECORD_PROTO_LEN];
	char port[PORT_LEN];
};

static void tag_flow(struct pass *p, const struct record *record)
{
	struct batch *b = p->batch;

	if (p->named_local.len == 0 || !addr_equal(&p->named_local, &record->local)) {
		names_lookup(b->names, &record->local, p->now_ms, &p->sender);
		p->named_local = record->local;
	}
	names_lookup(b->names, &record->remote, p->now_ms, &p->receiver);
	p->tags.sender = p->sender.text;
	p->tags.receiver = p->receiver.text;
	p->tags.receiver_kind = p->receiver.kind;
	p->tags.named_by = named_by_text(p->receiver.by);
	snprintf(p->port, sizeof(p->port), "%u", (unsigned)record->port);
	p->tags.port = record->port ? p->port : "-";
}

static void tag_remainder(struct pass *p, const char *receiver)
{
	p->tags.sender = "-";
	p->tags.receiver = receiver;
	p->tags.receiver_kind = "other";
	p->tags.named_by = named_by_text(NAMED_BY_NONE);
	p->tags.port = "-";
}

static void tag_record(struct pass *p, const struct record *record)
{
	bool is_ip = record->kind == RECORD_FLOW || record->kind == RECORD_OTHER;

	p->tags.proto = is_ip ? record_proto_name(record->proto, p->proto) : "-";
	p->tags.role = !is_ip ? "-" : record->role == ROLE_SERVER ? "server" : "client";
	switch (record->kind) {
	case RECORD_FLOW:
		tag_flow(p, record);
		break;
	case RECORD_OTHER:
		tag_remainder(p, "~other");
		break;
	case RECORD_NON_IP:
		tag_remainder(p, "~non-ip");
		break;
	case RECORD_MALFORMED:
		tag_remainder(p, "~malformed");
		break;
	}
}

static void show(const struct pass *p, const struct record *record)
{
	char host[LINE_VALUE_MAX + 1];

	if (!p->batch->live)
		return;
	line_clean(p->tags.hosts, host);
	live_add(p->batch->live, &(struct live_row){.start_ms = p->report->start_ms,
					 .interval_ms = p->report->interval_ms,
					 .host = host,
					 .sender = p->tags.sender,
					 .receiver = p->tags.receiver,
					 .proto = p->tags.proto,
					 .port = p->tags.port,
					 .role = p->tags.role,
					 .sum = record->sum});
}

static bool add_record(struct pass *p, const struct record *record)
{
	struct batch *b = p->batch;
	size_t n_before = rows_count(b->rows);
	struct row row = {.time_ms = (int64_t)p->report->start_ms + p->k,
		.interval_ms = p->report->interval_ms,
		.sum = record->sum};

	tag_record(p, record);
	strbuf_reset(&b->series);
	line_series(&b->series, &p->tags);
	if (b->series.failed)
		return false;
	row.series = b->series.data;
	row.series_len = b->series.len;
	if (!rows_add(b->rows, &row))
		return false;
	if (p->k && rows_count(b->rows) > n_before)
		b->shifted++;
	show(p, record);
	return true;
}

bool batch_add(struct batch *b, const struct waiting_datagram *d, int64_t now_ms)
{
	const struct identity *identity = &d->report.identity;
	char observer[BATCH_OBSERVER_LEN];
	struct pass pass = {.batch = b,
		.report = &d->report,
		.now_ms = now_ms,
		.tags = {.cluster = identity->cluster,
			.hosts = identity->host,
			.namespace = identity->namespace,
			.node = identity->node}};

	ledger_batch_add(b->ledger, d->report.boot_id, d->report.sequence, d->row_bytes);
	if (d->n == 0)
		return true;
	batch_observer(identity, observer);
	pass.k = ledger_batch_k(b->ledger, observer, d->report.start_ms, d->report.interval_ms);
	if (pass.k > LEDGER_K_MAX) {
		b->dropped += d->row_bytes;
		return true;
	}
	b->n_records += d->n;
	for (size_t i = 0; i < d->n; i++)
		if (!add_record(&pass, &d->records[i]))
			return false;
	return true;
}

/* An array with room for one more, or NULL. */
static void *grown(void *array, size_t n, size_t size)
{
	bool is_full = (n & (n - 1)) == 0; /* 0, or a power of two */

	return is_full ? reallocarray(array, n ? n * 2 : 1, size) : array;
}

/* The lines so far become a body. */
static int body_close(struct batch *b, struct spool_body *body, struct spool_batch *out)
{
	struct spool_body *bodies;
	int r;

	if (b->lines.failed)
		return -ENOMEM;
	if (body->lines == 0)
		return 0;
	bodies = grown(out->bodies, out->n_bodies, sizeof(*bodies));
	if (!bodies)
		return -ENOMEM;
	out->bodies = bodies;
	r = gzip_compress(b->gzip, b->lines.data, b->lines.len, &body->data, &body->len);
	if (r < 0)
		return r;
	bodies[out->n_bodies++] = *body;
	*body = (struct spool_body){0};
	strbuf_reset(&b->lines);
	return 0;
}

static int rows_to_bodies(struct batch *b, struct spool_batch *out, uint64_t *ret_bytes)
{
	struct spool_body body = {0};
	size_t n = rows_count(b->rows);
	uint64_t bytes = 0;

	strbuf_reset(&b->lines);
	for (size_t i = 0; i < n; i++) {
		const struct row *row = rows_at(b->rows, i);
		bool is_full = body.lines == BATCH_BODY_LINES ||
			       b->lines.len + LINE_BYTES_MAX > BATCH_BODY_BYTES;

		if (is_full && body_close(b, &body, out) < 0)
			return -ENOMEM;
		line_point(&b->lines, row->series, row->series_len, &row->sum, row->interval_ms,
			row->time_ms);
		body.lines++;
		body.traffic_bytes += counters_bytes(&row->sum);
		bytes += counters_bytes(&row->sum);
	}
	*ret_bytes = bytes;
	return body_close(b, &body, out);
}

/* The ledger's entry lives no longer than this call; key and value go into one piece of memory. */
static bool entry_copy(void *ctx, const struct ledger_entry *entry)
{
	struct spool_batch *out = ctx;
	struct ledger_entry *entries = grown(out->entries, out->n_entries, sizeof(*entries));
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

int batch_seal(struct batch *b, struct spool_batch *ret, struct batch_sums *ret_sums)
{
	struct spool_batch out = {0};
	struct batch_sums sums = {
		.points = rows_count(b->rows), .shifted = b->shifted, .dropped = b->dropped};
	int r = rows_to_bodies(b, &out, &sums.bytes);

	if (r == 0 && !ledger_batch_entries(b->ledger, entry_copy, &out))
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
