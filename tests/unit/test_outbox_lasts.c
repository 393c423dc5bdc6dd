/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/outbox probe/resend probe/ring probe/send */
/* How long the ring lasts while nobody acknowledges: the README's table. */
#include "outbox_lab.h"

#include <stdio.h>

#define DEFAULT_RING_BYTES (1 << 20)
#define INTERVAL_S         10
#define N_INTERVALS_MAX    100000

static uint64_t rng_state = 1;

/* xorshift64 (Marsaglia, 2003): figures as of real traffic, since small ones take less room. */
static uint64_t below(uint64_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state % n;
}

/* 26 bytes, another name for each row. */
static const char *name_of(size_t row)
{
	static char names[100][RECORD_NAME_LEN];

	snprintf(names[row], sizeof(names[row]), "api-%03zu.eu-west-1.example", row);
	return names[row];
}

static void some_traffic(size_t n, bool has_names)
{
	for (size_t i = 0; i < n; i++) {
		struct record *row = &rows[i];
		uint64_t tx = 200 + below(1 << 20), rx = 200 + below(1 << 24);
		const uint32_t remote = (uint32_t)below(UINT32_MAX);

		*row = (struct record){.proto = IPPROTO_TCP, .port = below(2) ? 443 : 5432};
		row->local = addr_v4((const uint8_t[]){10, 244, 3, 17});
		row->remote = addr_v4((const uint8_t *)&remote);
		row->sum = (struct counters){.tx_bytes = tx,
			.rx_bytes = rx,
			.tx_packets = 3 + tx / 700,
			.rx_packets = 3 + rx / 1200,
			.connections = (uint32_t)below(5),
			.rtt_us = 300 + (uint32_t)below(30000)};
		row->name = has_names ? name_of(i) : NULL;
	}
}

static int64_t seconds_without_loss(size_t n_rows, bool has_names)
{
	char err[ERR_LEN];
	int64_t intervals = 0;

	outbox_free(outbox);
	assert_int_equal(outbox_new(sender, DEFAULT_RING_BYTES, 0, &outbox, err), 0);
	while (outbox_evicted_bytes(outbox) == 0 && intervals < N_INTERVALS_MAX) {
		some_traffic(n_rows, has_names);
		head.start_ms += INTERVAL_S * 1000;
		(void)lab_seal(n_rows, 0);
		intervals++;
	}
	return (intervals - 1) * INTERVAL_S;
}

static void the_ring_lasts_as_the_readme_says(void **state)
{
	static const struct {
		size_t rows;
		int64_t minutes[2]; /* without names, with */
	} table[] = {{5, {780, 480}}, {10, {530, 280}}, {30, {230, 100}}, {100, {74, 31}}};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
		size_t n_rows = table[i / 2].rows;
		int64_t told = table[i / 2].minutes[i % 2];
		int64_t minutes = seconds_without_loss(n_rows, i % 2) / 60;

		print_message("%zu rows an interval%s: %lld minutes\n", n_rows,
			i % 2 ? ", named" : "", (long long)minutes);
		assert_in_range(minutes, told * 9 / 10, told * 11 / 10);
	}
}

/* Figures of an hour at 1 Tbit/s, and of a pod that forwards for as many addresses as there are
 * rows; the header is full of such figures too. */
static void the_largest_rows(void)
{
	head.interval_ms = 3600000;
	memset(&head.totals, 0x01, sizeof(head.totals));
	snprintf(head.identity.host, sizeof(head.identity.host), "%064d", 0);
	snprintf(head.identity.node, sizeof(head.identity.node), "%064d", 0);
	for (size_t i = 0; i < N_ROWS; i++) {
		struct record *row = &rows[i];

		*row = (struct record){.proto = IPPROTO_TCP, .role = ROLE_SERVER, .port = 65535};
		row->local = row->remote =
			(struct addr){.len = 16, .bytes = {0xfd, (uint8_t)(i >> 8), (uint8_t)i}};
		row->sum = (struct counters){.tx_bytes = 450000000000000,
			.rx_bytes = 450000000000000,
			.tx_packets = 300000000000,
			.rx_packets = 300000000000,
			.retransmits = 300000000000,
			.connections = UINT32_MAX,
			.resets = UINT32_MAX,
			.failed = UINT32_MAX,
			.rtt_us = 60000000};
	}
}

static void a_ring_of_so_many_bytes_a_row_holds_an_interval_of_the_largest_rows(void **state)
{
	char err[ERR_LEN];

	(void)state;
	outbox_free(outbox);
	assert_int_equal(outbox_new(sender, N_ROWS * OUTBOX_ROW_BYTES_MAX, 0, &outbox, err), 0);
	the_largest_rows();
	print_message("%zu datagrams\n", lab_seal(N_ROWS, 0));
	assert_int_equal(outbox_evicted_bytes(outbox), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(the_ring_lasts_as_the_readme_says),
		LAB_TEST(a_ring_of_so_many_bytes_a_row_holds_an_interval_of_the_largest_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
