/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/deliver probe/outbox probe/resend probe/ring probe/send probe/resolve */
/* uses: probe/resolve_files probe/resolve_message probe/dns_message probe/dns_answer */
#include "deliver.h"

#include "clock.h"
#include "outbox_lab.h"
#include "said.h"

#define BEAT_MS   250
#define OUTAGE_MS 600000
#define MS_OF_DAY 86400000

static struct resolver *resolver;
static struct deliver *deliver;
static int64_t now_ms;

static uint16_t collector_port(void)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct addr addr;
	uint16_t port;

	assert_int_equal(getsockname(collector, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(&ss, &addr, &port);
	return port;
}

static int set_up(void **state)
{
	struct deliver_config config = {.ring_bytes = RING_BYTES};
	char err[ERR_LEN];

	if (lab_set_up(state) < 0 || resolver_open("127.0.0.1", &resolver, err) < 0)
		return -1;
	config.sender = sender;
	config.resolver = resolver;
	config.port = collector_port();
	now_ms = clock_mono_ms();
	return deliver_new(&config, &deliver, err);
}

static int tear_down(void **state)
{
	deliver_free(deliver);
	resolver_close(resolver);
	return lab_tear_down(state);
}

/* True: there was one to acknowledge. */
static bool acknowledge_all(void)
{
	struct report last;
	struct ack ack;

	if (lab_receive_all(&last) == 0)
		return false;
	ack = lab_ack_up_to(&last, last.sequence);
	lab_acknowledge(&ack);
	return true;
}

static void pass(int64_t ms, bool is_answered)
{
	for (int64_t end_ms = now_ms + ms; now_ms < end_ms; now_ms += BEAT_MS) {
		(void)deliver_step(deliver, now_ms);
		if (is_answered)
			(void)acknowledge_all();
	}
	(void)deliver_step(deliver, now_ms);
}

static void a_quiet_day_is_silent(void **state)
{
	(void)state;
	said_begin();
	for (int64_t end_ms = now_ms + MS_OF_DAY; now_ms < end_ms; pass(60000, true))
		deliver_rows(deliver, &head, rows, 1);
	said_end();
	assert_int_equal(said("\n"), 1);
	assert_int_equal(said("level=info msg=\"collector's address\" addr=127.0.0.1"), 1);
}

static void an_outage_is_one_warning_and_its_end_another_line(void **state)
{
	(void)state;
	pass(BEAT_MS, true);
	for (int i = 0; i < 2; i++) {
		said_begin();
		deliver_rows(deliver, &head, rows, 2);
		pass(OUTAGE_MS, false);
		said_end();
		assert_int_equal(said("\n"), 1);
		assert_int_equal(said("level=warn msg=\"collector does not answer\" "
				      "waiting_bytes=3000 act=\"kept, sent again\""),
			1);
		said_begin();
		pass(BEAT_MS, true);
		pass(OUTAGE_MS, true);
		said_end();
		assert_int_equal(said("\n"), 1);
		assert_int_equal(said("level=info msg=\"collector answers\" waiting_bytes=0"), 1);
	}
}

static void one_datagram_that_is_lost_is_no_outage(void **state)
{
	struct report lost;

	(void)state;
	pass(BEAT_MS, true);
	said_begin();
	deliver_rows(deliver, &head, rows, 1);
	pass(BEAT_MS, false);
	lab_receive_all(&lost);
	pass(60000, true);
	said_end();
	assert_string_equal(said_text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_quiet_day_is_silent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_outage_is_one_warning_and_its_end_another_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			one_datagram_that_is_lost_is_no_outage, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
