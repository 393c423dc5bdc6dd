/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/outbox probe/resend probe/ring probe/send */
/*
 * The end of a probe whose full ring was sent to nobody: as deliver_flush does it, in simulated
 * time, with a collector that commits at times and keeps a window of what it tells apart.
 */
#include "outbox_lab.h"

#include "resend.h"

#define FULL_RING_BYTES (1 << 20)
#define INTERVAL_MS     10000
#define SEALED_MAX      20000 /* more than any ring here holds */
#define WINDOW          2048  /* LEDGER_WINDOW */
#define END_MS          8000  /* meter.c */
#define AGAIN_MS        2000  /* deliver.c, and so are these */
#define WAIT_MS         20
#define BUDGET          64

static bool has[SEALED_MAX + 2]; /* arrived */
static uint64_t contiguous, highest, oldest;
static uint64_t n_taken, n_again; /* of them: before, or of an interval that went before the end */
static struct report last;

static void take(void)
{
	const struct record *got;
	uint8_t data[WIRE_DATAGRAM_MAX];
	size_t len, n;

	while ((len = lab_receive_bytes(data)) > 0) {
		assert_int_equal(wire_decode(decoder, data, len, &last, &got, &n), WIRE_OK);
		n_taken++;
		n_again += has[last.sequence] || !last.is_final;
		if (last.oldest > oldest) {
			oldest = last.oldest;
			contiguous = oldest - 1;
		}
		if (last.sequence > contiguous + WINDOW)
			continue;
		has[last.sequence] = true;
		if (last.sequence > highest)
			highest = last.sequence;
	}
}

/* What arrived is committed, and told as far as a bitmap goes. */
static void commit(void)
{
	struct ack ack;

	if (oldest == 0)
		return;
	while (has[contiguous + 1])
		contiguous++;
	ack = lab_ack_up_to(&last, contiguous);
	for (uint64_t i = 0; contiguous + 2 + i <= highest && i / 8 < ACK_BITMAP_MAX; i++) {
		if (!has[contiguous + 2 + i])
			continue;
		ack.bitmap[i / 8] |= (uint8_t)(1 << i % 8);
		ack.bitmap_len = i / 8 + 1;
	}
	lab_acknowledge(&ack);
}

/* Nobody answers, for longer than the ring lasts. How many datagrams it holds then. */
static uint64_t fill_the_ring(size_t n_rows, int64_t *ret_now_ms)
{
	char err[ERR_LEN];
	uint64_t n_sealed = 0;
	int64_t now_ms = 0;
	size_t n;

	outbox_free(outbox);
	assert_int_equal(outbox_new(sender, FULL_RING_BYTES, 0, &outbox, err), 0);
	lab_connect();
	memset(has, 0, sizeof(has));
	contiguous = highest = oldest = n_taken = n_again = 0;
	for (; outbox_evicted_bytes(outbox) == 0; now_ms += INTERVAL_MS) {
		n_sealed += lab_seal(n_rows, now_ms);
		for (int64_t at_ms = 0; at_ms < INTERVAL_MS; at_ms += INTERVAL_MS / 4)
			outbox_step(outbox, now_ms + at_ms, BUDGET, &n);
		while (lab_receive_bytes((uint8_t[WIRE_DATAGRAM_MAX]){0}) > 0)
			;
		assert_true(n_sealed < SEALED_MAX);
	}
	head.is_final = true;
	n_sealed += lab_seal(n_rows, now_ms);
	*ret_now_ms = now_ms;
	return n_sealed;
}

/* commit_ms: how often the collector commits; until_ms: how long it does. Returns when all was
 * acknowledged, END_MS: not within it. */
static int64_t end(int64_t now_ms, int64_t commit_ms, int64_t until_ms)
{
	enum outbox_state state;
	size_t n;

	outbox_hurry(outbox, now_ms, false);
	for (int64_t at_ms = 0; at_ms < END_MS; at_ms += WAIT_MS) {
		if (at_ms > 0 && at_ms % AGAIN_MS == 0)
			outbox_hurry(outbox, now_ms + at_ms, true);
		do {
			state = outbox_step(outbox, now_ms + at_ms, BUDGET, &n);
			take();
		} while (state == OUTBOX_MORE);
		if (state == OUTBOX_EMPTY)
			return at_ms;
		if (at_ms % commit_ms == commit_ms - WAIT_MS && at_ms < until_ms)
			commit();
	}
	return END_MS;
}

static void all_goes(size_t n_rows, uint64_t n_least, int64_t commit_ms)
{
	int64_t now_ms, took_ms;
	uint64_t n_sealed = fill_the_ring(n_rows, &now_ms);

	took_ms = end(now_ms, commit_ms, END_MS);
	print_message("%zu rows an interval: %llu datagrams in %lld ms\n", n_rows,
		(unsigned long long)(n_sealed - oldest + 1), (long long)took_ms);
	assert_true(n_sealed - oldest + 1 >= n_least);
	assert_true(took_ms < END_MS);
	assert_int_equal(contiguous, n_sealed);
}

static void a_full_ring_goes_to_a_collector_that_answers(void **state)
{
	(void)state;
	all_goes(100, 500, 1000);
	all_goes(100, 500, 3000);
}

static void so_does_one_of_more_datagrams_than_the_collector_tells_apart(void **state)
{
	(void)state;
	all_goes(5, 2 * WINDOW, 1000);
}

/* The last interval's, and of the others one at the start and each time that all is hurried. */
static void a_silent_collector_is_not_stormed(void **state)
{
	int64_t now_ms;

	(void)state;
	(void)fill_the_ring(100, &now_ms);
	assert_int_equal(end(now_ms, 1000, 0), END_MS);
	assert_in_range(n_again, 1, END_MS / AGAIN_MS);
	assert_in_range(n_taken, n_again + 1, n_again + 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(a_full_ring_goes_to_a_collector_that_answers),
		LAB_TEST(so_does_one_of_more_datagrams_than_the_collector_tells_apart),
		LAB_TEST(a_silent_collector_is_not_stormed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
