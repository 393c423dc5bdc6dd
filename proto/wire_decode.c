/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_decode.h"

#include "arena.h"
#include "wire_columns.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (64 * 1024) /* holds any datagram that the limits allow, several times over */

struct wire_decoder {
	ProtobufCAllocator allocator;
	struct arena arena;
	alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
	struct record records[WIRE_RECORDS_MAX];
};

/* Memory from the arena is given back all at once, by the next call of wire_decode. */
static void *decoder_alloc(void *data, size_t size)
{
	return arena_alloc(data, size);
}

static void decoder_release(void *data, void *p)
{
	(void)data;
	(void)p;
}

struct wire_decoder *wire_decoder_new(void)
{
	struct wire_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->arena = (struct arena){.bytes = d->bytes, .cap = sizeof(d->bytes)};
	d->allocator = (ProtobufCAllocator){
		.alloc = decoder_alloc, .free = decoder_release, .allocator_data = &d->arena};
	return d;
}

void wire_decoder_free(struct wire_decoder *decoder)
{
	free(decoder);
}

static bool name_ok(const char *s)
{
	return *s != '\0' && strnlen(s, RECORD_NAME_LEN) < RECORD_NAME_LEN;
}

static bool string_ok(const char *s)
{
	return strnlen(s, RECORD_NAME_LEN) < RECORD_NAME_LEN;
}

static bool totals_ok(const Nstats__V1__Totals *t)
{
	uint64_t all_bits = 0;

#define COLLECT(field) all_bits |= t->field;
	WIRE_EACH_TOTAL(COLLECT)
#undef COLLECT
	return all_bits <= WIRE_COUNTER_MAX; /* all have the top bit clear */
}

static bool header_ok(const Nstats__V1__Report *r)
{
	return r->boot_id.len == BOOT_ID_LEN && r->sequence >= 1 &&
	       r->sequence <= WIRE_COUNTER_MAX && r->oldest >= 1 && r->oldest <= r->sequence &&
	       r->sealed_bytes <= WIRE_COUNTER_MAX && r->start_ms <= WIRE_START_MAX_MS &&
	       r->start_ms % WIRE_START_UNIT_MS == 0 && r->begin_ms <= WIRE_INTERVAL_MAX_MS &&
	       r->interval_ms >= 1 && r->interval_ms <= WIRE_INTERVAL_MAX_MS &&
	       r->parts <= WIRE_PARTS_MAX && r->part < r->parts && string_ok(r->cluster) &&
	       string_ok(r->host) && string_ok(r->namespace_) && string_ok(r->node) &&
	       (!r->totals || totals_ok(r->totals));
}

static size_t column_len(const Nstats__V1__Flows *flows, size_t c)
{
	size_t n;

	memcpy(&n, (const char *)flows + wire_columns[c].n, sizeof(n));
	return n;
}

static uint64_t column_value(const Nstats__V1__Flows *flows, size_t c, size_t i)
{
	const void *data;

	memcpy(&data, (const char *)flows + wire_columns[c].data, sizeof(data));
	return wire_columns[c].is_wide ? ((const uint64_t *)data)[i] : ((const uint32_t *)data)[i];
}

/* What does not depend on a row: the columns' lengths and the two tables. */
static bool tables_ok(const Nstats__V1__Flows *flows)
{
	if (flows->n_proto > WIRE_RECORDS_MAX || flows->n_locals > WIRE_LOCALS_MAX ||
		flows->n_names > WIRE_NAMES_MAX)
		return false;
	for (size_t c = 0; c < N_COLUMNS; c++)
		if (column_len(flows, c) != 0 && column_len(flows, c) != flows->n_proto)
			return false;
	for (size_t i = 0; i < flows->n_locals; i++)
		if (flows->locals[i].len != 4 && flows->locals[i].len != 16)
			return false;
	for (size_t i = 0; i < flows->n_names; i++)
		if (!name_ok(flows->names[i]))
			return false;
	return true;
}

static bool row_read(const Nstats__V1__Flows *flows, size_t i, uint64_t row[N_COLUMNS])
{
	for (size_t c = 0; c < N_COLUMNS; c++) {
		row[c] = column_len(flows, c) == 0 ? 0 : column_value(flows, c, i);
		if (row[c] > wire_columns[c].max)
			return false;
	}
	return row[NAME] <= flows->n_names;
}

/* Takes the flow's remote from the column of addresses, and moves *at behind it. */
static bool row_to_addresses(const Nstats__V1__Flows *flows, const uint64_t row[N_COLUMNS],
	size_t *at, struct record *ret)
{
	size_t len = row[KIND] == NSTATS__V1__KIND__IPV4 ? 4 : 16;
	const ProtobufCBinaryData *local;

	if (row[LOCAL] >= flows->n_locals || flows->remotes.len - *at < len)
		return false;
	local = &flows->locals[row[LOCAL]];
	if (local->len != len)
		return false;
	ret->local.len = ret->remote.len = (uint8_t)len;
	memcpy(ret->local.bytes, local->data, len);
	memcpy(ret->remote.bytes, flows->remotes.data + *at, len);
	*at += len;
	return true;
}

/* Fields that the kind has no use for are left zero, whatever the sender put there. */
static void row_to_record(const uint64_t row[N_COLUMNS], struct record *ret)
{
	static const enum record_kind kinds[] = {
		[NSTATS__V1__KIND__IPV4] = RECORD_FLOW,
		[NSTATS__V1__KIND__IPV6] = RECORD_FLOW,
		[NSTATS__V1__KIND__OTHER] = RECORD_OTHER,
		[NSTATS__V1__KIND__NON_IP] = RECORD_NON_IP,
		[NSTATS__V1__KIND__MALFORMED] = RECORD_MALFORMED,
	};
	enum record_kind kind = kinds[row[KIND]];
	bool has_proto = kind == RECORD_FLOW || kind == RECORD_OTHER;

	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	ret->role = has_proto ? (enum role)row[ROLE] : ROLE_CLIENT;
	ret->proto = has_proto ? (uint8_t)row[PROTO] : 0;
	ret->port = kind == RECORD_FLOW ? (uint16_t)row[PORT] : 0;
	ret->sum = (struct counters){
		.tx_bytes = row[TX_BYTES],
		.rx_bytes = row[RX_BYTES],
		.tx_packets = row[TX_PACKETS],
		.rx_packets = row[RX_PACKETS],
		.retransmits = row[RETRANSMITS],
		.connections = (uint32_t)row[CONNECTIONS],
		.resets = (uint32_t)row[RESETS],
		.failed = (uint32_t)row[FAILED],
		.rtt_us = (uint32_t)row[RTT_US],
	};
}

/* Both are at most WIRE_COUNTER_MAX, so that the addition itself cannot overflow. */
static bool sum_ok(uint64_t *sum, uint64_t more)
{
	*sum += more;
	return *sum <= WIRE_COUNTER_MAX;
}

static bool decode_flows(const Nstats__V1__Flows *flows, struct record *records)
{
	uint64_t row[N_COLUMNS];
	uint64_t packets = 0;
	uint64_t bytes = 0;
	size_t at = 0;

	if (!tables_ok(flows))
		return false;
	for (size_t i = 0; i < flows->n_proto; i++) {
		struct record *r = &records[i];

		if (!row_read(flows, i, row))
			return false;
		row_to_record(row, r);
		if (r->kind == RECORD_FLOW && !row_to_addresses(flows, row, &at, r))
			return false;
		if (r->kind == RECORD_FLOW && row[NAME] > 0)
			r->name = flows->names[row[NAME] - 1];
		if (!sum_ok(&bytes, r->sum.tx_bytes) || !sum_ok(&bytes, r->sum.rx_bytes) ||
			!sum_ok(&packets, r->sum.tx_packets) ||
			!sum_ok(&packets, r->sum.rx_packets))
			return false;
	}
	return at == flows->remotes.len;
}

static void copy_string(char dst[static RECORD_NAME_LEN], const char *src)
{
	memcpy(dst, src, strlen(src) + 1);
}

static void decode_header(const Nstats__V1__Report *r, struct report *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->boot_id, r->boot_id.data, BOOT_ID_LEN);
	ret->sequence = r->sequence;
	ret->oldest = r->oldest;
	ret->sealed_bytes = r->sealed_bytes;
	ret->start_ms = r->start_ms;
	ret->begin_ms = r->begin_ms;
	ret->interval_ms = r->interval_ms;
	ret->part = r->part;
	ret->parts = r->parts;
	ret->is_final = r->final;
	copy_string(ret->identity.cluster, r->cluster);
	copy_string(ret->identity.host, r->host);
	copy_string(ret->identity.namespace, r->namespace_);
	copy_string(ret->identity.node, r->node);
	if (r->totals) {
#define COPY(field) ret->totals.field = r->totals->field;
		WIRE_EACH_TOTAL(COPY)
#undef COPY
		ret->totals.is_comparable = r->totals->comparable;
	}
}

enum wire_result wire_decode(struct wire_decoder *decoder, const uint8_t *data, size_t len,
	struct report *ret, const struct record **ret_records, size_t *ret_n)
{
	Nstats__V1__Packet *packet;
	Nstats__V1__Report *body;

	if (len > WIRE_DATAGRAM_MAX)
		return WIRE_OVERSIZE;
	decoder->arena.used = 0;
	packet = nstats__v1__packet__unpack(&decoder->allocator, len, data);
	if (!packet || packet->body_case == NSTATS__V1__PACKET__BODY__NOT_SET)
		return WIRE_UNDECODABLE;
	if (packet->body_case != NSTATS__V1__PACKET__BODY_REPORT)
		return WIRE_NOT_REPORT;
	body = packet->report;
	if (!header_ok(body) || (body->flows && !decode_flows(body->flows, decoder->records)))
		return WIRE_LIMIT;
	decode_header(body, ret);
	*ret_records = decoder->records;
	*ret_n = body->flows ? body->flows->n_proto : 0;
	return WIRE_OK;
}
