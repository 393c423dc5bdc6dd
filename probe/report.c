/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define N_PROTOS       256
#define REMAINDERS_MAX (N_PROTOS * N_ROLES + 2)
#define KEY_LEN        (2 * sizeof(struct addr) + 5)
#define HASHED_LEN     (KEY_LEN + sizeof(const char *))

struct report_builder {
	size_t rows_cap;
	size_t top;
	size_t mask;
	uint64_t seed;
	uint32_t *slots;     /* place in rows, plus one; 0: empty */
	struct record *rows; /* room for flows_cap and the remainders */
	struct counters other[N_PROTOS][N_ROLES];
};

struct report_builder *report_builder_new(size_t flows_cap, size_t top, uint64_t seed)
{
	struct report_builder *builder;
	size_t n_slots = 2;

	if (flows_cap >= UINT32_MAX / 4)
		return NULL;
	while (n_slots < flows_cap * 2)
		n_slots *= 2;
	builder = calloc(1, sizeof(*builder));
	if (!builder)
		return NULL;
	builder->rows_cap = flows_cap + REMAINDERS_MAX;
	builder->top = top;
	builder->mask = n_slots - 1;
	builder->seed = seed;
	builder->slots = calloc(n_slots, sizeof(*builder->slots));
	builder->rows = calloc(builder->rows_cap, sizeof(*builder->rows));
	if (!builder->slots || !builder->rows) {
		report_builder_free(builder);
		return NULL;
	}
	return builder;
}

void report_builder_free(struct report_builder *builder)
{
	if (!builder)
		return;
	free(builder->rows);
	free(builder->slots);
	free(builder);
}

/* What tells rows of one interval apart but for the name, without padding: hashed, compared, and
 * ordered by. */
static void pack_key(const struct record *row, uint8_t ret[static KEY_LEN])
{
	memcpy(ret, &row->remote, sizeof(struct addr));
	memcpy(ret + sizeof(struct addr), &row->local, sizeof(struct addr));
	ret += 2 * sizeof(struct addr);
	ret[0] = (uint8_t)row->kind;
	ret[1] = row->proto;
	ret[2] = (uint8_t)(row->port >> 8);
	ret[3] = (uint8_t)row->port;
	ret[4] = (uint8_t)row->role;
}

/* No name comes first. */
static int compare_names(const char *a, const char *b)
{
	if (a == b)
		return 0;
	if (!a || !b)
		return a ? 1 : -1;
	return strcmp(a, b);
}

static int compare_keys(const struct record *a, const struct record *b)
{
	uint8_t key_a[KEY_LEN], key_b[KEY_LEN];
	int order;

	pack_key(a, key_a);
	pack_key(b, key_b);
	order = memcmp(key_a, key_b, KEY_LEN);
	return order ? order : compare_names(a->name, b->name);
}

/* Equal names have one text (flow_table_name), which may so be hashed by its place. */
static uint64_t hash_row(const struct report_builder *builder, const struct record *row)
{
	uint8_t hashed[HASHED_LEN];

	pack_key(row, hashed);
	memcpy(hashed + KEY_LEN, &row->name, sizeof(row->name));
	return hash_bytes(hashed, row->name ? HASHED_LEN : KEY_LEN, builder->seed);
}

/* Keys differ, so the order is the same however the table lay. */
static bool is_heavier(const struct record *a, const struct record *b)
{
	uint64_t bytes_a = counters_bytes(&a->sum), bytes_b = counters_bytes(&b->sum);

	if (bytes_a != bytes_b)
		return bytes_a > bytes_b;
	return compare_keys(a, b) < 0;
}

static void swap_rows(struct record *a, struct record *b)
{
	struct record keep = *a;

	*a = *b;
	*b = keep;
}

/* rows[0, n) is a heap with its lightest on top, but for place i. */
static void sift_down(struct record *rows, size_t i, size_t n)
{
	for (;;) {
		size_t light = 2 * i + 1;

		if (light >= n)
			return;
		if (light + 1 < n && is_heavier(&rows[light], &rows[light + 1]))
			light++;
		if (!is_heavier(&rows[i], &rows[light]))
			return;
		swap_rows(&rows[i], &rows[light]);
		i = light;
	}
}

/* Brings the `top` heaviest to the front, in order. Not qsort(3): glibc's may allocate. */
static void rank(struct record *rows, size_t n, size_t top)
{
	if (top == 0)
		return;
	for (size_t i = top / 2; i-- > 0;)
		sift_down(rows, i, top);
	for (size_t i = top; i < n; i++) {
		if (!is_heavier(&rows[i], &rows[0]))
			continue;
		swap_rows(&rows[i], &rows[0]);
		sift_down(rows, 0, top);
	}
	for (size_t i = top; i-- > 1;) {
		swap_rows(&rows[0], &rows[i]);
		sift_down(rows, 0, i);
	}
}

/* Only a failed attempt counts without a packet: it is silence that makes it one. */
static bool has_something(const struct counters *c)
{
	return c->tx_packets || c->rx_packets || c->failed;
}

/* The ephemeral port goes: a client's is its own, a server's the other end's. */
static struct record row_of(const struct flow_table *table, const struct flow *flow)
{
	return (struct record){
		.kind = RECORD_FLOW,
		.role = flow->role,
		.proto = flow->key.proto,
		.port = flow->role == ROLE_CLIENT ? flow->key.remote_port : flow->key.local_port,
		.local = flow->key.local,
		.remote = flow->key.remote,
		.name = flow_table_name(table, flow),
		.sum = flow->interval,
	};
}

static size_t add_row(struct report_builder *builder, const struct record *row, size_t n)
{
	size_t i = hash_row(builder, row) & builder->mask;

	for (; builder->slots[i]; i = (i + 1) & builder->mask) {
		struct record *same = &builder->rows[builder->slots[i] - 1];

		if (compare_keys(same, row) != 0)
			continue;
		counters_add(&same->sum, &row->sum);
		return n;
	}
	builder->rows[n] = *row;
	builder->slots[i] = (uint32_t)n + 1;
	return n + 1;
}

static size_t collapse(struct report_builder *builder, const struct flow_table *table)
{
	size_t n = 0;

	assert(flow_table_cap(table) <= builder->rows_cap - REMAINDERS_MAX);
	memset(builder->slots, 0, (builder->mask + 1) * sizeof(*builder->slots));
	for (size_t i = 0; i < flow_table_cap(table); i++) {
		const struct flow *flow = flow_table_slot(table, i);
		struct record row;

		if (!flow || !has_something(&flow->interval))
			continue;
		row = row_of(table, flow);
		n = add_row(builder, &row, n);
	}
	return n;
}

/* What the table had no room for, and the rows that are not among the heaviest. */
static void sum_other(struct report_builder *builder, const struct flow_remainders *rest,
	const struct record *rows, size_t n)
{
	memcpy(builder->other, rest->other, sizeof(builder->other));
	for (size_t i = 0; i < n; i++)
		counters_add(&builder->other[rows[i].proto][rows[i].role], &rows[i].sum);
}

/* Overwrites rows from ret on: they have been summed. */
static size_t write_other(const struct report_builder *builder, struct record *ret)
{
	size_t n = 0;

	for (unsigned proto = 0; proto < N_PROTOS; proto++) {
		for (unsigned role = 0; role < N_ROLES; role++) {
			const struct counters *sum = &builder->other[proto][role];

			if (!has_something(sum))
				continue;
			ret[n++] = (struct record){
				.kind = RECORD_OTHER,
				.role = (enum role)role,
				.proto = (uint8_t)proto,
				.sum = *sum,
			};
		}
	}
	rank(ret, n, n);
	return n;
}

static size_t write_rest(enum record_kind kind, const struct counters *sum, struct record *ret)
{
	if (!has_something(sum))
		return 0;
	*ret = (struct record){.kind = kind, .sum = *sum};
	return 1;
}

size_t report_build(
	struct report_builder *builder, const struct flow_table *table, const struct record **ret)
{
	const struct flow_remainders *rest = flow_table_remainders(table);
	struct record *rows = builder->rows;
	size_t n_flows = collapse(builder, table);
	size_t n = n_flows < builder->top ? n_flows : builder->top;

	rank(rows, n_flows, n);
	sum_other(builder, rest, rows + n, n_flows - n);
	n += write_other(builder, rows + n);
	n += write_rest(RECORD_NON_IP, &rest->non_ip, rows + n);
	n += write_rest(RECORD_MALFORMED, &rest->malformed, rows + n);
	*ret = rows;
	return n;
}
