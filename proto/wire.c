/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record is a row of numbers, a datagram their columns: rows are turned on their side here, in
 * both directions, and the table below is the only list of the columns.
 */
#include "wire.h"

#include "arena.h"
#include "nstats.pb-c.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES   (64 * 1024) /* holds any datagram that the limits allow, several times over */
#define VARINT_MAX    UINT64_MAX
#define LENGTH_BYTES  2 /* a length up to WIRE_DATAGRAM_MAX as a varint */
#define REMOTES_MAX   (WIRE_RECORDS_MAX * 16)
#define HAS_REMOTE(k) ((k) == NSTATS__V1__KIND__IPV4 || (k) == NSTATS__V1__KIND__IPV6)

enum column_id {
	PROTO,
	KIND,
	ROLE,
	PORT,
	LOCAL,
	TX_BYTES,
	RX_BYTES,
	TX_PACKETS,
	RX_PACKETS,
	CONNECTIONS,
	RETRANSMITS,
	RESETS,
	FAILED,
	RTT_US,
	NAME,
	N_COLUMNS
};

static const struct column {
	size_t n; /* offsets of the count and of the array in the generated struct */
	size_t data;
	bool is_wide; /* uint64_t; else uint32_t, or an enum, which protobuf-c makes as large */
	uint8_t tag_bytes;
	uint64_t max;
} columns[N_COLUMNS] = {
#define COLUMN(field) offsetof(Nstats__V1__Flows, n_##field), offsetof(Nstats__V1__Flows, field)
	[PROTO] = {COLUMN(proto), false, 1, UINT8_MAX},
	[KIND] = {COLUMN(kind), false, 1, NSTATS__V1__KIND__MALFORMED},
	[ROLE] = {COLUMN(role), false, 1, N_ROLES - 1},
	[PORT] = {COLUMN(port), false, 1, UINT16_MAX},
	[LOCAL] = {COLUMN(local), false, 1, UINT32_MAX},
	[TX_BYTES] = {COLUMN(tx_bytes), true, 1, WIRE_COUNTER_MAX},
	[RX_BYTES] = {COLUMN(rx_bytes), true, 1, WIRE_COUNTER_MAX},
	[TX_PACKETS] = {COLUMN(tx_packets), true, 1, WIRE_COUNTER_MAX},
	[RX_PACKETS] = {COLUMN(rx_packets), true, 1, WIRE_COUNTER_MAX},
	[CONNECTIONS] = {COLUMN(connections), false, 1, UINT32_MAX},
	[RETRANSMITS] = {COLUMN(retransmits), true, 1, WIRE_COUNTER_MAX},
	[RESETS] = {COLUMN(resets), false, 1, UINT32_MAX},
	[FAILED] = {COLUMN(failed), false, 1, UINT32_MAX},
	[RTT_US] = {COLUMN(rtt_us), false, 2, UINT32_MAX},
	[NAME] = {COLUMN(name), false, 2, WIRE_NAMES_MAX},
#undef COLUMN
};

/* clang-format off */
#define EACH_TOTAL(X)                                                                              \
	X(captured_bytes) X(captured_packets) X(self_bytes) X(self_packets) X(kernel_drops)        \
	X(if_rx_bytes_open) X(if_tx_bytes_open) X(if_rx_bytes) X(if_tx_bytes) X(evicted_bytes)     \
	X(table_full_packets) X(role_guessed) X(send_errors) X(cpu_us) X(rss_bytes) X(uptime_ms)   \
	X(dns_names) X(dns_unasked) X(dns_unread) X(dns_unkept)
/* clang-format on */

struct wire_encoder {
	union {
		uint32_t narrow[WIRE_RECORDS_MAX];
		uint64_t wide[WIRE_RECORDS_MAX];
	} data[N_COLUMNS];
	uint64_t any_bits[N_COLUMNS]; /* 0: the column is all zero and stays at home */
	uint8_t remotes[REMOTES_MAX];
	size_t remotes_len;
	struct addr locals[WIRE_LOCALS_MAX];
	ProtobufCBinaryData locals_data[WIRE_LOCALS_MAX];
	size_t n_locals;
};

struct wire_decoder {
	ProtobufCAllocator allocator;
	struct arena arena;
	alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
	struct record records[WIRE_RECORDS_MAX];
};

struct wire_encoder *wire_encoder_new(void)
{
	return calloc(1, sizeof(struct wire_encoder));
}

void wire_encoder_free(struct wire_encoder *encoder)
{
	free(encoder);
}

/* False: the table of local addresses is full. */
static bool intern_local(struct wire_encoder *e, const struct addr *local, uint64_t *ret_index)
{
	size_t i = 0;

	while (i < e->n_locals && !addr_equal(&e->locals[i], local))
		i++;
	if (i == WIRE_LOCALS_MAX)
		return false;
	if (i == e->n_locals)
		e->locals[e->n_locals++] = *local;
	*ret_index = i;
	return true;
}

static uint64_t wire_kind(const struct record *r)
{
	switch (r->kind) {
	case RECORD_FLOW:
		return r->remote.len == 4 ? NSTATS__V1__KIND__IPV4 : NSTATS__V1__KIND__IPV6;
	case RECORD_OTHER:
		return NSTATS__V1__KIND__OTHER;
	case RECORD_NON_IP:
		return NSTATS__V1__KIND__NON_IP;
	case RECORD_MALFORMED:
		break;
	}
	return NSTATS__V1__KIND__MALFORMED;
}

static bool record_to_row(struct wire_encoder *e, const struct record *r, uint64_t row[N_COLUMNS])
{
	uint64_t local = 0;

	assert(r->kind != RECORD_FLOW || (r->local.len == r->remote.len && r->local.len > 0));
	if (r->kind == RECORD_FLOW && !intern_local(e, &r->local, &local))
		return false;
	row[PROTO] = r->proto;
	row[KIND] = wire_kind(r);
	row[ROLE] = r->role;
	row[PORT] = r->port;
	row[LOCAL] = local;
	row[TX_BYTES] = r->sum.tx_bytes;
	row[RX_BYTES] = r->sum.rx_bytes;
	row[TX_PACKETS] = r->sum.tx_packets;
	row[RX_PACKETS] = r->sum.rx_packets;
	row[CONNECTIONS] = r->sum.connections;
	row[RETRANSMITS] = r->sum.retransmits;
	row[RESETS] = r->sum.resets;
	row[FAILED] = r->sum.failed;
	row[RTT_US] = r->sum.rtt_us;
	row[NAME] = 0;
	return true;
}

static void encode_totals(const struct totals *t, Nstats__V1__Totals *ret)
{
	nstats__v1__totals__init(ret);
#define COPY(field) ret->field = t->field;
	EACH_TOTAL(COPY)
#undef COPY
	ret->comparable = t->is_comparable;
}

/* The generated struct has no const; packing reads only. *ret borrows from report and totals. */
static void encode_header(
	const struct report *report, Nstats__V1__Totals *totals, Nstats__V1__Report *ret)
{
	nstats__v1__report__init(ret);
	encode_totals(&report->totals, totals);
	ret->boot_id.len = BOOT_ID_LEN;
	ret->boot_id.data = (uint8_t *)report->boot_id;
	ret->sequence = report->sequence;
	ret->oldest = report->oldest;
	ret->sealed_bytes = report->sealed_bytes;
	ret->start_ms = report->start_ms;
	ret->interval_ms = report->interval_ms;
	ret->part = report->part;
	ret->parts = report->parts;
	ret->cluster = (char *)report->identity.cluster;
	ret->host = (char *)report->identity.host;
	ret->namespace_ = (char *)report->identity.namespace;
	ret->node = (char *)report->identity.node;
	ret->totals = totals;
	ret->final = report->is_final;
}

/* The packet without its flows, with room for what is known only when the datagram is sealed. */
static size_t header_bytes_max(const struct report *report)
{
	Nstats__V1__Totals totals;
	Nstats__V1__Report header;

	encode_header(report, &totals, &header);
	header.sequence = VARINT_MAX;
	header.oldest = VARINT_MAX;
	header.sealed_bytes = VARINT_MAX;
	header.part = WIRE_PARTS_MAX;
	header.parts = WIRE_PARTS_MAX;
	return 1 + LENGTH_BYTES + nstats__v1__report__get_packed_size(&header);
}

static size_t varint_bytes(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

/* Exact, from each column's bytes so far: with tag, length and the two fields of addresses. */
static size_t flows_bytes(const struct wire_encoder *e, const size_t payload[N_COLUMNS])
{
	size_t n = 0;

	for (size_t c = 0; c < N_COLUMNS; c++)
		if (c == PROTO || e->any_bits[c] != 0)
			n += columns[c].tag_bytes + varint_bytes(payload[c]) + payload[c];
	if (e->remotes_len > 0)
		n += 1 + varint_bytes(e->remotes_len) + e->remotes_len;
	for (size_t i = 0; i < e->n_locals; i++)
		n += 2U + e->locals[i].len;
	return 1 + varint_bytes(n) + n;
}

static void encoder_reset(struct wire_encoder *e)
{
	memset(e->any_bits, 0, sizeof(e->any_bits));
	e->remotes_len = 0;
	e->n_locals = 0;
}

size_t wire_fit(struct wire_encoder *encoder, const struct report *report,
	const struct record *records, size_t n)
{
	size_t header_bytes = header_bytes_max(report);
	size_t payload[N_COLUMNS] = {0};
	uint64_t row[N_COLUMNS];
	size_t i;

	encoder_reset(encoder);
	for (i = 0; i < n && i < WIRE_RECORDS_MAX; i++) {
		if (!record_to_row(encoder, &records[i], row))
			break;
		for (size_t c = 0; c < N_COLUMNS; c++) {
			encoder->any_bits[c] |= row[c];
			payload[c] += varint_bytes(row[c]);
		}
		encoder->remotes_len += HAS_REMOTE(row[KIND]) ? records[i].remote.len : 0;
		if (header_bytes + flows_bytes(encoder, payload) > WIRE_DATAGRAM_MAX)
			break;
	}
	return i == 0 && n > 0 ? 1 : i;
}

static bool encode_records(struct wire_encoder *e, const struct record *records, size_t n)
{
	uint64_t row[N_COLUMNS];

	encoder_reset(e);
	if (n > WIRE_RECORDS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!record_to_row(e, &records[i], row))
			return false;
		for (size_t c = 0; c < N_COLUMNS; c++) {
			e->any_bits[c] |= row[c];
			if (columns[c].is_wide)
				e->data[c].wide[i] = row[c];
			else
				e->data[c].narrow[i] = (uint32_t)row[c];
		}
		if (HAS_REMOTE(row[KIND])) {
			memcpy(e->remotes + e->remotes_len, records[i].remote.bytes,
				records[i].remote.len);
			e->remotes_len += records[i].remote.len;
		}
	}
	return true;
}

/* *ret borrows the encoder's columns. */
static void bind_columns(struct wire_encoder *e, size_t n, Nstats__V1__Flows *ret)
{
	nstats__v1__flows__init(ret);
	for (size_t c = 0; c < N_COLUMNS; c++) {
		void *data = &e->data[c];

		if (c != PROTO && e->any_bits[c] == 0)
			continue;
		memcpy((char *)ret + columns[c].n, &n, sizeof(n));
		memcpy((char *)ret + columns[c].data, &data, sizeof(data));
	}
	ret->remotes.data = e->remotes;
	ret->remotes.len = e->remotes_len;
	for (size_t i = 0; i < e->n_locals; i++) {
		e->locals_data[i].data = e->locals[i].bytes;
		e->locals_data[i].len = e->locals[i].len;
	}
	ret->locals = e->locals_data;
	ret->n_locals = e->n_locals;
}

size_t wire_encode(struct wire_encoder *encoder, const struct report *report,
	const struct record *records, size_t n, uint8_t buf[static WIRE_DATAGRAM_MAX])
{
	Nstats__V1__Packet packet = NSTATS__V1__PACKET__INIT;
	Nstats__V1__Totals totals;
	Nstats__V1__Report body;
	Nstats__V1__Flows flows;

	if (!encode_records(encoder, records, n))
		return 0;
	encode_header(report, &totals, &body);
	if (n > 0) {
		bind_columns(encoder, n, &flows);
		body.flows = &flows;
	}
	packet.body_case = NSTATS__V1__PACKET__BODY_REPORT;
	packet.report = &body;
	if (nstats__v1__packet__get_packed_size(&packet) > WIRE_DATAGRAM_MAX)
		return 0;
	return nstats__v1__packet__pack(&packet, buf);
}

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

static bool string_ok(const char *s)
{
	return strnlen(s, RECORD_NAME_LEN) < RECORD_NAME_LEN;
}

static bool totals_ok(const Nstats__V1__Totals *t)
{
	uint64_t all_bits = 0;

#define COLLECT(field) all_bits |= t->field;
	EACH_TOTAL(COLLECT)
#undef COLLECT
	return all_bits <= WIRE_COUNTER_MAX; /* all have the top bit clear */
}

static bool header_ok(const Nstats__V1__Report *r)
{
	return r->boot_id.len == BOOT_ID_LEN && r->sequence >= 1 &&
	       r->sequence <= WIRE_COUNTER_MAX && r->oldest >= 1 && r->oldest <= r->sequence &&
	       r->sealed_bytes <= WIRE_COUNTER_MAX && r->start_ms <= WIRE_START_MAX_MS &&
	       r->start_ms % WIRE_START_UNIT_MS == 0 && r->interval_ms >= 1 &&
	       r->interval_ms <= WIRE_INTERVAL_MAX_MS && r->parts <= WIRE_PARTS_MAX &&
	       r->part < r->parts && string_ok(r->cluster) && string_ok(r->host) &&
	       string_ok(r->namespace_) && string_ok(r->node) &&
	       (!r->totals || totals_ok(r->totals));
}

static size_t column_len(const Nstats__V1__Flows *flows, size_t c)
{
	size_t n;

	memcpy(&n, (const char *)flows + columns[c].n, sizeof(n));
	return n;
}

static uint64_t column_value(const Nstats__V1__Flows *flows, size_t c, size_t i)
{
	const void *data;

	memcpy(&data, (const char *)flows + columns[c].data, sizeof(data));
	return columns[c].is_wide ? ((const uint64_t *)data)[i] : ((const uint32_t *)data)[i];
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
		if (!string_ok(flows->names[i]))
			return false;
	return true;
}

static bool row_read(const Nstats__V1__Flows *flows, size_t i, uint64_t row[N_COLUMNS])
{
	for (size_t c = 0; c < N_COLUMNS; c++) {
		row[c] = column_len(flows, c) == 0 ? 0 : column_value(flows, c, i);
		if (row[c] > columns[c].max)
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
		EACH_TOTAL(COPY)
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
