/* SPDX-License-Identifier: Apache-2.0 */
/* uses: proto/wire_decode proto/wire_encode proto/wire_columns proto/wire_ack proto/arena */
/* uses: proto/record proto/addr proto/hash collector/waiting */
/*
 * A datagram as it comes to the collector, or an acknowledgement to a probe. What is taken is
 * within the limits, is copied whole where it has to wait, and says the same when it is encoded
 * again.
 */
#include "waiting.h"
#include "wire_ack.h"
#include "wire_decode.h"
#include "wire_encode.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_good)
{
	if (!is_good)
		abort();
}

static void check_record(const struct record *r)
{
	bool is_flow = r->kind == RECORD_FLOW;

	check(r->kind <= RECORD_MALFORMED && r->role <= ROLE_SERVER);
	check(is_flow ? r->local.len == r->remote.len && r->local.len > 0 : r->local.len == 0);
	check(!r->name || (is_flow && *r->name && strlen(r->name) < RECORD_NAME_LEN));
}

static void check_same(const struct record *a, const struct record *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct record x = a[i], y = b[i];

		check(!x.name == !y.name && (!x.name || strcmp(x.name, y.name) == 0));
		x.name = y.name = NULL;
		check(memcmp(&x, &y, sizeof(x)) == 0);
	}
}

static void encode_again(const struct report *report, const struct waiting_datagram *d)
{
	struct wire_encoder *encoder = wire_encoder_new();
	struct wire_decoder *decoder = wire_decoder_new();
	uint8_t buf[WIRE_DATAGRAM_MAX];
	const struct record *again;
	struct report header;
	size_t len, n;

	check(encoder && decoder);
	len = wire_encode(encoder, report, d->records, d->n, buf);
	/* A foreign encoder may have used its room better: not all that came need fit again. */
	if (len > 0) {
		check(wire_decode(decoder, buf, len, &header, &again, &n) == WIRE_OK && n == d->n);
		check_same(again, d->records, n);
	}
	wire_encoder_free(encoder);
	wire_decoder_free(decoder);
}

static void wait_and_compare(const struct report *report, const struct record *records, size_t n)
{
	struct waiting *waiting = waiting_new(1000, 1);
	struct waiting_datagram *d;

	check(waiting && waiting_add(waiting, report, records, n, 0));
	d = waiting_pop(waiting, waiting_first(waiting));
	check(d->n == n);
	check_same(d->records, records, n);
	encode_again(report, d);
	free(d);
	waiting_free(waiting);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_decoder *decoder;
	const struct record *records;
	struct report report;
	struct ack ack;
	size_t n;

	if (!decoder)
		decoder = wire_decoder_new();
	check(decoder);
	if (wire_decode(decoder, data, size, &report, &records, &n) == WIRE_OK) {
		check(n <= WIRE_RECORDS_MAX);
		for (size_t i = 0; i < n; i++)
			check_record(&records[i]);
		wait_and_compare(&report, records, n);
	}
	if (wire_ack_decode(data, size, &ack) == WIRE_OK)
		check(ack.bitmap_len <= ACK_BITMAP_MAX);
	return 0;
}
