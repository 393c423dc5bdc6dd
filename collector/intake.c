/* SPDX-License-Identifier: Apache-2.0 */
#include "intake.h"

#include "batch.h"
#include "wire_decode.h"

#include <stdio.h>
#include <stdlib.h>

struct intake {
	struct intake_parts parts;
	struct wire_decoder *decoder;
};

struct intake *intake_new(const struct intake_parts *parts)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->parts = *parts;
	in->decoder = wire_decoder_new();
	if (!in->decoder) {
		free(in);
		return NULL;
	}
	return in;
}

void intake_free(struct intake *in)
{
	if (!in)
		return;
	wire_decoder_free(in->decoder);
	free(in);
}

static uint64_t *reject_counter(struct stats *stats, enum wire_result result)
{
	switch (result) {
	case WIRE_OVERSIZE:
		return &stats->reject_oversize;
	case WIRE_LIMIT:
		return &stats->reject_limit;
	case WIRE_NOT_REPORT:
		return &stats->reject_not_report;
	case WIRE_UNDECODABLE:
	case WIRE_OK:
	case WIRE_N_RESULTS:
		break;
	}
	return &stats->reject_undecodable;
}

static uint64_t *verdict_counter(struct stats *stats, enum ledger_verdict verdict)
{
	switch (verdict) {
	case LEDGER_LATE:
		return &stats->late;
	case LEDGER_AHEAD:
		return &stats->reject_ahead;
	case LEDGER_FULL:
		return &stats->reject_ledger_full;
	case LEDGER_NEW:
	case LEDGER_WAITING:
	case LEDGER_DUPLICATE:
	case LEDGER_N_VERDICTS:
		break;
	}
	return &stats->duplicates;
}

bool intake_await_names(struct names *names, const struct report *report,
	const struct record *records, size_t n, int64_t now_ms)
{
	int64_t at_ms = names_at_ms(report);
	bool is_awaited = false;
	struct name name;

	for (size_t i = 0; i < n; i++) {
		const struct record *record = &records[i];
		struct names_question local = {
			.addr = record->local, .at_ms = at_ms, .observer = &report->identity};
		struct names_question remote = local;

		remote.addr = record->remote;
		remote.seen = record->name;
		if (record->kind != RECORD_FLOW)
			continue;
		if (i == 0 || !addr_equal(&record->local, &records[i - 1].local))
			is_awaited |= !names_lookup(names, &local, now_ms, &name);
		is_awaited |= !names_lookup(names, &remote, now_ms, &name);
	}
	return is_awaited;
}

/* What is committed is acknowledged again: the probe does not know it yet. */
static bool is_over(enum ledger_verdict verdict)
{
	return verdict == LEDGER_DUPLICATE || verdict == LEDGER_LATE;
}

static enum ledger_verdict offer(struct intake *in, const struct report *report, int64_t now_ms)
{
	char observer[BATCH_OBSERVER_LEN];
	struct ledger_claim claim = {.boot_id = report->boot_id,
		.sequence = report->sequence,
		.oldest = report->oldest,
		.sealed_bytes = report->sealed_bytes,
		.observer = observer,
		.is_final = report->is_final && report->part + 1 == report->parts,
		.now_ms = now_ms};

	batch_observer(&report->identity, observer);
	return ledger_offer(in->parts.ledger, &claim);
}

/* What there is no room for is refused before the ledger marks it: it may come again. */
static enum ledger_verdict report_take(struct intake *in, const struct report *report,
	const struct record *records, size_t n, int64_t now_ms)
{
	struct stats *stats = in->parts.stats;
	struct waiting_group *group;
	enum ledger_verdict verdict;
	uint64_t bytes = 0;

	if (!waiting_has_room(in->parts.waiting, records, n)) {
		stats->reject_busy++;
		return LEDGER_FULL;
	}
	verdict = offer(in, report, now_ms);
	if (verdict != LEDGER_NEW) {
		(*verdict_counter(stats, verdict))++;
		return verdict;
	}
	group = waiting_add(in->parts.waiting, report, records, n, now_ms);
	if (!group) {
		ledger_forget(in->parts.ledger, report->boot_id, report->sequence);
		stats->reject_busy++;
		return LEDGER_FULL;
	}
	for (size_t i = 0; i < n; i++)
		bytes += counters_bytes(&records[i].sum);
	stats->accepted++;
	stats->records += n;
	stats->accepted_bytes += bytes;
	stats->waiting_bytes += bytes;
	group->awaits_names |= intake_await_names(in->parts.names, report, records, n, now_ms);
	return LEDGER_NEW;
}

void intake_datagram(struct intake *in, const uint8_t *data, size_t len,
	const struct receive_from *from, int64_t now_ms)
{
	const struct record *records;
	enum ledger_verdict verdict;
	enum wire_result result;
	struct ledger_boot_state known;
	struct report report;
	bool is_first;
	size_t n;

	result = wire_decode(in->decoder, data, len, &report, &records, &n);
	if (result != WIRE_OK) {
		(*reject_counter(in->parts.stats, result))++;
		return;
	}
	if (report.identity.cluster[0] == '\0')
		snprintf(report.identity.cluster, sizeof(report.identity.cluster), "%s",
			in->parts.cluster);
	is_first = !ledger_boot(in->parts.ledger, report.boot_id, &known);
	if (!probes_update(in->parts.probes, &report, is_first, now_ms))
		in->parts.stats->probes_refused++;
	verdict = report_take(in, &report, records, n, now_ms);
	if (verdict != LEDGER_FULL && verdict != LEDGER_AHEAD)
		acks_note(in->parts.acks, report.boot_id, from, len, is_over(verdict), now_ms);
}
