/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams that our encoder would never write are packed with protobuf-c here, from a good one in
 * which one thing is changed.
 */
#include "wire_decode.h"

#include "nstats.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COLUMN_MAX 300 /* more than WIRE_RECORDS_MAX */

static struct wire_decoder *decoder;

static int set_up(void **state)
{
	(void)state;
	decoder = wire_decoder_new();
	return decoder ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	wire_decoder_free(decoder);
	return 0;
}

struct decoded {
	enum wire_result result;
	const struct record *records;
};

static struct decoded decode(const uint8_t *data, size_t len)
{
	struct decoded d = {.records = NULL};
	struct report report;
	size_t n;

	d.result = wire_decode(decoder, data, len, &report, &d.records, &n);
	return d;
}

struct fixture {
	Nstats__V1__Packet packet;
	Nstats__V1__Report report;
	Nstats__V1__Totals totals;
	Nstats__V1__Flows flows;
	uint8_t boot_id[BOOT_ID_LEN + 1];
	uint8_t remotes[COLUMN_MAX * 4];
	ProtobufCBinaryData locals[WIRE_LOCALS_MAX + 1];
	Nstats__V1__Kind kind[COLUMN_MAX];
	Nstats__V1__Role role[COLUMN_MAX];
	uint32_t u32[8][COLUMN_MAX];
	uint64_t u64[5][COLUMN_MAX];
	char *names[257];
	char text[RECORD_NAME_LEN + 1];
};

#define FILL_COLUMN(f, column, values)                                                             \
	do {                                                                                       \
		(f)->flows.n_##column = 3;                                                         \
		(f)->flows.column = (values);                                                      \
	} while (0)

static void fill_columns(struct fixture *f)
{
	FILL_COLUMN(f, proto, f->u32[0]);
	FILL_COLUMN(f, kind, f->kind);
	FILL_COLUMN(f, role, f->role);
	FILL_COLUMN(f, port, f->u32[1]);
	FILL_COLUMN(f, local, f->u32[2]);
	FILL_COLUMN(f, connections, f->u32[3]);
	FILL_COLUMN(f, resets, f->u32[4]);
	FILL_COLUMN(f, failed, f->u32[5]);
	FILL_COLUMN(f, rtt_us, f->u32[6]);
	FILL_COLUMN(f, name, f->u32[7]);
	FILL_COLUMN(f, tx_bytes, f->u64[0]);
	FILL_COLUMN(f, rx_bytes, f->u64[1]);
	FILL_COLUMN(f, tx_packets, f->u64[2]);
	FILL_COLUMN(f, rx_packets, f->u64[3]);
	FILL_COLUMN(f, retransmits, f->u64[4]);
}

/* A flow of IPv4, one of IPv6 and a remainder, every column filled. */
static struct fixture *fixture(void)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	nstats__v1__packet__init(&f.packet);
	nstats__v1__report__init(&f.report);
	nstats__v1__totals__init(&f.totals);
	nstats__v1__flows__init(&f.flows);
	f.packet.body_case = NSTATS__V1__PACKET__BODY_REPORT;
	f.packet.report = &f.report;
	f.report.flows = &f.flows;
	f.report.totals = &f.totals;
	f.report.boot_id = (ProtobufCBinaryData){BOOT_ID_LEN, f.boot_id};
	f.report.sequence = f.report.oldest = f.report.interval_ms = f.report.parts = 1;
	for (size_t i = 0; i <= WIRE_LOCALS_MAX; i++)
		f.locals[i] = (ProtobufCBinaryData){i == 1 ? 16 : 4, f.remotes};
	for (size_t i = 0; i < 257; i++)
		f.names[i] = "n";
	memset(f.text, 'x', sizeof(f.text) - 1);
	fill_columns(&f);
	f.kind[1] = NSTATS__V1__KIND__IPV6;
	f.kind[2] = NSTATS__V1__KIND__OTHER;
	f.u32[2][1] = 1;
	f.flows.remotes = (ProtobufCBinaryData){20, f.remotes};
	f.flows.locals = f.locals;
	f.flows.n_locals = 2;
	f.flows.names = f.names;
	f.flows.n_names = 1;
	return &f;
}

static struct decoded fixture_decode(const struct fixture *f)
{
	uint8_t buf[4096] = {0};
	size_t len = nstats__v1__packet__get_packed_size(&f->packet);

	assert_in_range(len, 1, sizeof(buf));
	return decode(buf, nstats__v1__packet__pack(&f->packet, buf));
}

/* A test of one limit: what stands at it is taken, what is beyond it is not. */
#define LIMIT(name, at_limit, beyond)                                                              \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct fixture *f = fixture();                                                     \
                                                                                                   \
		(void)state;                                                                       \
		at_limit;                                                                          \
		assert_int_equal(fixture_decode(f).result, WIRE_OK);                               \
		f = fixture();                                                                     \
		beyond;                                                                            \
		assert_int_equal(fixture_decode(f).result, WIRE_LIMIT);                            \
	}

/* Only remainders, so that a datagram holds many; other columns are left out. */
static void set_remainders(struct fixture *f, size_t n)
{
	uint32_t *proto = f->flows.proto;

	nstats__v1__flows__init(&f->flows);
	f->flows.proto = proto;
	f->flows.kind = f->kind;
	f->flows.n_proto = f->flows.n_kind = n;
	for (size_t i = 0; i < n; i++)
		f->kind[i] = NSTATS__V1__KIND__NON_IP;
}

static char *text_of(struct fixture *f, size_t len)
{
	f->text[len] = '\0';
	return f->text;
}

/* clang-format off */
LIMIT(a_boot_id_is_not_shorter_than_16_bytes, f->report.boot_id.len = 16, f->report.boot_id.len = 15)
LIMIT(a_boot_id_is_not_longer_than_16_bytes, f->report.boot_id.len = 16, f->report.boot_id.len = 17)
LIMIT(a_sequence_starts_at_1, f->report.sequence = 1, f->report.sequence = 0)
LIMIT(a_sequence_is_a_positive_int64, f->report.sequence = INT64_MAX,
	f->report.sequence = (uint64_t)INT64_MAX + 1)
LIMIT(oldest_starts_at_1, f->report.oldest = 1, f->report.oldest = 0)
LIMIT(oldest_is_at_most_the_sequence, f->report.oldest = f->report.sequence = 7,
	(f->report.sequence = 7, f->report.oldest = 8))
LIMIT(sealed_bytes_are_an_int64, f->report.sealed_bytes = INT64_MAX,
	f->report.sealed_bytes = (uint64_t)INT64_MAX + 1)
LIMIT(totals_are_int64, f->totals.send_errors = INT64_MAX,
	f->totals.send_errors = (uint64_t)INT64_MAX + 1)
LIMIT(parts_are_at_most_1024, f->report.parts = 1024, f->report.parts = 1025)
LIMIT(a_part_is_below_parts, (f->report.parts = 5, f->report.part = 4),
	(f->report.parts = 5, f->report.part = 5))
LIMIT(parts_start_at_1, f->report.parts = 1, f->report.parts = 0)
LIMIT(an_interval_starts_at_1_ms, f->report.interval_ms = 1, f->report.interval_ms = 0)
LIMIT(an_interval_ends_at_an_hour_and_a_minute, f->report.interval_ms = 3660000,
	f->report.interval_ms = 3660001)
LIMIT(an_interval_begins_within_an_hour_and_a_minute, f->report.begin_ms = 3660000,
	f->report.begin_ms = 3660001)
LIMIT(a_start_is_before_the_year_2100, f->report.start_ms = WIRE_START_MAX_MS,
	f->report.start_ms = WIRE_START_MAX_MS + 1000)
LIMIT(a_start_is_on_a_whole_second, f->report.start_ms = 1790000001000,
	f->report.start_ms = 1790000001001)
LIMIT(a_cluster_has_at_most_253_bytes, f->report.cluster = text_of(f, 253),
	f->report.cluster = text_of(f, 254))
LIMIT(a_host_has_at_most_253_bytes, f->report.host = text_of(f, 253),
	f->report.host = text_of(f, 254))
LIMIT(a_namespace_has_at_most_253_bytes, f->report.namespace_ = text_of(f, 253),
	f->report.namespace_ = text_of(f, 254))
LIMIT(a_node_has_at_most_253_bytes, f->report.node = text_of(f, 253),
	f->report.node = text_of(f, 254))
LIMIT(records_are_at_most_256, set_remainders(f, 256), set_remainders(f, 257))
LIMIT(locals_are_at_most_32, f->flows.n_locals = 32, f->flows.n_locals = 33)
LIMIT(a_local_has_4_or_16_bytes, f->locals[1].len = 16, (f->flows.n_locals = 3, f->locals[2].len = 5))
LIMIT(a_column_may_be_left_out_but_not_shorter, f->flows.n_rtt_us = 0, f->flows.n_rtt_us = 2)
LIMIT(a_column_is_not_longer_than_proto, f->flows.n_role = 3, f->flows.n_role = 4)
LIMIT(no_column_stands_without_proto, f->flows.remotes.len = 20, f->flows.n_proto = 0)
LIMIT(a_protocol_is_at_most_255, f->u32[0][0] = 255, f->u32[0][0] = 256)
LIMIT(a_port_is_at_most_65535, f->u32[1][0] = 65535, f->u32[1][0] = 65536)
LIMIT(a_kind_is_one_that_we_know, f->kind[2] = NSTATS__V1__KIND__MALFORMED,
	f->kind[2] = (Nstats__V1__Kind)5)
LIMIT(a_kind_is_not_negative, f->kind[2] = NSTATS__V1__KIND__NON_IP, f->kind[2] = (Nstats__V1__Kind)-1)
LIMIT(a_role_is_one_that_we_know, f->role[0] = NSTATS__V1__ROLE__SERVER,
	f->role[0] = (Nstats__V1__Role)2)
LIMIT(remotes_do_not_end_early, f->flows.remotes.len = 20, f->flows.remotes.len = 19)
LIMIT(remotes_are_used_up, f->flows.remotes.len = 20, f->flows.remotes.len = 21)
LIMIT(a_flow_has_a_remote, f->flows.remotes.len = 20, f->flows.remotes.len = 0)
LIMIT(a_flow_has_a_local, f->flows.n_locals = 2, f->flows.n_locals = 0)
LIMIT(a_local_index_is_in_its_table, f->u32[2][1] = 1, f->u32[2][1] = 2)
LIMIT(a_local_is_of_the_remotes_family, f->u32[2][0] = 0, f->u32[2][0] = 1)
LIMIT(bytes_of_a_row_are_an_int64, f->u64[0][0] = INT64_MAX, f->u64[0][0] = (uint64_t)INT64_MAX + 1)
LIMIT(packets_of_a_row_are_an_int64, f->u64[3][1] = INT64_MAX, f->u64[3][1] = UINT64_MAX)
LIMIT(retransmits_of_a_row_are_an_int64, f->u64[4][2] = INT64_MAX,
	f->u64[4][2] = (uint64_t)INT64_MAX + 1)
LIMIT(the_sum_of_bytes_is_an_int64, (f->u64[0][0] = INT64_MAX - 1, f->u64[1][2] = 1),
	(f->u64[0][0] = INT64_MAX, f->u64[1][2] = 1))
LIMIT(the_sum_of_packets_is_an_int64, (f->u64[2][0] = INT64_MAX - 1, f->u64[3][2] = 1),
	(f->u64[2][0] = f->u64[2][1] = f->u64[2][2] = INT64_MAX))
LIMIT(a_name_index_is_in_its_table, f->u32[7][0] = 1, f->u32[7][0] = 2)
LIMIT(names_are_at_most_256, f->flows.n_names = 256, f->flows.n_names = 257)
LIMIT(a_name_has_at_most_253_bytes, f->names[0] = text_of(f, 253), f->names[0] = text_of(f, 254))
LIMIT(a_name_has_at_least_a_byte, f->names[0] = "n", f->names[0] = "")
/* clang-format on */

static void a_remainder_brings_nothing_that_only_flows_have(void **state)
{
	struct fixture *f = fixture();
	struct decoded d;

	(void)state;
	f->u32[0][2] = 17;
	f->u32[1][2] = 53;
	f->u32[2][2] = 99;
	f->u32[7][2] = 1;
	f->role[2] = NSTATS__V1__ROLE__SERVER;
	d = fixture_decode(f);
	assert_int_equal(d.result, WIRE_OK);
	assert_int_equal(d.records[2].kind, RECORD_OTHER);
	assert_int_equal(d.records[2].proto, 17);
	assert_int_equal(d.records[2].role, ROLE_SERVER);
	assert_int_equal(d.records[2].port, 0);
	assert_int_equal(d.records[2].local.len, 0);
	assert_null(d.records[2].name);
	f->kind[2] = NSTATS__V1__KIND__NON_IP;
	d = fixture_decode(f);
	assert_int_equal(d.records[2].proto, 0);
	assert_int_equal(d.records[2].role, ROLE_CLIENT);
}

static void each_flow_has_the_name_that_its_index_says(void **state)
{
	struct fixture *f = fixture();
	struct decoded d;

	(void)state;
	f->names[0] = "unused";
	f->names[1] = "b.example";
	f->names[2] = "not printable: \xff\n";
	f->flows.n_names = 3;
	f->u32[7][0] = 3;
	f->u32[7][1] = 2;
	d = fixture_decode(f);
	assert_int_equal(d.result, WIRE_OK);
	assert_string_equal(d.records[0].name, "not printable: \xff\n");
	assert_string_equal(d.records[1].name, "b.example");
	f->flows.n_name = 0; /* the column may be left out */
	d = fixture_decode(f);
	assert_int_equal(d.result, WIRE_OK);
	assert_null(d.records[0].name);
}

static void unknown_fields_are_tolerated_at_every_level(void **state)
{
	static uint8_t data[] = {3, 'a', 'b', 'c'};
	ProtobufCMessageUnknownField field = {.tag = 999,
		.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		.len = 4,
		.data = data};
	struct fixture *f = fixture();
	ProtobufCMessage *const messages[] = {
		&f->packet.base, &f->report.base, &f->flows.base, &f->totals.base};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		messages[i]->unknown_fields = &field;
		messages[i]->n_unknown_fields = 1;
		assert_int_equal(fixture_decode(f).result, WIRE_OK);
	}
}

static void more_fields_than_the_arena_holds_are_undecodable(void **state)
{
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(buf); i += 2) {
		buf[i] = 15 << 3;
		buf[i + 1] = 0;
	}
	assert_int_equal(decode(buf, sizeof(buf)).result, WIRE_UNDECODABLE);
	assert_int_equal(fixture_decode(fixture()).result, WIRE_OK);
}

static void a_datagram_has_at_most_1232_bytes(void **state)
{
	static uint8_t padding[WIRE_DATAGRAM_MAX];
	ProtobufCMessageUnknownField field = {
		.tag = 15, .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, .data = padding};
	struct fixture *f = fixture();
	size_t len = nstats__v1__packet__get_packed_size(&f->packet);

	(void)state;
	field.len = WIRE_DATAGRAM_MAX - len - 1;
	padding[0] = (uint8_t)((field.len - 2) | 0x80);
	padding[1] = (uint8_t)((field.len - 2) >> 7);
	f->packet.base.unknown_fields = &field;
	f->packet.base.n_unknown_fields = 1;
	assert_int_equal(nstats__v1__packet__get_packed_size(&f->packet), WIRE_DATAGRAM_MAX);
	assert_int_equal(fixture_decode(f).result, WIRE_OK);
	f->report.final = 1;
	assert_int_equal(fixture_decode(f).result, WIRE_OVERSIZE);
}

static void an_ack_or_a_sealed_datagram_is_no_report(void **state)
{
	Nstats__V1__Sealed sealed = NSTATS__V1__SEALED__INIT;
	Nstats__V1__Ack ack = NSTATS__V1__ACK__INIT;
	struct fixture *f = fixture();

	(void)state;
	f->packet.body_case = NSTATS__V1__PACKET__BODY_ACK;
	f->packet.ack = &ack;
	assert_int_equal(fixture_decode(f).result, WIRE_NOT_REPORT);
	f->packet.body_case = NSTATS__V1__PACKET__BODY_SEALED;
	f->packet.sealed = &sealed;
	assert_int_equal(fixture_decode(f).result, WIRE_NOT_REPORT);
}

static void of_two_bodies_the_last_counts(void **state)
{
	uint8_t buf[WIRE_DATAGRAM_MAX];
	size_t len = nstats__v1__packet__pack(&fixture()->packet, buf);

	(void)state;
	memcpy(buf + len, "\x12\x00", 2);
	assert_int_equal(decode(buf, len + 2).result, WIRE_NOT_REPORT);
	memmove(buf + 2, buf, len);
	memcpy(buf, "\x12\x00", 2);
	assert_int_equal(decode(buf, len + 2).result, WIRE_OK);
}

static void what_is_no_packet_is_undecodable(void **state)
{
	(void)state;
	assert_int_equal(decode(NULL, 0).result, WIRE_UNDECODABLE);
	assert_int_equal(
		decode((const uint8_t *)"GET / HTTP/1.1\r\n", 16).result, WIRE_UNDECODABLE);
	assert_int_equal(decode((const uint8_t *)"\x78\x01", 2).result, WIRE_UNDECODABLE);
}

static void a_rejected_datagram_leaves_the_outputs_alone(void **state)
{
	struct report report, untouched;
	struct fixture *f = fixture();
	const struct record *records = NULL;
	uint8_t buf[WIRE_DATAGRAM_MAX];
	size_t n = 77;

	(void)state;
	memset(&report, 0x5a, sizeof(report));
	untouched = report;
	f->u32[0][2] = 256;
	assert_int_equal(wire_decode(decoder, buf, nstats__v1__packet__pack(&f->packet, buf),
				 &report, &records, &n),
		WIRE_LIMIT);
	assert_memory_equal(&report, &untouched, sizeof(report));
	assert_null(records);
	assert_int_equal(n, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_boot_id_is_not_shorter_than_16_bytes),
		cmocka_unit_test(a_boot_id_is_not_longer_than_16_bytes),
		cmocka_unit_test(a_sequence_starts_at_1),
		cmocka_unit_test(a_sequence_is_a_positive_int64),
		cmocka_unit_test(oldest_starts_at_1),
		cmocka_unit_test(oldest_is_at_most_the_sequence),
		cmocka_unit_test(sealed_bytes_are_an_int64),
		cmocka_unit_test(totals_are_int64),
		cmocka_unit_test(parts_are_at_most_1024),
		cmocka_unit_test(a_part_is_below_parts),
		cmocka_unit_test(parts_start_at_1),
		cmocka_unit_test(an_interval_starts_at_1_ms),
		cmocka_unit_test(an_interval_ends_at_an_hour_and_a_minute),
		cmocka_unit_test(an_interval_begins_within_an_hour_and_a_minute),
		cmocka_unit_test(a_start_is_before_the_year_2100),
		cmocka_unit_test(a_start_is_on_a_whole_second),
		cmocka_unit_test(a_cluster_has_at_most_253_bytes),
		cmocka_unit_test(a_host_has_at_most_253_bytes),
		cmocka_unit_test(a_namespace_has_at_most_253_bytes),
		cmocka_unit_test(a_node_has_at_most_253_bytes),
		cmocka_unit_test(records_are_at_most_256),
		cmocka_unit_test(locals_are_at_most_32),
		cmocka_unit_test(a_local_has_4_or_16_bytes),
		cmocka_unit_test(a_column_may_be_left_out_but_not_shorter),
		cmocka_unit_test(a_column_is_not_longer_than_proto),
		cmocka_unit_test(no_column_stands_without_proto),
		cmocka_unit_test(a_protocol_is_at_most_255),
		cmocka_unit_test(a_port_is_at_most_65535),
		cmocka_unit_test(a_kind_is_one_that_we_know),
		cmocka_unit_test(a_kind_is_not_negative),
		cmocka_unit_test(a_role_is_one_that_we_know),
		cmocka_unit_test(remotes_do_not_end_early),
		cmocka_unit_test(remotes_are_used_up),
		cmocka_unit_test(a_flow_has_a_remote),
		cmocka_unit_test(a_flow_has_a_local),
		cmocka_unit_test(a_local_index_is_in_its_table),
		cmocka_unit_test(a_local_is_of_the_remotes_family),
		cmocka_unit_test(bytes_of_a_row_are_an_int64),
		cmocka_unit_test(packets_of_a_row_are_an_int64),
		cmocka_unit_test(retransmits_of_a_row_are_an_int64),
		cmocka_unit_test(the_sum_of_bytes_is_an_int64),
		cmocka_unit_test(the_sum_of_packets_is_an_int64),
		cmocka_unit_test(a_name_index_is_in_its_table),
		cmocka_unit_test(names_are_at_most_256),
		cmocka_unit_test(a_name_has_at_most_253_bytes),
		cmocka_unit_test(a_name_has_at_least_a_byte),
		cmocka_unit_test(a_remainder_brings_nothing_that_only_flows_have),
		cmocka_unit_test(each_flow_has_the_name_that_its_index_says),
		cmocka_unit_test(unknown_fields_are_tolerated_at_every_level),
		cmocka_unit_test(more_fields_than_the_arena_holds_are_undecodable),
		cmocka_unit_test(a_datagram_has_at_most_1232_bytes),
		cmocka_unit_test(an_ack_or_a_sealed_datagram_is_no_report),
		cmocka_unit_test(of_two_bodies_the_last_counts),
		cmocka_unit_test(what_is_no_packet_is_undecodable),
		cmocka_unit_test(a_rejected_datagram_leaves_the_outputs_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
