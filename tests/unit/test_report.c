/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/report probe/flow_table probe/name_table probe/name_pool probe/flow_tcp probe/role */
#include "packet_of.h"
#include "report.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define POD 1

struct bench {
	struct flow_table *table;
	struct report_builder *builder;
	const struct record *rows;
	size_t n;
};

static struct bench bench_new(size_t flows_cap, size_t top, uint64_t seed)
{
	return (struct bench){
		.table = flow_table_new(flows_cap, seed),
		.builder = report_builder_new(flows_cap, top, seed),
	};
}

static void bench_free(struct bench *b)
{
	report_builder_free(b->builder);
	flow_table_free(b->table);
}

static void build(struct bench *b)
{
	b->n = report_build(b->builder, b->table, &b->rows);
}

/* The pod as a client of remote's port 53. */
static void ask(struct bench *b, uint16_t local_port, unsigned remote, uint64_t length)
{
	struct packet packet = packet_of(IPPROTO_UDP, POD, local_port, remote, 53);

	packet.length = length;
	flow_table_add(b->table, PACKET_OK, &packet, PACKET_OUT, NULL, 0);
}

/* The pod's port 53 as a server of remote. */
static void serve(struct bench *b, uint16_t remote_port, unsigned remote, uint64_t length)
{
	struct packet packet = packet_of(IPPROTO_UDP, remote, remote_port, POD, 53);

	packet.length = length;
	flow_table_add(b->table, PACKET_OK, &packet, PACKET_IN, NULL, 0);
}

static void an_empty_interval_has_no_rows(void **state)
{
	struct bench b = bench_new(8, 10, 1);

	(void)state;
	build(&b);
	assert_int_equal(b.n, 0);
	bench_free(&b);
}

static void a_client_s_connections_collapse_to_the_service(void **state)
{
	struct bench b = bench_new(8, 10, 1);
	struct addr pod = addr_n(POD), remote = addr_n(2);

	(void)state;
	ask(&b, 40000, 2, 10);
	ask(&b, 40001, 2, 20);
	build(&b);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.rows[0].kind, RECORD_FLOW);
	assert_int_equal(b.rows[0].port, 53);
	assert_int_equal(b.rows[0].role, ROLE_CLIENT);
	assert_int_equal(b.rows[0].sum.tx_bytes, 30);
	assert_int_equal(b.rows[0].sum.tx_packets, 2);
	assert_true(addr_equal(&b.rows[0].local, &pod));
	assert_true(addr_equal(&b.rows[0].remote, &remote));
	bench_free(&b);
}

static void a_server_s_connections_collapse_to_its_own_port(void **state)
{
	struct bench b = bench_new(8, 10, 1);

	(void)state;
	serve(&b, 40000, 2, 10);
	serve(&b, 40001, 2, 20);
	build(&b);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.rows[0].port, 53);
	assert_int_equal(b.rows[0].role, ROLE_SERVER);
	assert_int_equal(b.rows[0].sum.rx_bytes, 30);
	bench_free(&b);
}

static void client_and_server_of_one_port_are_two_rows(void **state)
{
	struct bench b = bench_new(8, 10, 1);

	(void)state;
	ask(&b, 40000, 2, 10);
	serve(&b, 40000, 2, 10);
	build(&b);
	assert_int_equal(b.n, 2);
	bench_free(&b);
}

static void the_heaviest_come_first(void **state)
{
	struct bench b = bench_new(64, 64, 1);

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		ask(&b, 40000, 100 + i, 1 + i * 37 % 50);
	build(&b);
	assert_int_equal(b.n, 50);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(b.rows[i].sum.tx_bytes, 50 - i);
	bench_free(&b);
}

static void the_rest_is_summed_by_protocol_and_role(void **state)
{
	struct bench b = bench_new(16, 1, 1);

	(void)state;
	ask(&b, 40000, 2, 1000);
	ask(&b, 40000, 3, 10);
	ask(&b, 40000, 4, 20);
	serve(&b, 40000, 5, 300);
	build(&b);
	assert_int_equal(b.n, 3);
	assert_int_equal(b.rows[0].sum.tx_bytes, 1000);
	assert_int_equal(b.rows[1].kind, RECORD_OTHER);
	assert_int_equal(b.rows[1].role, ROLE_SERVER);
	assert_int_equal(b.rows[1].sum.rx_bytes, 300);
	assert_int_equal(b.rows[2].kind, RECORD_OTHER);
	assert_int_equal(b.rows[2].role, ROLE_CLIENT);
	assert_int_equal(b.rows[2].proto, IPPROTO_UDP);
	assert_int_equal(b.rows[2].port, 0);
	assert_int_equal(b.rows[2].remote.len, 0);
	assert_int_equal(b.rows[2].sum.tx_bytes, 30);
	bench_free(&b);
}

static void a_full_table_s_remainder_joins_the_rest(void **state)
{
	struct bench b = bench_new(2, 1, 1);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		ask(&b, 40000, 100 + i, 10);
	build(&b);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.rows[1].kind, RECORD_OTHER);
	assert_int_equal(b.rows[1].sum.tx_bytes, 40);
	bench_free(&b);
}

static void a_top_of_none_sums_everything(void **state)
{
	struct bench b = bench_new(8, 0, 1);

	(void)state;
	ask(&b, 40000, 2, 10);
	ask(&b, 40000, 3, 10);
	build(&b);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.rows[0].kind, RECORD_OTHER);
	assert_int_equal(b.rows[0].sum.tx_bytes, 20);
	bench_free(&b);
}

static void remainders_end_the_report_in_order(void **state)
{
	struct bench b = bench_new(8, 1, 1);
	struct packet packet = {.length = 5000};

	(void)state;
	flow_table_add(b.table, PACKET_MALFORMED, &packet, PACKET_IN, NULL, 0);
	flow_table_add(b.table, PACKET_NOT_IP, &packet, PACKET_IN, NULL, 0);
	ask(&b, 40000, 2, 10);
	ask(&b, 40000, 3, 20);
	build(&b);
	assert_int_equal(b.n, 4);
	assert_int_equal(b.rows[0].kind, RECORD_FLOW);
	assert_int_equal(b.rows[1].kind, RECORD_OTHER);
	assert_int_equal(b.rows[2].kind, RECORD_NON_IP);
	assert_int_equal(b.rows[3].kind, RECORD_MALFORMED);
	bench_free(&b);
}

static void equal_weights_have_one_order_whatever_the_seed(void **state)
{
	struct bench a = bench_new(64, 10, 1), b = bench_new(64, 10, 2);

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		ask(&a, 40000, 100 + i, 10);
		ask(&b, 40000, 139 - i, 10);
	}
	build(&a);
	build(&b);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		assert_true(addr_equal(&a.rows[i].remote, &b.rows[i].remote));
	bench_free(&a);
	bench_free(&b);
}

static void a_silent_flow_has_no_row_unless_an_attempt_failed(void **state)
{
	struct bench b = bench_new(8, 10, 1);
	struct packet syn = packet_of(IPPROTO_TCP, POD, 40000, 2, 80);

	(void)state;
	syn.has_tcp = true;
	syn.tcp_flags = PACKET_TCP_SYN;
	flow_table_add(b.table, PACKET_OK, &syn, PACKET_OUT, NULL, 0);
	flow_table_next_interval(b.table, 1000000);
	build(&b);
	assert_int_equal(b.n, 0);
	flow_table_expire(b.table, 5000000);
	build(&b);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.rows[0].sum.failed, 1);
	bench_free(&b);
}

static void a_report_can_be_built_twice(void **state)
{
	struct bench b = bench_new(16, 2, 1);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		ask(&b, 40000, 100 + i, 10 + i);
	build(&b);
	build(&b);
	assert_int_equal(b.n, 3);
	assert_int_equal(b.rows[0].sum.tx_bytes, 19);
	assert_int_equal(b.rows[2].sum.tx_bytes, 10 * 8 + 28);
	bench_free(&b);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(*seed >> 33) % below;
}

/* Bytes given. */
static uint64_t fill_randomly(struct flow_table *table, uint64_t *seed)
{
	uint32_t n = draw(seed, 2000), spread = 1 + draw(seed, 200);
	uint64_t given = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct packet packet = packet_of((uint8_t)draw(seed, 1 + draw(seed, 256)),
			draw(seed, spread), (uint16_t)draw(seed, spread), draw(seed, spread),
			(uint16_t)draw(seed, spread));
		enum packet_result result =
			draw(seed, 8) ? PACKET_OK : draw(seed, PACKET_N_RESULTS);

		packet.length = draw(seed, 1 + draw(seed, 3000));
		flow_table_add(table, result, &packet, draw(seed, 3), NULL, 0);
		given += packet.length;
	}
	return given;
}

static void nothing_is_lost_of_random_tables(void **state)
{
	uint64_t seed = 4747;

	(void)state;
	for (unsigned run = 0; run < 300; run++) {
		size_t top = draw(&seed, 200);
		struct bench b = bench_new(1 + draw(&seed, 500), top, seed);
		uint64_t given = fill_randomly(b.table, &seed), seen = 0;
		size_t n_flows = 0;

		build(&b);
		for (size_t i = 0; i < b.n; i++) {
			seen += counters_bytes(&b.rows[i].sum);
			n_flows += b.rows[i].kind == RECORD_FLOW;
			if (i > 0 && b.rows[i].kind == b.rows[i - 1].kind)
				assert_true(counters_bytes(&b.rows[i].sum) <=
					    counters_bytes(&b.rows[i - 1].sum));
		}
		assert_int_equal(seen, given);
		assert_true(n_flows <= top);
		bench_free(&b);
	}
}

static void every_protocol_and_role_may_have_a_remainder(void **state)
{
	struct bench b = bench_new(1, 1, 1);

	(void)state;
	ask(&b, 40000, 2, 100);
	for (unsigned i = 0; i < 512; i++) {
		struct packet packet = packet_of((uint8_t)i, POD, 1, 2, 2);

		flow_table_add(
			b.table, PACKET_OK, &packet, i < 256 ? PACKET_OUT : PACKET_IN, NULL, 0);
	}
	flow_table_add(b.table, PACKET_NOT_IP, &(struct packet){.length = 1}, PACKET_IN, NULL, 0);
	flow_table_add(
		b.table, PACKET_MALFORMED, &(struct packet){.length = 1}, PACKET_IN, NULL, 0);
	build(&b);
	assert_int_equal(b.n, 1 + 512 + 2);
	bench_free(&b);
}

/* Two names of one address, and what was there before either was known. */
static void each_name_of_an_address_has_a_row(void **state)
{
	struct bench b = bench_new(16, 10, 1);
	struct name_table *names = name_table_new(1);
	struct addr addr = addr_n(2);

	(void)state;
	flow_table_set_names(b.table, names);
	ask(&b, 1000, 2, 100);
	name_table_put(names, &addr, "b.example", 60, 0);
	ask(&b, 1001, 2, 200);
	name_table_put(names, &addr, "a.example", 60, 0);
	ask(&b, 1002, 2, 200);
	ask(&b, 1003, 2, 50);
	ask(&b, 1001, 2, 30);
	ask(&b, 1000, 2, 200); /* a flow is named when it starts */
	build(&b);
	assert_int_equal(b.n, 3);
	assert_null(b.rows[0].name);
	assert_int_equal(b.rows[0].sum.tx_bytes, 300);
	assert_string_equal(b.rows[1].name, "a.example");
	assert_int_equal(b.rows[1].sum.tx_bytes, 250);
	assert_string_equal(b.rows[2].name, "b.example");
	assert_int_equal(b.rows[2].sum.tx_bytes, 230);
	bench_free(&b);
	name_table_free(names);
}

/* Equal weights: by name, no name first, whatever the seed. */
static void names_order_what_is_equal_else(void **state)
{
	static const char *const texts[] = {"c.example", "a.example", "b.example"};

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct bench b = bench_new(16, 10, seed);
		struct name_table *names = name_table_new(seed);
		struct addr addr = addr_n(2);

		flow_table_set_names(b.table, names);
		ask(&b, 1000, 2, 100);
		for (uint16_t i = 0; i < 3; i++) {
			name_table_put(names, &addr, texts[i], 60, 0);
			ask(&b, 1001 + i, 2, 100);
		}
		build(&b);
		assert_int_equal(b.n, 4);
		assert_null(b.rows[0].name);
		assert_string_equal(b.rows[1].name, "a.example");
		assert_string_equal(b.rows[2].name, "b.example");
		assert_string_equal(b.rows[3].name, "c.example");
		bench_free(&b);
		name_table_free(names);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_interval_has_no_rows),
		cmocka_unit_test(a_client_s_connections_collapse_to_the_service),
		cmocka_unit_test(a_server_s_connections_collapse_to_its_own_port),
		cmocka_unit_test(client_and_server_of_one_port_are_two_rows),
		cmocka_unit_test(the_heaviest_come_first),
		cmocka_unit_test(the_rest_is_summed_by_protocol_and_role),
		cmocka_unit_test(a_full_table_s_remainder_joins_the_rest),
		cmocka_unit_test(a_top_of_none_sums_everything),
		cmocka_unit_test(remainders_end_the_report_in_order),
		cmocka_unit_test(equal_weights_have_one_order_whatever_the_seed),
		cmocka_unit_test(a_silent_flow_has_no_row_unless_an_attempt_failed),
		cmocka_unit_test(a_report_can_be_built_twice),
		cmocka_unit_test(nothing_is_lost_of_random_tables),
		cmocka_unit_test(every_protocol_and_role_may_have_a_remainder),
		cmocka_unit_test(each_name_of_an_address_has_a_row),
		cmocka_unit_test(names_order_what_is_equal_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
