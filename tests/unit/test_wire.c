/* SPDX-License-Identifier: Apache-2.0 */
/* The way there and back; what others may send is in test_wire_limits.c. */
#include "wire_decode.h"
#include "wire_encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COLUMN_MAX 300 /* more than WIRE_RECORDS_MAX */

static struct wire_encoder *encoder;
static struct wire_decoder *decoder;
static uint8_t *guarded_end; /* the first byte that must not be read */
static uint64_t rng_state;

static int set_up(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	encoder = wire_encoder_new();
	decoder = wire_decoder_new();
	guarded_end = map + page;
	return map == MAP_FAILED || !encoder || !decoder || mprotect(guarded_end, page, PROT_NONE);
}

static int tear_down(void **state)
{
	(void)state;
	wire_encoder_free(encoder);
	wire_decoder_free(decoder);
	wire_encoder_free(NULL);
	wire_decoder_free(NULL);
	return 0;
}

/* splitmix64 */
static uint64_t rng(void)
{
	uint64_t z = rng_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t rng_below(uint64_t n)
{
	return rng() % n;
}

/* Any magnitude is as likely as any other. */
static uint64_t rng_bits(unsigned max_bits)
{
	return rng() >> (63 - rng_below(max_bits)) >> 1;
}

struct decoded {
	enum wire_result result;
	struct report report;
	const struct record *records;
	size_t n;
};

/* The datagram ends where readable memory ends. */
static struct decoded decode(const uint8_t *data, size_t len)
{
	struct decoded d = {.n = SIZE_MAX};
	uint8_t *copy = guarded_end - len;

	if (len > 0)
		memcpy(copy, data, len);
	d.result = wire_decode(decoder, copy, len, &d.report, &d.records, &d.n);
	return d;
}

static struct report some_report(void)
{
	struct report r = {
		.boot_id = "0123456789abcde",
		.sequence = 12345,
		.oldest = 12300,
		.sealed_bytes = 123456789012,
		.start_ms = 1790000000000,
		.interval_ms = 10003,
		.part = 1,
		.parts = 3,
		.identity = {"eu-west-1", "web-7d4b9c6f5-x2k8p", "production", "ip-10-0-3-17"},
		.totals = {.captured_bytes = 123456789999,
			.captured_packets = 234567890,
			.self_bytes = 1234567,
			.self_packets = 12345,
			.if_rx_bytes_open = 1234567890,
			.if_tx_bytes_open = 2345678901,
			.if_rx_bytes = 62345678901,
			.if_tx_bytes = 72345678901,
			.cpu_us = 12345678901,
			.rss_bytes = 4194304,
			.uptime_ms = 2592000000,
			.is_comparable = true},
	};

	return r;
}

static void random_addr(struct addr *addr, uint8_t len)
{
	addr->len = len;
	for (size_t i = 0; i < len; i++)
		addr->bytes[i] = (uint8_t)rng();
}

/* Few names, as pods have them: most are one of the same four. */
static const char *random_name(void)
{
	static char texts[8][RECORD_NAME_LEN];
	char *text = texts[rng_below(rng_below(8) ? 4 : 8)];

	if (rng_below(3) == 0)
		return NULL;
	if (!*text || rng_below(50) == 0)
		memset(text, 'a' + (int)rng_below(26), 1 + rng_below(rng_below(9) ? 40 : 253));
	return text;
}

static struct record random_record(const struct addr *pool, size_t n_pool, unsigned bits)
{
	struct record r;

	memset(&r, 0, sizeof(r));
	r.kind = rng_below(8) ? RECORD_FLOW : (enum record_kind)rng_below(4);
	if (r.kind == RECORD_FLOW || r.kind == RECORD_OTHER) {
		r.role = (enum role)rng_below(2);
		r.proto = (uint8_t)rng_bits(8);
	}
	if (r.kind == RECORD_FLOW) {
		r.port = (uint16_t)rng_bits(16);
		r.local = pool[rng_below(n_pool)];
		random_addr(&r.remote, r.local.len);
		r.name = random_name();
	}
	r.sum.tx_bytes = rng_bits(bits);
	r.sum.rx_bytes = rng_bits(bits);
	r.sum.tx_packets = rng_bits(bits);
	r.sum.rx_packets = rng_bits(bits);
	r.sum.retransmits = rng_below(4) ? 0 : rng_bits(bits);
	r.sum.connections = (uint32_t)rng_bits(32);
	r.sum.resets = rng_below(4) ? 0 : (uint32_t)rng_bits(32);
	r.sum.failed = rng_below(4) ? 0 : (uint32_t)rng_bits(32);
	r.sum.rtt_us = (uint32_t)rng_bits(32);
	return r;
}

static void random_records(struct record *records, size_t n, unsigned bits)
{
	struct addr pool[WIRE_LOCALS_MAX + 8];
	size_t n_pool = 1 + rng_below(WIRE_LOCALS_MAX + 8);

	memset(pool, 0, sizeof(pool));
	for (size_t i = 0; i < n_pool; i++)
		random_addr(&pool[i], rng_below(3) ? 4 : 16);
	for (size_t i = 0; i < n; i++)
		records[i] = random_record(pool, n_pool, bits);
}

static void random_text(char *text, size_t max)
{
	size_t len = rng_below(4) ? rng_below(24) : rng_below(max + 1);

	memset(text, 0, RECORD_NAME_LEN);
	memset(text, 'a' + (int)rng_below(26), len);
}

static void random_report(struct report *r)
{
	uint64_t totals[offsetof(struct totals, is_comparable) / sizeof(uint64_t)];

	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < BOOT_ID_LEN; i++)
		r->boot_id[i] = (uint8_t)rng();
	r->sequence = 1 + rng_bits(62);
	r->oldest = 1 + rng_below(r->sequence);
	r->sealed_bytes = rng_bits(63);
	r->start_ms = rng_below(WIRE_START_MAX_MS / 1000 + 1) * 1000;
	r->begin_ms = rng_below(4) ? 0 : (uint32_t)rng_below(WIRE_INTERVAL_MAX_MS + 1);
	r->interval_ms = 1 + (uint32_t)rng_below(WIRE_INTERVAL_MAX_MS);
	r->parts = 1 + (uint32_t)rng_below(WIRE_PARTS_MAX);
	r->part = (uint32_t)rng_below(r->parts);
	r->is_final = rng_below(2);
	random_text(r->identity.cluster, 253);
	random_text(r->identity.host, 253);
	random_text(r->identity.namespace, 63);
	random_text(r->identity.node, 253);
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++)
		totals[i] = rng_below(3) ? rng_bits(63) : 0;
	memcpy(&r->totals, totals, sizeof(totals));
	r->totals.is_comparable = rng_below(2);
}

/* Header fields that are not known yet when wire_fit is asked take their longest form. */
static struct report longest(const struct report *report)
{
	struct report r = *report;

	r.sequence = r.oldest = r.sealed_bytes = UINT64_MAX;
	r.part = r.parts = WIRE_PARTS_MAX;
	return r;
}

/* But for where their names lie. */
static void assert_same_records(const struct record *got, const struct record *want, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct record a = got[i], b = want[i];

		if (b.name)
			assert_string_equal(a.name, b.name);
		else
			assert_null(a.name);
		a.name = b.name = NULL;
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static void what_fits_is_encoded_and_decodes_to_the_same_and_one_more_does_not_fit(void **state)
{
	static struct record records[COLUMN_MAX];
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	rng_state = 1;
	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + rng_below(round % 10 ? 80 : COLUMN_MAX);
		unsigned bits = 1 + (unsigned)rng_below(53); /* 512 of them stay below 2^63 */
		struct report sealed, report;
		struct decoded d;
		size_t fit;

		random_report(&report);
		random_records(records, n, bits);
		sealed = longest(&report);
		fit = wire_fit(encoder, &report, records, n);
		assert_in_range(fit, 1, n);
		assert_true(wire_encode(encoder, &sealed, records, fit, buf) > 0);
		if (fit < n)
			assert_int_equal(wire_encode(encoder, &sealed, records, fit + 1, buf), 0);
		d = decode(buf, wire_encode(encoder, &report, records, fit, buf));
		assert_int_equal(d.result, WIRE_OK);
		assert_int_equal(d.n, fit);
		assert_same_records(d.records, records, fit);
		assert_memory_equal(&d.report, &report, sizeof(report));
	}
}

static void counters_of_any_size_are_encoded_where_they_fit(void **state)
{
	static struct record records[60];
	struct report report = some_report();
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	rng_state = 2;
	for (int round = 0; round < 2000; round++) {
		random_records(records, 60, 64);
		assert_true(wire_encode(encoder, &report, records,
				    wire_fit(encoder, &report, records, 60), buf) > 0);
	}
}

static struct record largest_record(void)
{
	struct record record = {.proto = 255, .role = ROLE_SERVER, .port = 65535};

	memset(&record.sum, 0x7f, sizeof(record.sum));
	record.local.len = record.remote.len = 16;
	return record;
}

/* Whose four texts are as long together, in the way that takes most: a length of 128 takes two
 * bytes. */
static struct report largest_report(size_t identity_bytes)
{
	struct report report;
	struct identity *identity = &report.identity;

	memset(&report, 0xff, sizeof(report));
	report.begin_ms = report.interval_ms = WIRE_INTERVAL_MAX_MS;
	report.start_ms = WIRE_START_MAX_MS;
	report.part = report.parts = WIRE_PARTS_MAX;
	report.is_final = true;
	memset(identity, 'x', sizeof(*identity));
	memset(&report.totals, 0x7f, offsetof(struct totals, is_comparable));
	report.totals.is_comparable = true;
	identity->cluster[128] = identity->host[128] = identity->node[128] = '\0';
	identity_bytes -= (size_t)3 * 128;
	if (identity_bytes > 253) {
		identity->host[128] = 'x';
		identity->host[253] = '\0';
		identity_bytes -= 125;
	}
	if (identity_bytes > 253) {
		identity->node[128] = 'x';
		identity->node[253] = '\0';
		identity_bytes -= 125;
	}
	identity->namespace[identity_bytes] = '\0';
	return report;
}

/* A thousand flows as pods have them, each with one of n_names names, in full datagrams: bytes with
 * IP and UDP headers. */
static size_t bytes_of_1000_flows(unsigned n_names)
{
	static struct record records[1000];
	static char names[1000][32];
	struct report report = some_report();
	uint8_t buf[WIRE_DATAGRAM_MAX];
	size_t bytes = 0;

	rng_state = 3;
	for (size_t i = 0; i < 1000; i++) {
		struct record *r = &records[i];
		uint64_t tx = 200 + rng_bits(20);
		uint64_t rx = 200 + rng_bits(24);

		*r = (struct record){.proto = 6, .port = rng_below(2) ? 443 : 5432};
		r->local = addr_v4((const uint8_t[]){10, 244, 3, 17});
		random_addr(&r->remote, 4);
		r->sum = (struct counters){.tx_bytes = tx, .rx_bytes = rx};
		r->sum.tx_packets = 3 + tx / 700;
		r->sum.rx_packets = 3 + rx / 1200;
		r->sum.connections = (uint32_t)rng_below(5);
		r->sum.retransmits = rng_below(20) ? 0 : 1460;
		r->sum.rtt_us = 300 + (uint32_t)rng_below(30000);
		if (n_names > 0) {
			snprintf(names[i], sizeof(names[i]), "api-%03u.eu-west-1.example",
				(unsigned)rng_below(n_names));
			r->name = names[i];
		}
	}
	for (size_t at = 0, n; at < 1000; at += n) {
		n = wire_fit(encoder, &report, records + at, 1000 - at);
		bytes += 28 + wire_encode(encoder, &report, records + at, n, buf);
	}
	return bytes;
}

static void a_full_datagram_takes_at_most_30_bytes_a_flow(void **state)
{
	(void)state;
	print_message(
		"bytes per flow, IP and UDP headers too: %.1f without names, %.1f with ten of "
		"26 bytes, %.1f with one a flow\n",
		(double)bytes_of_1000_flows(0) / 1000, (double)bytes_of_1000_flows(10) / 1000,
		(double)bytes_of_1000_flows(1000) / 1000);
	assert_true(bytes_of_1000_flows(0) <= 30 * 1000);
	assert_true(bytes_of_1000_flows(10) <= 35 * 1000);
}

/* Its table entry takes 257 bytes, its column 4. The probe takes 512 bytes of identity. */
static void the_longest_name_fits_beside_any_identity_that_the_probe_takes(void **state)
{
	static char name[RECORD_NAME_LEN];
	struct record record = largest_record();
	struct report report = largest_report(WIRE_IDENTITY_MAX - 261);
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	assert_in_range(512, 0, WIRE_IDENTITY_MAX - 261);
	memset(name, 'n', RECORD_NAME_LEN - 1);
	record.name = name;
	assert_true(wire_encode(encoder, &report, &record, 1, buf) > 0);
	report = largest_report(WIRE_IDENTITY_MAX - 260);
	assert_int_equal(wire_encode(encoder, &report, &record, 1, buf), 0);
}

static void fit_stops_at_256_records_and_encode_beyond(void **state)
{
	static struct record records[WIRE_RECORDS_MAX + 1];
	struct report report = {.sequence = 1, .oldest = 1, .interval_ms = 1, .parts = 1};
	uint8_t buf[WIRE_DATAGRAM_MAX];
	struct decoded d;

	(void)state;
	for (size_t i = 0; i <= WIRE_RECORDS_MAX; i++)
		records[i].kind = RECORD_OTHER;
	assert_int_equal(wire_fit(encoder, &report, records, WIRE_RECORDS_MAX + 1), 256);
	d = decode(buf, wire_encode(encoder, &report, records, 256, buf));
	assert_int_equal(d.result, WIRE_OK);
	assert_int_equal(d.n, WIRE_RECORDS_MAX);
	assert_int_equal(wire_encode(encoder, &report, records, 257, buf), 0);
}

static void fit_stops_at_32_local_addresses_and_encode_beyond(void **state)
{
	static struct record records[WIRE_LOCALS_MAX + 1];
	struct report report = {.sequence = 1, .oldest = 1, .interval_ms = 1, .parts = 1};
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	for (uint8_t i = 0; i <= WIRE_LOCALS_MAX; i++) {
		records[i].local = addr_v4((const uint8_t[]){10, 0, 0, i});
		records[i].remote = records[i].local;
	}
	assert_int_equal(wire_fit(encoder, &report, records, WIRE_LOCALS_MAX + 1), 32);
	assert_int_equal(
		decode(buf, wire_encode(encoder, &report, records, 32, buf)).result, WIRE_OK);
	assert_int_equal(wire_encode(encoder, &report, records, 33, buf), 0);
}

static void an_identity_within_its_limit_leaves_room_for_the_largest_record(void **state)
{
	struct record record = largest_record();
	struct report report = largest_report(WIRE_IDENTITY_MAX);
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	assert_true(wire_encode(encoder, &report, &record, 1, buf) > 0);
	report = largest_report(WIRE_IDENTITY_MAX + 1);
	assert_int_equal(wire_fit(encoder, &report, &record, 1), 1);
	assert_int_equal(wire_encode(encoder, &report, &record, 1, buf), 0);
}

static void an_interval_without_traffic_is_a_report_without_records(void **state)
{
	struct report report = some_report();
	uint8_t buf[WIRE_DATAGRAM_MAX];
	struct decoded d;

	(void)state;
	assert_int_equal(wire_fit(encoder, &report, NULL, 0), 0);
	d = decode(buf, wire_encode(encoder, &report, NULL, 0, buf));
	assert_int_equal(d.result, WIRE_OK);
	assert_int_equal(d.n, 0);
	assert_memory_equal(&d.report, &report, sizeof(report));
}

static void only_an_interval_that_begins_after_its_start_says_so(void **state)
{
	struct report report = some_report();
	uint8_t buf[WIRE_DATAGRAM_MAX];
	size_t len = wire_encode(encoder, &report, NULL, 0, buf);

	(void)state;
	report.begin_ms = 6017;
	assert_int_equal(wire_encode(encoder, &report, NULL, 0, buf), len + 4);
	assert_int_equal(decode(buf, len + 4).report.begin_ms, 6017);
}

/* What the header promises of a decoded report, checked apart from the code that enforces it. */
static void assert_within_limits(const struct decoded *d)
{
	const struct report *r = &d->report;
	__int128 bytes = 0, packets = 0;

	assert_in_range(r->sequence, 1, INT64_MAX);
	assert_in_range(r->oldest, 1, r->sequence);
	assert_in_range(r->begin_ms, 0, WIRE_INTERVAL_MAX_MS);
	assert_in_range(r->interval_ms, 1, WIRE_INTERVAL_MAX_MS);
	assert_in_range(r->start_ms, 0, WIRE_START_MAX_MS);
	assert_int_equal(r->start_ms % 1000, 0);
	assert_in_range(r->parts, 1, WIRE_PARTS_MAX);
	assert_in_range(r->part, 0, r->parts - 1);
	assert_non_null(memchr(r->identity.host, 0, RECORD_NAME_LEN));
	assert_in_range(d->n, 0, WIRE_RECORDS_MAX);
	for (size_t i = 0; i < d->n; i++) {
		const struct record *c = &d->records[i];
		uint8_t len = c->kind == RECORD_FLOW ? (c->local.len == 4 ? 4 : 16) : 0;

		assert_in_range(c->kind, RECORD_FLOW, RECORD_MALFORMED);
		assert_in_range(c->role, ROLE_CLIENT, ROLE_SERVER);
		assert_int_equal(c->local.len, len);
		assert_int_equal(c->remote.len, len);
		if (c->name)
			assert_in_range(strlen(c->name), 1, 253);
		bytes += (__int128)c->sum.tx_bytes + c->sum.rx_bytes;
		packets += (__int128)c->sum.tx_packets + c->sum.rx_packets;
	}
	assert_true(bytes <= INT64_MAX && packets <= INT64_MAX);
}

static size_t good_datagram(uint8_t buf[static WIRE_DATAGRAM_MAX], size_t max_records)
{
	static struct record records[64];
	struct report report;
	size_t n = 1 + rng_below(max_records);

	random_report(&report);
	random_records(records, n, 40);
	return wire_encode(encoder, &report, records, wire_fit(encoder, &report, records, n), buf);
}

static void every_truncation_of_a_good_datagram_is_rejected(void **state)
{
	uint8_t buf[WIRE_DATAGRAM_MAX];

	(void)state;
	rng_state = 4;
	for (int round = 0; round < 50; round++) {
		size_t len = good_datagram(buf, 64);

		assert_int_equal(decode(buf, len).result, WIRE_OK);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_not_equal(decode(buf, cut).result, WIRE_OK);
	}
}

static size_t mutate(uint8_t *buf, size_t len, const uint8_t *other, size_t other_len)
{
	size_t at = rng_below(len);

	switch (rng_below(6)) {
	case 0:
		buf[at] ^= (uint8_t)(1U << rng_below(8));
		break;
	case 1:
		buf[at] = (uint8_t)rng();
		break;
	case 2:
		buf[at] = rng_below(2) ? 0xff : 0;
		break;
	case 3: /* one byte less, one more */
		memmove(buf + at, buf + at + 1, len - at - 1);
		return len > 1 ? len - 1 : len;
	case 4:
		if (len == WIRE_DATAGRAM_MAX)
			break;
		memmove(buf + at + 1, buf + at, len - at);
		return len + 1;
	default: /* a piece of another datagram */
		for (size_t n = rng_below(40); n > 0 && at < len && at < other_len; n--, at++)
			buf[at] = other[at];
	}
	return len;
}

static void mutations_never_yield_a_report_beyond_the_limits(void **state)
{
	uint8_t good[WIRE_DATAGRAM_MAX], other[WIRE_DATAGRAM_MAX], bad[WIRE_DATAGRAM_MAX];
	size_t good_len = 0, other_len = 0, len;
	int n_ok = 0;

	(void)state;
	rng_state = 5;
	for (int round = 0; round < 200000; round++) {
		struct decoded d;

		if (round % 1000 == 0) {
			good_len = good_datagram(good, 64);
			other_len = good_datagram(other, 8);
		}
		memcpy(bad, good, good_len);
		len = good_len;
		for (uint64_t n = 1 + rng_below(4); n > 0; n--)
			len = mutate(bad, len, other, other_len);
		d = decode(bad, len);
		if (d.result == WIRE_OK) {
			n_ok++;
			assert_within_limits(&d);
		}
	}
	assert_in_range(n_ok, 1000, 199000);
}

static void counters_add_up_and_keep_the_smaller_known_round_trip(void **state)
{
	struct counters sum = {1, 2, 3, 4, 5, 6, 7, 8, 0};
	struct counters expected = {11, 22, 33, 44, 55, 66, 77, 88, 90};

	(void)state;
	counters_add(&sum, &(struct counters){10, 20, 30, 40, 50, 60, 70, 80, 90});
	assert_memory_equal(&sum, &expected, sizeof(sum));
	counters_add(&sum, &(struct counters){.rtt_us = 91});
	counters_add(&sum, &(struct counters){.rtt_us = 0});
	assert_memory_equal(&sum, &expected, sizeof(sum));
	counters_add(&sum, &(struct counters){.rtt_us = 89});
	assert_int_equal(sum.rtt_us, 89);
}

static void counters_stop_at_their_maximum(void **state)
{
	struct counters sum = {.tx_bytes = UINT64_MAX - 1, .resets = UINT32_MAX - 1};

	(void)state;
	counters_add(&sum, &(struct counters){.tx_bytes = 1, .resets = 1});
	assert_true(sum.tx_bytes == UINT64_MAX && sum.resets == UINT32_MAX);
	counters_add(&sum, &(struct counters){.tx_bytes = 5, .resets = 5});
	assert_true(sum.tx_bytes == UINT64_MAX && sum.resets == UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_fits_is_encoded_and_decodes_to_the_same_and_one_more_does_not_fit),
		cmocka_unit_test(counters_of_any_size_are_encoded_where_they_fit),
		cmocka_unit_test(a_full_datagram_takes_at_most_30_bytes_a_flow),
		cmocka_unit_test(the_longest_name_fits_beside_any_identity_that_the_probe_takes),
		cmocka_unit_test(fit_stops_at_256_records_and_encode_beyond),
		cmocka_unit_test(fit_stops_at_32_local_addresses_and_encode_beyond),
		cmocka_unit_test(an_identity_within_its_limit_leaves_room_for_the_largest_record),
		cmocka_unit_test(an_interval_without_traffic_is_a_report_without_records),
		cmocka_unit_test(only_an_interval_that_begins_after_its_start_says_so),
		cmocka_unit_test(every_truncation_of_a_good_datagram_is_rejected),
		cmocka_unit_test(mutations_never_yield_a_report_beyond_the_limits),
		cmocka_unit_test(counters_add_up_and_keep_the_smaller_known_round_trip),
		cmocka_unit_test(counters_stop_at_their_maximum),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
