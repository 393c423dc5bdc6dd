/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/packet probe/direction probe/role probe/flow_tcp probe/flow_table probe/report */
/* uses: probe/lookups probe/questions probe/dns_answer probe/dns_message */
/* uses: probe/name_table probe/name_pool proto/addr proto/hash proto/record */
/*
 * Frames as a capture hands them over, from their bytes to the interval's rows: the input is a byte
 * for the link type, then frames, each with a byte for what the capture left off and two of length.
 * Whatever they hold, the rows' bytes are the frames'.
 */
#include "lookups.h"
#include "report.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_LINKS   5
#define FLOWS_CAP 16
#define TOP       4

struct bench {
	struct name_table *names;
	struct lookups *lookups;
	struct flow_table *table;
	struct report_builder *builder;
	uint64_t bytes;
	int64_t now_us;
};

static void check(bool is_good)
{
	if (!is_good)
		abort();
}

static struct bench bench_new(void)
{
	struct bench b = {
		.names = name_table_new(1),
		.table = flow_table_new(FLOWS_CAP, 1),
		.builder = report_builder_new(FLOWS_CAP, TOP, 1),
	};

	b.lookups = lookups_new(b.names, NULL, 1);
	check(b.names && b.table && b.builder && b.lookups);
	flow_table_set_names(b.table, b.names);
	return b;
}

static void bench_free(struct bench *b)
{
	report_builder_free(b->builder);
	flow_table_free(b->table);
	lookups_free(b->lookups);
	name_table_free(b->names);
}

/* In a piece of memory that ends where the capture did. */
static void add_frame(struct bench *b, enum packet_link link, const uint8_t *data, size_t cap_len,
	size_t wire_len)
{
	uint8_t *frame = malloc(cap_len ? cap_len : 1);
	enum packet_result result;
	struct packet packet;

	check(frame);
	if (cap_len > 0)
		memcpy(frame, data, cap_len);
	result = packet_parse(link, frame, cap_len, wire_len, &packet);
	check(result < PACKET_N_RESULTS && packet.length <= wire_len);
	if (result == PACKET_OK && packet.has_ports)
		check((size_t)packet.transport_at + packet.transport_len <= cap_len &&
			packet.transport_len >= 4);
	if (result == PACKET_OK && lookups_wants(&packet))
		lookups_add(b->lookups, &packet, packet.way, frame, b->now_us / 1000);
	flow_table_add(b->table, result, &packet, packet.way, NULL, b->now_us);
	b->bytes += packet.length;
	b->now_us += 1000;
	free(frame);
}

static void end_interval(struct bench *b)
{
	const struct record *rows;
	uint64_t bytes = 0;
	size_t n;

	flow_table_expire(b->table, b->now_us);
	n = report_build(b->builder, b->table, &rows);
	for (size_t i = 0; i < n; i++)
		bytes += counters_bytes(&rows[i].sum);
	check(bytes == b->bytes);
	flow_table_next_interval(b->table, b->now_us);
	b->bytes = 0;
	b->now_us += 10000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum packet_link link = size ? (enum packet_link)(data[0] % N_LINKS) : PACKET_ETHERNET;
	struct bench b = bench_new();

	data += size > 0;
	size -= size > 0;
	for (unsigned i = 1; size >= 3; i++) {
		size_t wire_len = (size_t)data[1] << 8 | data[2];
		size_t cap_len = wire_len > data[0] ? wire_len - data[0] : 0;

		data += 3;
		size -= 3;
		cap_len = cap_len < size ? cap_len : size;
		add_frame(&b, link, data, cap_len, wire_len);
		data += cap_len;
		size -= cap_len;
		if (i % 8 == 0)
			end_interval(&b);
	}
	end_interval(&b);
	bench_free(&b);
	return 0;
}
