/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEND_BUDGET   64 /* datagrams between two looks at the capture, or two pauses */
#define SEND_RETRY_MS 50
#define WAIT_MS       20 /* for an acknowledgement, between two looks at what is due */
#define HASTE_MS      2  /* before the next try, where nothing else waits */
#define PACE_MS       1
#define PATIENCE_MS   10000 /* a collector commits within 3 s */
#define AGAIN_MS      2000  /* at the end; a collector commits within 3 s, mostly within 1 s */

struct deliver {
	struct deliver_config config;
	struct outbox *outbox;
	int64_t send_due_ms;
	int64_t resolve_due_ms;
	size_t burst;         /* datagrams since the last pause */
	bool is_stuck;        /* patience has run out once, and nothing was taken since */
	bool is_unanswered;   /* said once an outage */
	uint64_t silent_acks; /* how many there were when that began */
};

int deliver_new(const struct deliver_config *config, struct deliver **ret, char err[static ERR_LEN])
{
	struct deliver *deliver = calloc(1, sizeof(*deliver));
	int r;

	if (!deliver) {
		snprintf(err, ERR_LEN, "delivery: out of memory");
		return -ENOMEM;
	}
	deliver->config = *config;
	r = outbox_new(config->sender, config->ring_bytes, clock_mono_ms(), &deliver->outbox, err);
	if (r < 0) {
		deliver_free(deliver);
		return r;
	}
	*ret = deliver;
	return 0;
}

void deliver_free(struct deliver *deliver)
{
	if (!deliver)
		return;
	outbox_free(deliver->outbox);
	free(deliver);
}

static void take_address(struct deliver *deliver, int64_t now_ms)
{
	char text[ADDR_STRLEN];
	struct addr addr;
	int r;

	if (!resolver_take_address(deliver->config.resolver, &addr))
		return;
	r = sender_set_peer(deliver->config.sender, &addr, deliver->config.port);
	deliver->send_due_ms = now_ms;
	addr_format(&addr, text);
	if (r < 0)
		log_warn("collector cannot be reached", "addr=%s error=\"%s\" act=retry", text,
			strerror(-r));
	else
		log_info("collector's address", "addr=%s port=%u", text, deliver->config.port);
}

/* Its name may lead elsewhere now, and so may another source port. */
static void look_for_a_path(struct deliver *deliver, int64_t now_ms)
{
	if (!outbox_take_path(deliver->outbox))
		return;
	sender_renew(deliver->config.sender);
	resolver_ask_again(deliver->config.resolver, now_ms);
	if (deliver->is_unanswered)
		return;
	deliver->is_unanswered = true;
	deliver->silent_acks = outbox_stats(deliver->outbox)->acks;
	log_warn("collector does not answer", "waiting_bytes=%" PRIu64 " act=\"kept, sent again\"",
		outbox_waiting_bytes(deliver->outbox));
}

static void note_answer(struct deliver *deliver)
{
	if (!deliver->is_unanswered || outbox_stats(deliver->outbox)->acks == deliver->silent_acks)
		return;
	deliver->is_unanswered = false;
	log_info("collector answers", "waiting_bytes=%" PRIu64,
		outbox_waiting_bytes(deliver->outbox));
}

static enum outbox_state step(struct deliver *deliver, int64_t now_ms)
{
	enum outbox_state state;
	size_t n;

	deliver->resolve_due_ms = resolver_step(deliver->config.resolver, now_ms);
	take_address(deliver, now_ms);
	if (resolver_take_failure(deliver->config.resolver))
		log_warn(
			"collector's name has no address", "act=\"asked again every few seconds\"");
	if (now_ms < deliver->send_due_ms) {
		/* What is readable and stays unread would not let poll sleep. */
		(void)outbox_step(deliver->outbox, now_ms, 0, &n);
		note_answer(deliver);
		return OUTBOX_BLOCKED;
	}
	state = outbox_step(deliver->outbox, now_ms, SEND_BUDGET, &n);
	note_answer(deliver);
	look_for_a_path(deliver, now_ms);
	deliver->burst += n;
	/* POLLOUT would be ready at once after ENETUNREACH or ECONNREFUSED: a timer serves all. */
	deliver->send_due_ms = now_ms;
	if (state == OUTBOX_BLOCKED)
		deliver->send_due_ms += deliver->config.is_patient ? HASTE_MS : SEND_RETRY_MS;
	return state;
}

int64_t deliver_step(struct deliver *deliver, int64_t now_ms)
{
	enum outbox_state state = step(deliver, now_ms);
	int64_t due_ms = deliver->send_due_ms;

	if (state == OUTBOX_WAITING)
		due_ms = outbox_due_ms(deliver->outbox);
	if (state != OUTBOX_EMPTY && due_ms < deliver->resolve_due_ms)
		return due_ms;
	return deliver->resolve_due_ms;
}

void deliver_fds(const struct deliver *deliver, int ret[static DELIVER_FDS])
{
	ret[0] = resolver_fd(deliver->config.resolver);
	ret[1] = sender_fd(deliver->config.sender);
}

static void wait_for_answers(const struct deliver *deliver, int64_t max_ms)
{
	struct pollfd polled[DELIVER_FDS];
	int fds[DELIVER_FDS];

	deliver_fds(deliver, fds);
	for (size_t i = 0; i < DELIVER_FDS; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	(void)poll(polled, DELIVER_FDS, (int)max_ms);
}

/*
 * At the end there is no time for three fruitless rounds, and the collector may have moved since
 * the last acknowledgement. Another port comes second: an answer to the old one may be under way.
 */
static void doubt_the_path(struct deliver *deliver, unsigned n_again, int64_t now_ms)
{
	resolver_ask_again(deliver->config.resolver, now_ms);
	if (n_again == 1)
		sender_renew(deliver->config.sender);
}

bool deliver_flush(struct deliver *deliver, int64_t max_ms)
{
	int64_t begun_ms = clock_mono_ms();
	int64_t again_ms = begun_ms + AGAIN_MS;
	uint64_t n_acks = outbox_stats(deliver->outbox)->acks;
	unsigned n_again = 0;

	outbox_hurry(deliver->outbox, begun_ms, false);
	for (;;) {
		int64_t now_ms = clock_mono_ms();
		enum outbox_state state = step(deliver, now_ms);

		if (state == OUTBOX_EMPTY)
			return true;
		if (now_ms - begun_ms >= max_ms)
			return false;
		if (now_ms >= again_ms) {
			if (outbox_stats(deliver->outbox)->acks == n_acks)
				doubt_the_path(deliver, n_again++, now_ms);
			n_acks = outbox_stats(deliver->outbox)->acks;
			outbox_hurry(deliver->outbox, now_ms, true);
			again_ms = now_ms + AGAIN_MS;
		}
		wait_for_answers(deliver, state == OUTBOX_WAITING   ? WAIT_MS
					  : state == OUTBOX_BLOCKED ? HASTE_MS
								    : PACE_MS);
	}
}

/*
 * A file has no clock that would pace it: each datagram is sent at once, and where the ring is full
 * its acknowledgements are waited for, so that it need not evict. Where none comes, that is waited
 * for once.
 */
static void send_patiently(struct deliver *deliver)
{
	int64_t begun_ms = clock_mono_ms();
	bool was_stuck = deliver->is_stuck;
	enum outbox_state state;

	do {
		state = step(deliver, clock_mono_ms());
		deliver->is_stuck = !outbox_has_room(deliver->outbox);
		if (!deliver->is_stuck && state != OUTBOX_BLOCKED)
			break;
		wait_for_answers(deliver, HASTE_MS);
	} while (!was_stuck && clock_mono_ms() - begun_ms < PATIENCE_MS);
	if (deliver->is_stuck && !was_stuck)
		log_warn(
			"collector takes nothing", "act=\"reading on, the ring keeps the newest\"");
	if (deliver->burst < SEND_BUDGET)
		return;
	deliver->burst = 0;
	(void)poll(NULL, 0, PACE_MS);
}

void deliver_rows(
	struct deliver *deliver, const struct report *head, const struct record *rows, size_t n)
{
	int64_t now_ms = clock_mono_ms();
	int64_t due_ms = now_ms + outbox_spread_ms(deliver->outbox, deliver->config.spread_ms);

	outbox_begin(deliver->outbox, head, rows, n, head->is_final ? now_ms : due_ms);
	while (outbox_seal_next(deliver->outbox)) {
		if (deliver->config.is_patient)
			send_patiently(deliver);
		else
			(void)step(deliver, clock_mono_ms());
	}
}

uint64_t deliver_names_left_out(const struct deliver *deliver)
{
	return outbox_names_left_out(deliver->outbox);
}

uint64_t deliver_bad_acks(const struct deliver *deliver)
{
	return outbox_stats(deliver->outbox)->bad_acks;
}

uint64_t deliver_evicted_bytes(const struct deliver *deliver)
{
	return outbox_evicted_bytes(deliver->outbox);
}

bool deliver_owns(const struct deliver *deliver, const struct packet *packet)
{
	return sender_owns(deliver->config.sender, packet) ||
	       resolver_owns(deliver->config.resolver, packet);
}
