/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/outbox probe/resend probe/ring probe/send */
/*
 * An outbox and a collector over a network that loses and doubles, in simulated time: everything
 * arrives, and what is acknowledged never goes again.
 */
#include "outbox_lab.h"

#define N_INTERVALS 60
#define INTERVAL_MS 10000
#define BEAT_MS     250
#define END_MS      1800000 /* far behind the last delay of a minute */
#define SEQ_MAX     4096
#define N_RUNS      20
#define LOSS        30 /* percent, each way */
#define DOUBLED     10

struct peer {
	uint64_t seed;
	uint8_t boot_id[BOOT_ID_LEN];
	uint64_t contiguous;
	uint64_t highest;
	bool has[SEQ_MAX];     /* committed */
	bool is_told[SEQ_MAX]; /* and the acknowledgement arrived */
	uint8_t first[SEQ_MAX][WIRE_DATAGRAM_MAX];
	size_t first_len[SEQ_MAX];
	uint64_t rows_bytes;
	size_t n_received;
	bool is_owed;
};

static struct peer peer;

static bool chance(uint32_t percent)
{
	peer.seed = peer.seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(peer.seed >> 33) % 100 < percent;
}

static void take(const struct report *report, size_t n_rows)
{
	uint64_t sequence = report->sequence;

	peer.is_owed = true;
	if (peer.has[sequence])
		return;
	peer.has[sequence] = true;
	peer.rows_bytes += n_rows * ROW_BYTES;
	if (sequence > peer.highest)
		peer.highest = sequence;
	while (peer.has[peer.contiguous + 1])
		peer.contiguous++;
}

/* Every copy is compared with the first, also when this one is then "lost". */
static void receive(void)
{
	uint8_t data[WIRE_DATAGRAM_MAX];
	const struct record *got;
	struct report report;
	size_t len, n_rows;

	while ((len = lab_receive_bytes(data)) > 0) {
		assert_int_equal(wire_decode(decoder, data, len, &report, &got, &n_rows), WIRE_OK);
		assert_true(report.sequence < SEQ_MAX - 1);
		assert_false(peer.is_told[report.sequence]);
		memcpy(peer.boot_id, report.boot_id, BOOT_ID_LEN);
		peer.n_received++;
		if (peer.first_len[report.sequence] == 0) {
			memcpy(peer.first[report.sequence], data, len);
			peer.first_len[report.sequence] = len;
		}
		assert_int_equal(peer.first_len[report.sequence], len);
		assert_memory_equal(peer.first[report.sequence], data, len);
		if (!chance(LOSS))
			take(&report, n_rows);
	}
}

static void acknowledge(void)
{
	struct ack ack = {.contiguous = peer.contiguous};

	if (!peer.is_owed)
		return;
	peer.is_owed = false;
	memcpy(ack.boot_id, peer.boot_id, BOOT_ID_LEN);
	for (uint64_t sequence = ack.contiguous + 2; sequence <= peer.highest; sequence++) {
		size_t i = sequence - ack.contiguous - 2;

		if (!peer.has[sequence])
			continue;
		ack.bitmap[i / 8] |= (uint8_t)(1 << i % 8);
		ack.bitmap_len = i / 8 + 1;
	}
	if (chance(LOSS))
		return;
	for (int n = chance(DOUBLED) ? 2 : 1; n > 0; n--)
		lab_acknowledge(&ack);
	memcpy(peer.is_told, peer.has, sizeof(peer.has));
}

static enum outbox_state beat(int64_t now_ms)
{
	enum outbox_state state;
	size_t n;

	do {
		state = outbox_step(outbox, now_ms, 32, &n); /* what a socket's buffer holds */
		receive();
	} while (state == OUTBOX_MORE);
	assert_int_not_equal(state, OUTBOX_BLOCKED);
	acknowledge();
	return state;
}

static void run(uint64_t seed)
{
	enum outbox_state state = OUTBOX_WAITING;
	uint64_t sealed_bytes = 0, n_sealed = 0;
	int64_t now_ms = 0;

	peer = (struct peer){.seed = seed};
	for (; now_ms < END_MS; now_ms += BEAT_MS) {
		if (now_ms % INTERVAL_MS == 0 && now_ms / INTERVAL_MS < N_INTERVALS) {
			size_t n_rows = 1 + (size_t)(now_ms / INTERVAL_MS) * 37 % 200;

			n_sealed += lab_seal(n_rows, now_ms);
			sealed_bytes += n_rows * ROW_BYTES;
		}
		state = beat(now_ms);
		if (state == OUTBOX_EMPTY && now_ms > N_INTERVALS * INTERVAL_MS)
			break;
	}
	assert_int_equal(state, OUTBOX_EMPTY);
	assert_int_equal(peer.contiguous, n_sealed);
	assert_int_equal(peer.rows_bytes, sealed_bytes);
	assert_int_equal(outbox_evicted_bytes(outbox), 0);
	assert_int_equal(outbox_stats(outbox)->bad_acks, 0);
	assert_true(peer.n_received <= 2 * n_sealed);
}

static void all_arrives_once_over_a_network_that_loses_and_doubles(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= N_RUNS; seed++) {
		assert_int_equal(lab_set_up(NULL), 0);
		lab_connect();
		run(seed);
		lab_tear_down(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_arrives_once_over_a_network_that_loses_and_doubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
