/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/flow_tcp */
#include "flow_tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define POD  0U
#define PEER 1U
#define SYN  PACKET_TCP_SYN
#define ACK  PACKET_TCP_ACK
#define FIN  PACKET_TCP_FIN
#define RST  PACKET_TCP_RST

struct talk {
	struct flow_tcp tcp;
	struct counters count;
	int64_t now_us;
};

static void say(struct talk *t, unsigned dir, unsigned flags, uint32_t seq, uint32_t len)
{
	struct packet packet = {
		.has_tcp = true,
		.tcp_flags = (uint8_t)flags,
		.tcp_seq = seq,
		.tcp_ack = t->tcp.next_seq[!dir],
		.payload_len = len,
	};

	t->now_us += 1000;
	flow_tcp_track(&t->tcp, &t->count, &packet, dir, t->now_us);
}

static void say_handshake(struct talk *t, unsigned client, uint32_t seq)
{
	say(t, client, SYN, seq, 0);
	say(t, !client, SYN | ACK, 9000, 0);
	say(t, client, ACK, seq + 1, 0);
}

static void a_handshake_counts_when_its_ack_completes_it(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	say(&t, PEER, SYN | ACK, 9000, 0);
	assert_int_equal(t.count.connections, 0);
	say(&t, POD, ACK, 101, 0);
	say(&t, POD, ACK, 101, 10);
	assert_int_equal(t.count.connections, 1);
}

static void a_syn_ack_without_a_syn_makes_no_connection(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, PEER, SYN | ACK, 9000, 0);
	say(&t, POD, ACK, 101, 0);
	assert_int_equal(t.count.connections, 0);
}

static void a_client_measures_from_syn_to_syn_ack(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	t.now_us += 500;
	say(&t, PEER, SYN | ACK, 9000, 0);
	t.now_us += 7000;
	say(&t, POD, ACK, 101, 0);
	assert_int_equal(t.count.rtt_us, 1500);
}

static void a_server_measures_from_syn_ack_to_ack(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, PEER, SYN, 100, 0);
	t.now_us += 500;
	say(&t, POD, SYN | ACK, 9000, 0);
	t.now_us += 7000;
	say(&t, PEER, ACK, 101, 0);
	assert_int_equal(t.count.rtt_us, 8000);
}

static void the_smallest_round_trip_of_an_interval_stays(void **state)
{
	static const uint32_t delays_us[] = {5000, 2000, 4000};
	struct talk t = {0};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		say(&t, POD, SYN, 100 * (i + 1), 0);
		t.now_us += delays_us[i];
		say(&t, PEER, SYN | ACK, 9000, 0);
		say(&t, POD, ACK, 100 * (i + 1) + 1, 0);
	}
	assert_int_equal(t.count.rtt_us, 3000);
}

static void a_repeated_syn_is_not_measured(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	say(&t, POD, SYN, 100, 0);
	say(&t, PEER, SYN | ACK, 9000, 0);
	say(&t, POD, ACK, 101, 0);
	assert_int_equal(t.count.connections, 1);
	assert_int_equal(t.count.rtt_us, 0);
}

static void a_repeated_syn_ack_is_not_measured(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, PEER, SYN, 100, 0);
	say(&t, POD, SYN | ACK, 9000, 0);
	say(&t, POD, SYN | ACK, 9000, 0);
	say(&t, PEER, ACK, 101, 0);
	assert_int_equal(t.count.connections, 1);
	assert_int_equal(t.count.rtt_us, 0);
}

static void a_server_measures_though_the_syn_was_repeated(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, PEER, SYN, 100, 0);
	say(&t, PEER, SYN, 100, 0);
	say(&t, POD, SYN | ACK, 9000, 0);
	say(&t, PEER, ACK, 101, 0);
	assert_int_equal(t.count.rtt_us, 1000);
}

static void a_syn_ack_of_an_older_attempt_is_no_answer(void **state)
{
	struct talk t = {0};
	struct packet old = {.has_tcp = true, .tcp_flags = SYN | ACK, .tcp_ack = 50};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	flow_tcp_track(&t.tcp, &t.count, &old, PEER, t.now_us);
	assert_true(flow_tcp_is_pending(&t.tcp));
}

static void a_clock_that_steps_back_measures_nothing(void **state)
{
	struct talk t = {.now_us = 1000000};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	t.now_us = 0;
	say(&t, PEER, SYN | ACK, 9000, 0);
	assert_int_equal(t.count.rtt_us, 0);
}

static void an_attempt_answered_by_rst_failed(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	say(&t, PEER, RST | ACK, 0, 0);
	say(&t, PEER, RST | ACK, 0, 0);
	assert_int_equal(t.count.failed, 1);
	assert_int_equal(t.count.resets, 0);
}

static void a_client_s_own_rst_leaves_its_attempt_open(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	say(&t, PEER, ACK, 5555, 0);
	say(&t, POD, RST, 77, 0);
	say(&t, POD, SYN, 100, 0);
	say(&t, PEER, SYN | ACK, 9000, 0);
	say(&t, POD, ACK, 101, 0);
	assert_int_equal(t.count.failed, 0);
	assert_int_equal(t.count.connections, 1);
}

static void an_attempt_fails_after_three_seconds_without_an_answer(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	flow_tcp_expire(&t.tcp, &t.count, t.now_us + FLOW_TCP_ATTEMPT_US - 1);
	assert_int_equal(t.count.failed, 0);
	flow_tcp_expire(&t.tcp, &t.count, t.now_us + FLOW_TCP_ATTEMPT_US);
	assert_int_equal(t.count.failed, 1);
}

static void a_repeated_syn_gives_its_attempt_more_time(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	t.now_us += FLOW_TCP_ATTEMPT_US / 2;
	say(&t, POD, SYN, 100, 0);
	flow_tcp_expire(&t.tcp, &t.count, t.now_us + FLOW_TCP_ATTEMPT_US / 2);
	assert_int_equal(t.count.failed, 0);
}

static void an_attempt_fails_once_however_often_its_syn_is_repeated(void **state)
{
	struct talk t = {0};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		say(&t, POD, SYN, 100, 0);
		t.now_us += FLOW_TCP_ATTEMPT_US << i;
		flow_tcp_expire(&t.tcp, &t.count, t.now_us);
	}
	say(&t, PEER, RST | ACK, 0, 0);
	assert_int_equal(t.count.failed, 1);
}

static void an_established_connection_never_expires(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	flow_tcp_expire(&t.tcp, &t.count, t.now_us + 100 * FLOW_TCP_ATTEMPT_US);
	assert_int_equal(t.count.failed, 0);
}

static void an_attempt_whose_syn_ack_was_missed_does_not_fail(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	say(&t, POD, ACK, 101, 10);
	flow_tcp_expire(&t.tcp, &t.count, t.now_us + FLOW_TCP_ATTEMPT_US);
	assert_int_equal(t.count.failed, 0);
	assert_int_equal(t.count.connections, 0);
}

static void an_attempt_given_up_for_a_new_one_failed(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	say(&t, POD, SYN, 200, 0);
	assert_int_equal(t.count.failed, 1);
}

static void both_sides_opening_at_once_make_one_connection(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 0);
	say(&t, PEER, SYN, 9000, 0);
	say(&t, POD, SYN | ACK, 100, 0);
	say(&t, PEER, SYN | ACK, 9000, 0);
	say(&t, POD, ACK, 101, 0);
	assert_int_equal(t.count.connections, 1);
	assert_int_equal(t.count.failed, 0);
}

static void an_rst_resets_an_established_connection_once(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, PEER, RST, 9001, 0);
	say(&t, POD, RST, 101, 0);
	assert_int_equal(t.count.resets, 1);
	assert_int_equal(t.count.failed, 0);
}

static void an_rst_resets_a_connection_seen_both_ways_without_a_handshake(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, ACK, 500, 10);
	say(&t, PEER, ACK, 700, 10);
	say(&t, PEER, RST, 710, 0);
	assert_int_equal(t.count.resets, 1);
}

static void an_rst_to_a_stray_segment_resets_nothing(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, PEER, ACK, 500, 10);
	say(&t, POD, RST, 700, 0);
	assert_int_equal(t.count.resets, 0);
	assert_int_equal(t.count.failed, 0);
}

static void an_rst_after_fin_both_ways_resets_nothing(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, POD, FIN | ACK, 101, 0);
	say(&t, PEER, FIN | ACK, 9001, 0);
	assert_int_equal(t.tcp.state, FLOW_TCP_CLOSED);
	say(&t, POD, RST, 102, 0);
	assert_int_equal(t.count.resets, 0);
}

static void a_syn_with_another_sequence_reuses_the_port(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, PEER, RST, 9001, 0);
	say_handshake(&t, POD, 5000000);
	say(&t, PEER, RST, 9001, 0);
	assert_int_equal(t.count.connections, 2);
	assert_int_equal(t.count.resets, 2);
	assert_int_equal(t.count.failed, 0);
}

static void a_late_copy_of_the_syn_leaves_the_connection_alone(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, POD, SYN, 100, 0);
	assert_int_equal(t.tcp.state, FLOW_TCP_OPEN);
	assert_int_equal(t.count.retransmits, 0);
}

static void payload_sent_again_is_counted_each_way(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, POD, ACK, 101, 1000);
	say(&t, POD, ACK, 101, 1000);
	say(&t, PEER, ACK, 9001, 300);
	say(&t, PEER, ACK, 9001, 300);
	assert_int_equal(t.count.retransmits, 1300);
}

static void only_the_part_below_the_highest_sequence_is_sent_again(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, POD, ACK, 101, 1000);
	say(&t, POD, ACK, 601, 1000);
	assert_int_equal(t.count.retransmits, 500);
	say(&t, POD, ACK, 1601, 10);
	assert_int_equal(t.count.retransmits, 500);
}

static void sequence_numbers_go_on_behind_their_end(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, UINT32_MAX - 500);
	say(&t, POD, ACK, UINT32_MAX - 499, 1000);
	assert_int_equal(t.tcp.next_seq[POD], 500);
	say(&t, POD, ACK, 500, 1000);
	assert_int_equal(t.count.retransmits, 0);
	say(&t, POD, ACK, UINT32_MAX - 499, 1000);
	assert_int_equal(t.count.retransmits, 1000);
}

static void a_keep_alive_is_no_retransmission(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, POD, ACK, 101, 1000);
	say(&t, POD, ACK, 1100, 0);
	say(&t, POD, ACK, 1100, 1);
	assert_int_equal(t.count.retransmits, 0);
}

static void syn_and_fin_take_a_sequence_number_but_are_no_payload(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 7);
	assert_int_equal(t.tcp.next_seq[POD], 108);
	say(&t, POD, SYN, 100, 7);
	assert_int_equal(t.count.retransmits, 7);
	say(&t, POD, FIN | ACK, 108, 5);
	assert_int_equal(t.tcp.next_seq[POD], 114);
	say(&t, POD, FIN | ACK, 108, 5);
	assert_int_equal(t.count.retransmits, 12);
}

static void a_repeated_syn_with_more_payload_repeats_only_the_first_part(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, SYN, 100, 5);
	say(&t, POD, SYN, 100, 9);
	assert_int_equal(t.count.retransmits, 5);
}

static void a_last_byte_repeated_with_its_fin_is_no_keep_alive(void **state)
{
	struct talk t = {0};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, POD, ACK, 101, 10);
	say(&t, POD, FIN | ACK, 110, 1);
	assert_int_equal(t.tcp.next_seq[POD], 112);
	assert_int_equal(t.count.retransmits, 1);
}

static void a_way_back_longer_than_any_window_is_a_new_start(void **state)
{
	struct talk t = {0};

	(void)state;
	say(&t, POD, ACK, 0xc0000000, 100);
	say(&t, POD, ACK, 0x60000000, 100);
	say(&t, POD, ACK, 0x60000064, 100);
	assert_int_equal(t.count.retransmits, 0);
}

static void counters_stop_at_their_end(void **state)
{
	struct talk t = {.count = {.connections = UINT32_MAX, .resets = UINT32_MAX}};

	(void)state;
	say_handshake(&t, POD, 100);
	say(&t, PEER, RST, 9001, 0);
	assert_int_equal(t.count.connections, UINT32_MAX);
	assert_int_equal(t.count.resets, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_counts_when_its_ack_completes_it),
		cmocka_unit_test(a_syn_ack_without_a_syn_makes_no_connection),
		cmocka_unit_test(a_client_measures_from_syn_to_syn_ack),
		cmocka_unit_test(a_server_measures_from_syn_ack_to_ack),
		cmocka_unit_test(the_smallest_round_trip_of_an_interval_stays),
		cmocka_unit_test(a_repeated_syn_is_not_measured),
		cmocka_unit_test(a_repeated_syn_ack_is_not_measured),
		cmocka_unit_test(a_server_measures_though_the_syn_was_repeated),
		cmocka_unit_test(a_syn_ack_of_an_older_attempt_is_no_answer),
		cmocka_unit_test(a_clock_that_steps_back_measures_nothing),
		cmocka_unit_test(an_attempt_answered_by_rst_failed),
		cmocka_unit_test(a_client_s_own_rst_leaves_its_attempt_open),
		cmocka_unit_test(an_attempt_fails_after_three_seconds_without_an_answer),
		cmocka_unit_test(a_repeated_syn_gives_its_attempt_more_time),
		cmocka_unit_test(an_attempt_fails_once_however_often_its_syn_is_repeated),
		cmocka_unit_test(an_established_connection_never_expires),
		cmocka_unit_test(an_attempt_whose_syn_ack_was_missed_does_not_fail),
		cmocka_unit_test(an_attempt_given_up_for_a_new_one_failed),
		cmocka_unit_test(both_sides_opening_at_once_make_one_connection),
		cmocka_unit_test(an_rst_resets_an_established_connection_once),
		cmocka_unit_test(an_rst_resets_a_connection_seen_both_ways_without_a_handshake),
		cmocka_unit_test(an_rst_to_a_stray_segment_resets_nothing),
		cmocka_unit_test(an_rst_after_fin_both_ways_resets_nothing),
		cmocka_unit_test(a_syn_with_another_sequence_reuses_the_port),
		cmocka_unit_test(a_late_copy_of_the_syn_leaves_the_connection_alone),
		cmocka_unit_test(payload_sent_again_is_counted_each_way),
		cmocka_unit_test(only_the_part_below_the_highest_sequence_is_sent_again),
		cmocka_unit_test(sequence_numbers_go_on_behind_their_end),
		cmocka_unit_test(a_keep_alive_is_no_retransmission),
		cmocka_unit_test(syn_and_fin_take_a_sequence_number_but_are_no_payload),
		cmocka_unit_test(a_repeated_syn_with_more_payload_repeats_only_the_first_part),
		cmocka_unit_test(a_last_byte_repeated_with_its_fin_is_no_keep_alive),
		cmocka_unit_test(a_way_back_longer_than_any_window_is_a_new_start),
		cmocka_unit_test(counters_stop_at_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
