/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_encode.h"

#include "wire_columns.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VARINT_MAX      UINT64_MAX
#define LENGTH_BYTES    2 /* a length up to WIRE_DATAGRAM_MAX as a varint */
#define REMOTES_MAX     (WIRE_RECORDS_MAX * 16)
#define NAMES_TAG_BYTES 2

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
	const char *names[WIRE_NAMES_MAX]; /* the records' own texts */
	size_t n_names;
	size_t names_bytes; /* of the table, with tags and lengths */
	bool is_nameless;
};
static_assert(WIRE_NAMES_MAX >= WIRE_RECORDS_MAX, "the table of names holds one a record");

struct wire_encoder *wire_encoder_new(void)
{
	return calloc(1, sizeof(struct wire_encoder));
}

void wire_encoder_free(struct wire_encoder *encoder)
{
	free(encoder);
}

void wire_encoder_use_names(struct wire_encoder *encoder, bool has_names)
{
	encoder->is_nameless = !has_names;
}

static size_t varint_bytes(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
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

/* Returns 1 + its place in the table; 0: no name. */
static uint64_t intern_name(struct wire_encoder *e, const char *name)
{
	size_t i = 0, len;

	if (!name || e->is_nameless)
		return 0;
	while (i < e->n_names && e->names[i] != name && strcmp(e->names[i], name) != 0)
		i++;
	if (i < e->n_names)
		return i + 1;
	len = strlen(name);
	assert(len > 0 && len < RECORD_NAME_LEN && e->n_names < WIRE_NAMES_MAX);
	e->names[e->n_names++] = name;
	e->names_bytes += NAMES_TAG_BYTES + varint_bytes(len) + len;
	return e->n_names;
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
	row[NAME] = r->kind == RECORD_FLOW ? intern_name(e, r->name) : 0;
	return true;
}

static void encode_totals(const struct totals *t, Nstats__V1__Totals *ret)
{
	nstats__v1__totals__init(ret);
#define COPY(field) ret->field = t->field;
	WIRE_EACH_TOTAL(COPY)
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
	ret->begin_ms = report->begin_ms;
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

/* Exact, from each column's bytes so far: with tag, length, the two fields of addresses and the
 * names. */
static size_t flows_bytes(const struct wire_encoder *e, const size_t payload[N_COLUMNS])
{
	size_t n = 0;

	for (size_t c = 0; c < N_COLUMNS; c++)
		if (c == PROTO || e->any_bits[c] != 0)
			n += wire_columns[c].tag_bytes + varint_bytes(payload[c]) + payload[c];
	if (e->remotes_len > 0)
		n += 1 + varint_bytes(e->remotes_len) + e->remotes_len;
	for (size_t i = 0; i < e->n_locals; i++)
		n += 2U + e->locals[i].len;
	n += e->names_bytes;
	return 1 + varint_bytes(n) + n;
}

static void encoder_reset(struct wire_encoder *e)
{
	memset(e->any_bits, 0, sizeof(e->any_bits));
	e->remotes_len = 0;
	e->n_locals = 0;
	e->n_names = 0;
	e->names_bytes = 0;
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
		encoder->remotes_len += WIRE_HAS_REMOTE(row[KIND]) ? records[i].remote.len : 0;
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
			if (wire_columns[c].is_wide)
				e->data[c].wide[i] = row[c];
			else
				e->data[c].narrow[i] = (uint32_t)row[c];
		}
		if (WIRE_HAS_REMOTE(row[KIND])) {
			memcpy(e->remotes + e->remotes_len, records[i].remote.bytes,
				records[i].remote.len);
			e->remotes_len += records[i].remote.len;
		}
	}
	return true;
}

/* *ret borrows the encoder's columns; packing reads only. */
static void bind_columns(struct wire_encoder *e, size_t n, Nstats__V1__Flows *ret)
{
	nstats__v1__flows__init(ret);
	for (size_t c = 0; c < N_COLUMNS; c++) {
		void *data = &e->data[c];

		if (c != PROTO && e->any_bits[c] == 0)
			continue;
		memcpy((char *)ret + wire_columns[c].n, &n, sizeof(n));
		memcpy((char *)ret + wire_columns[c].data, &data, sizeof(data));
	}
	ret->remotes.data = e->remotes;
	ret->remotes.len = e->remotes_len;
	for (size_t i = 0; i < e->n_locals; i++) {
		e->locals_data[i].data = e->locals[i].bytes;
		e->locals_data[i].len = e->locals[i].len;
	}
	ret->locals = e->locals_data;
	ret->n_locals = e->n_locals;
	ret->names = (char **)e->names;
	ret->n_names = e->n_names;
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
