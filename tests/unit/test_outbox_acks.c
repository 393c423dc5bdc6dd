/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/outbox probe/resend probe/ring probe/send */
#include "outbox_lab.h"

#include "resend.h"

#define N_FORGED    10000
#define FORGED_TURN 50 /* what a socket's buffer takes */
#define BEAT_MS     250
#define MAX_AGAIN   (RESEND_FIRST_MS * 5 / 4)

/* One interval of several datagrams went; its header. */
static struct report send_some(size_t *ret_n)
{
	struct report report;

	lab_connect();
	lab_seal(N_ROWS, 0);
	*ret_n = lab_step(0, OUTBOX_WAITING);
	assert_true(*ret_n > 3);
	assert_int_equal(lab_receive_all(&report), *ret_n);
	return report;
}

static void what_is_acknowledged_is_never_sent_again(void **state)
{
	struct report report;
	struct ack ack;
	size_t n;

	(void)state;
	report = send_some(&n);
	ack = lab_ack_up_to(&report, n);
	lab_acknowledge(&ack);
	lab_step(1, OUTBOX_EMPTY);
	lab_step(1000000, OUTBOX_EMPTY);
	assert_int_equal(lab_receive_all(&report), 0);
	assert_int_equal(outbox_stats(outbox)->acks, 1);
}

static void what_the_bitmap_has_is_not_sent_again_and_the_gaps_are(void **state)
{
	struct report report;
	const struct record *got;
	struct ack ack;
	size_t n;

	(void)state;
	report = send_some(&n);
	ack = lab_ack_up_to(&report, 1); /* 2 is missing, 3 is there, 4 is missing */
	ack.bitmap[0] = 0xfd;
	memset(ack.bitmap + 1, 0xff, 9);
	ack.bitmap_len = 10;
	lab_acknowledge(&ack);
	assert_int_equal(lab_step(MAX_AGAIN, OUTBOX_WAITING), 2);
	lab_receive(&report, &got);
	assert_int_equal(report.sequence, 2);
	lab_receive(&report, &got);
	assert_int_equal(report.sequence, 4);
}

static void what_goes_again_is_the_same_to_the_byte(void **state)
{
	uint8_t first[WIRE_DATAGRAM_MAX], again[WIRE_DATAGRAM_MAX];
	size_t len;

	(void)state;
	lab_connect();
	lab_seal(5, 0);
	lab_step(0, OUTBOX_WAITING);
	len = lab_receive_bytes(first);
	head.totals.captured_bytes = 99;
	lab_seal(5, MAX_AGAIN * 9); /* another header has been in use since */
	lab_step(MAX_AGAIN, OUTBOX_WAITING);
	assert_int_equal(lab_receive_bytes(again), len);
	assert_memory_equal(first, again, len);
}

static void forged(const struct ack *ack)
{
	uint64_t n_bad = outbox_stats(outbox)->bad_acks;

	lab_acknowledge(ack);
	lab_step(1, OUTBOX_WAITING);
	assert_int_equal(outbox_stats(outbox)->bad_acks, n_bad + 1);
	assert_int_equal(outbox_stats(outbox)->acks, 0);
}

/* All of them go again: none was taken for acknowledged. */
static void assert_all_wait(size_t n)
{
	struct report report;

	assert_int_equal(lab_step(MAX_AGAIN, OUTBOX_WAITING), n);
	assert_int_equal(lab_receive_all(&report), n);
}

static void another_boots_acknowledgement_is_refused(void **state)
{
	struct report report;
	struct ack ack;
	size_t n;

	(void)state;
	report = send_some(&n);
	ack = lab_ack_up_to(&report, n);
	ack.boot_id[15] ^= 1;
	forged(&ack);
	assert_all_wait(n);
}

static void one_of_more_than_was_sent_is_refused(void **state)
{
	struct report report;
	struct ack ack;
	size_t n;

	(void)state;
	report = send_some(&n);
	lab_seal(1, MAX_AGAIN * 9); /* sealed, not sent */
	ack = lab_ack_up_to(&report, n + 1);
	forged(&ack);
	ack = lab_ack_up_to(&report, UINT64_MAX);
	forged(&ack);
	assert_all_wait(n);
}

static void bits_beyond_what_was_sent_are_ignored(void **state)
{
	struct report report;
	struct ack ack;
	size_t n;

	(void)state;
	report = send_some(&n);
	lab_seal(1, 100); /* n + 1: not sent yet */
	lab_seal(1, 100);
	ack = lab_ack_up_to(&report, n);
	ack.bitmap_len = ACK_BITMAP_MAX;
	memset(ack.bitmap, 0xff, ACK_BITMAP_MAX);
	lab_acknowledge(&ack);
	assert_int_equal(lab_step(99, OUTBOX_WAITING), 0);
	assert_int_equal(lab_step(100, OUTBOX_WAITING), 2);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(*seed >> 33) % below;
}

/* Truncations of a true one, another boot's, and noise. */
static void forge(const struct report *report, size_t n, uint64_t *seed)
{
	struct ack ack = lab_ack_up_to(report, n);
	uint8_t data[WIRE_DATAGRAM_MAX];
	size_t len;

	ack.bitmap_len = 8;
	memset(ack.bitmap, 0xff, 8);
	if (draw(seed, 3) == 0)
		ack.boot_id[draw(seed, BOOT_ID_LEN)] ^= (uint8_t)(1 + draw(seed, 255));
	else if (draw(seed, 2))
		ack.contiguous = n + 1 + draw(seed, 1000000);
	else
		ack.boot_id[0] ^= 0x80;
	len = wire_ack_encode(&ack, sizeof(data), data);
	if (draw(seed, 2))
		len = draw(seed, (uint32_t)len);
	if (draw(seed, 4) == 0)
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)draw(seed, 256);
	lab_reply(data, len);
}

static void ten_thousand_forged_ones_acknowledge_nothing(void **state)
{
	struct report report;
	uint64_t seed = 7;
	size_t n;

	(void)state;
	report = send_some(&n);
	for (int i = 0; i < N_FORGED; i++) {
		forge(&report, n, &seed);
		if (i % FORGED_TURN == FORGED_TURN - 1)
			lab_step(1, OUTBOX_WAITING);
	}
	assert_int_equal(outbox_stats(outbox)->acks, 0);
	assert_true(outbox_stats(outbox)->bad_acks > N_FORGED * 9 / 10); /* some are empty */
	assert_all_wait(n);
}

/* How many of those that arrived had gone before: up to *highest, which rises. */
static size_t receive_again(uint64_t *highest)
{
	uint8_t data[WIRE_DATAGRAM_MAX];
	const struct record *got;
	struct report report;
	size_t len, n_rows, n = 0;

	while ((len = lab_receive_bytes(data)) > 0) {
		assert_int_equal(wire_decode(decoder, data, len, &report, &got, &n_rows), WIRE_OK);
		if (report.sequence <= *highest)
			n++;
		else
			*highest = report.sequence;
	}
	return n;
}

/* From the first sending on for three minutes, every interval one new datagram. */
static void new_datagrams_are_not_held_up_by_silence(void **state)
{
	size_t n, n_new = 0, n_again = 0;
	uint64_t highest;

	(void)state;
	send_some(&n);
	highest = n;
	for (int64_t now_ms = BEAT_MS; now_ms < 180000; now_ms += BEAT_MS) {
		size_t n_sent, n_old;

		if (now_ms % 10000 == 0) {
			lab_seal(1, now_ms);
			n_new++;
		}
		n_sent = lab_step(now_ms, OUTBOX_WAITING);
		n_old = receive_again(&highest);
		assert_int_equal(n_sent - n_old, now_ms % 10000 == 0);
		if (now_ms > 20000)
			assert_true(n_old <= 1);
		n_again += n_old;
	}
	assert_int_equal(highest, n + n_new);
	/* Three rounds of all, then one at a time. */
	assert_in_range(n_again, n, 3 * n + 12);
	assert_true(outbox_take_path(outbox));
}

static void an_answer_after_silence_sends_all_that_waits_and_nothing_that_does_not(void **state)
{
	struct report report;
	struct ack ack;
	size_t n;

	(void)state;
	report = send_some(&n);
	for (int64_t now_ms = BEAT_MS; now_ms < 60000; now_ms += BEAT_MS)
		lab_step(now_ms, OUTBOX_WAITING);
	lab_receive_all(&report);
	ack = lab_ack_up_to(&report, n - 2);
	lab_acknowledge(&ack);
	assert_int_equal(lab_step(60000, OUTBOX_WAITING), 2);
	assert_int_equal(lab_receive_all(&report), 2);
	assert_int_equal(report.sequence, n);
}

static void a_collector_that_refuses_does_not_make_it_spin(void **state)
{
	size_t n, n_blocked = 0;

	(void)state;
	lab_connect();
	close(collector);
	lab_seal(N_ROWS, 0);
	for (int i = 0; i < 1000; i++)
		n_blocked += outbox_step(outbox, 0, ALL_OF_IT, &n) == OUTBOX_BLOCKED;
	assert_true(n_blocked < N_ROWS);
	assert_true(outbox_due_ms(outbox) >= RESEND_FIRST_MS * 3 / 4);
	collector = -1;
}

/* As without a route: to a broadcast address this socket may not connect (ip(7), EACCES). */
static void what_cannot_be_sent_for_long_asks_for_a_path(void **state)
{
	const struct addr nowhere = {.len = 4, .bytes = {255, 255, 255, 255}};
	int64_t now_ms = 0;

	(void)state;
	lab_seal(1, 0);
	for (; now_ms < 4 * RESEND_ROUND_MIN_MS; now_ms += BEAT_MS)
		lab_step(now_ms, OUTBOX_BLOCKED);
	assert_false(outbox_take_path(outbox)); /* no address yet: it is being asked for */
	assert_true(sender_set_peer(sender, &nowhere, 1) < 0);
	for (int i = 0; i < 4 * RESEND_ROUND_MIN_MS / BEAT_MS; i++, now_ms += BEAT_MS)
		lab_step(now_ms, OUTBOX_BLOCKED);
	assert_true(outbox_take_path(outbox));
	lab_connect(); /* what is new is not held up */
	assert_int_equal(lab_step(now_ms, OUTBOX_WAITING), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(what_is_acknowledged_is_never_sent_again),
		LAB_TEST(what_the_bitmap_has_is_not_sent_again_and_the_gaps_are),
		LAB_TEST(what_goes_again_is_the_same_to_the_byte),
		LAB_TEST(another_boots_acknowledgement_is_refused),
		LAB_TEST(one_of_more_than_was_sent_is_refused),
		LAB_TEST(bits_beyond_what_was_sent_are_ignored),
		LAB_TEST(ten_thousand_forged_ones_acknowledge_nothing),
		LAB_TEST(new_datagrams_are_not_held_up_by_silence),
		LAB_TEST(an_answer_after_silence_sends_all_that_waits_and_nothing_that_does_not),
		LAB_TEST(what_cannot_be_sent_for_long_asks_for_a_path),
		LAB_TEST(a_collector_that_refuses_does_not_make_it_spin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
