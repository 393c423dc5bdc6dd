/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle.h"

#include "clock.h"
#include "cycle_file.h"
#include "health.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISPATCH_MAX      4096  /* packets between two looks at the clock */
#define DRAIN_MAX         65536 /* packets at an interval's end: more than the kernel's ring holds */
#define SOCKETS_EVERY_MS  5000
#define HEALTH_EVERY_MS   10                      /* who asks without end costs the pod little */
#define SETTLE_MS         (2 * CAPTURE_RETIRE_MS) /* by then the kernel has handed over what it had */
#define SETTLE_MAX_MS     1200
#define PACKET_AGE_MAX_US 10000000
#define LATE_SHARE        100 /* of an interval: a timer is late by less, which is not told */

struct cycle {
	struct capture *file;  /* NULL: live */
	struct source *source; /* NULL: a file */
	struct meter *meter;
	struct deliver *deliver; /* the meter's; NULL with --print */
	int64_t interval_ms;

	/* The open interval, and what else only the live story needs. */
	int64_t start_ms;  /* Unix time */
	int64_t begin_ms;  /* as a report's */
	int64_t opened_us; /* when it began, monotonic */
	int64_t end_us;    /* when it ends, monotonic */

	int64_t mono_ahead_us; /* of the wall clock, at this dispatch */
	int64_t now_us;        /* of this dispatch, monotonic */
	int64_t sockets_due_ms;

	int health_fd;         /* -1: none */
	int64_t health_due_ms; /* not looked at before */
};

int cycle_new(const struct meter_config *config, const struct cycle_parts *parts,
	struct cycle **ret, char err[static ERR_LEN])
{
	struct cycle *cycle = calloc(1, sizeof(*cycle));
	int r;

	if (!cycle) {
		snprintf(err, ERR_LEN, "cycle: out of memory");
		return -ENOMEM;
	}
	cycle->source = parts->meter.source;
	cycle->file = parts->file;
	cycle->interval_ms = config->interval_ms;
	cycle->health_fd = parts->health_fd;
	r = meter_new(config, &parts->meter, &cycle->meter, err);
	if (r < 0) {
		cycle_free(cycle);
		return r;
	}
	cycle->deliver = meter_deliver(cycle->meter);
	*ret = cycle;
	return 0;
}

void cycle_free(struct cycle *cycle)
{
	if (!cycle)
		return;
	meter_free(cycle->meter);
	free(cycle);
}

/*
 * Intervals lie on the wall clock's grid but end by the monotonic one. The timer may fire a little
 * before the grid's line, since the wall clock is slewed (at most 500 ppm, adjtimex(2)). An
 * interval begins where the one before it ended: what came while that was sealed belongs to this
 * one. The first one begins between two lines, as does the one after the wall clock was set.
 */
static void open_interval(struct cycle *cycle, int64_t opened_us)
{
	int64_t length = cycle->interval_ms;
	int64_t wall_us = clock_read_us(CLOCK_REALTIME);
	int64_t mono_us = clock_read_us(CLOCK_MONOTONIC);
	int64_t early_ms = length / 1000 + 1;
	int64_t line_ms = (wall_us / 1000 + early_ms) / length * length;
	int64_t late_ms = (wall_us - (mono_us - opened_us)) / 1000 - line_ms;

	cycle->opened_us = opened_us;
	cycle->start_ms = meter_line_ms(cycle->meter, line_ms);
	cycle->begin_ms = late_ms > length / LATE_SHARE ? late_ms : 0;
	cycle->end_us = mono_us + (line_ms + length) * 1000 - wall_us;
}

static void on_live_frame(void *ctx, enum packet_link link, const struct capture_frame *frame)
{
	struct cycle *cycle = ctx;
	int64_t time_us = frame->time_us + cycle->mono_ahead_us;

	/* The wall clock was set between the packet and now. */
	if (time_us > cycle->now_us || time_us < cycle->now_us - PACKET_AGE_MAX_US)
		time_us = cycle->now_us;
	meter_add(cycle->meter, link, frame, time_us);
}

static int dispatch_live(struct cycle *cycle, char err[static ERR_LEN])
{
	cycle->now_us = clock_read_us(CLOCK_MONOTONIC);
	cycle->mono_ahead_us = cycle->now_us - clock_read_us(CLOCK_REALTIME);
	return source_dispatch(cycle->source, DISPATCH_MAX, on_live_frame, cycle, err);
}

/* A timer that is late takes no interval into the next one. */
static int64_t begin_before_line(const struct cycle *cycle, int64_t length_ms)
{
	int64_t latest_ms = cycle->interval_ms - length_ms;

	if (cycle->begin_ms <= latest_ms)
		return cycle->begin_ms;
	return latest_ms > 0 ? latest_ms : 0;
}

/* Returns when it ended. */
static int64_t close_live(struct cycle *cycle, bool is_final)
{
	struct meter_interval interval = {
		.start_ms = cycle->start_ms,
		.now_us = clock_read_us(CLOCK_MONOTONIC),
		.is_final = is_final,
	};

	interval.length_ms = (interval.now_us - cycle->opened_us + 500) / 1000;
	interval.begin_ms = begin_before_line(cycle, interval.length_ms);
	meter_close_interval(cycle->meter, &interval);
	return interval.now_us;
}

/* Packets that came before the line belong to the interval that ends there. */
static int end_interval(struct cycle *cycle, char err[static ERR_LEN])
{
	int r = 1;

	for (int n = 0; r > 0 && n < DRAIN_MAX; n += r)
		r = dispatch_live(cycle, err);
	open_interval(cycle, close_live(cycle, false));
	return r;
}

/* Returns when to call again. */
static int64_t open_source(struct cycle *cycle, int64_t now_ms)
{
	struct source_opening opening;
	int64_t due_ms = source_step(cycle->source, now_ms);

	if (source_take_opening(cycle->source, &opening)) {
		meter_take_opening(cycle->meter, &opening);
		log_info("capture opened", "interface=\"%s\"", source_interface(cycle->source));
	}
	return due_ms;
}

/* Returns when the loop must wake up, whatever the capture does. */
static int64_t do_chores(struct cycle *cycle, int64_t now_ms)
{
	int64_t due_ms = cycle->end_us / 1000 + 1;
	int64_t source_due_ms = open_source(cycle, now_ms);

	if (source_due_ms < due_ms)
		due_ms = source_due_ms;
	if (now_ms >= cycle->sockets_due_ms) {
		meter_refresh_sockets(cycle->meter);
		cycle->sockets_due_ms = now_ms + SOCKETS_EVERY_MS;
	}
	if (cycle->sockets_due_ms < due_ms)
		due_ms = cycle->sockets_due_ms;
	if (cycle->health_due_ms > now_ms && cycle->health_due_ms < due_ms)
		due_ms = cycle->health_due_ms;
	if (cycle->deliver) {
		int64_t deliver_ms = deliver_step(cycle->deliver, now_ms);

		due_ms = deliver_ms < due_ms ? deliver_ms : due_ms;
	}
	return due_ms;
}

static void answer_health(struct cycle *cycle, int64_t now_ms)
{
	const struct totals *totals = meter_totals(cycle->meter);
	const char *trouble = source_trouble(cycle->source);
	char line[HEALTH_LINE_LEN];

	if (trouble)
		snprintf(line, sizeof(line), HEALTH_WAITS "%.200s", trouble);
	else
		snprintf(line, sizeof(line),
			"ok interface=%s captured_bytes=%" PRIu64 " captured_packets=%" PRIu64
			" interval_age_ms=%" PRId64,
			source_interface(cycle->source), totals->captured_bytes,
			totals->captured_packets, now_ms - cycle->opened_us / 1000);
	(void)health_answer(cycle->health_fd, line);
	cycle->health_due_ms = now_ms + HEALTH_EVERY_MS;
}

/* Between the look at *stop and the wait no signal may come in, or it would be seen a timer later.
 */
static void wait_live(struct cycle *cycle, int64_t wait_ms, const volatile sig_atomic_t *stop)
{
	int64_t now_ms = clock_mono_ms();
	bool is_health_due = now_ms >= cycle->health_due_ms;
	struct pollfd fds[2 + DELIVER_FDS];
	int deliver[DELIVER_FDS] = {-1, -1};
	struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
	sigset_t all, before;
	int n = 0;

	if (cycle->deliver)
		deliver_fds(cycle->deliver, deliver);
	fds[0] = (struct pollfd){.fd = is_health_due ? cycle->health_fd : -1, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = source_fd(cycle->source), .events = POLLIN};
	for (size_t i = 0; i < DELIVER_FDS; i++)
		fds[2 + i] = (struct pollfd){.fd = deliver[i], .events = POLLIN};
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	if (!*stop)
		n = ppoll(fds, sizeof(fds) / sizeof(fds[0]), &wait, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (n > 0 && fds[0].revents & POLLIN)
		answer_health(cycle, clock_mono_ms());
}

/* The kernel hands a block over when it is full or CAPTURE_RETIRE_MS old. */
static int settle(struct cycle *cycle, char err[static ERR_LEN])
{
	int64_t begun_ms = clock_mono_ms();

	for (;;) {
		struct pollfd fd = {.fd = source_fd(cycle->source), .events = POLLIN};
		int r = dispatch_live(cycle, err);
		int64_t spent_ms = clock_mono_ms() - begun_ms;

		if (r < 0 || fd.fd < 0)
			return r;
		if (spent_ms >= (r > 0 ? SETTLE_MAX_MS : SETTLE_MS))
			return 0;
		if (r == 0)
			(void)poll(&fd, 1, SETTLE_MS / 4);
	}
}

static int run_live(
	struct cycle *cycle, const volatile sig_atomic_t *stop, char err[static ERR_LEN])
{
	int r = 0;

	open_interval(cycle, clock_read_us(CLOCK_MONOTONIC));
	while (!*stop && r >= 0) {
		int64_t now_ms, due_ms;
		bool is_busy;

		if (clock_read_us(CLOCK_MONOTONIC) >= cycle->end_us) {
			r = end_interval(cycle, err);
			continue;
		}
		due_ms = do_chores(cycle, clock_mono_ms());
		now_ms = clock_mono_ms();
		is_busy = r >= DISPATCH_MAX || due_ms <= now_ms;
		wait_live(cycle, is_busy ? 0 : due_ms - now_ms, stop);
		r = dispatch_live(cycle, err);
	}
	if (r >= 0)
		r = settle(cycle, err);
	(void)close_live(cycle, true);
	return r < 0 ? r : 0;
}

int cycle_run(struct cycle *cycle, const volatile sig_atomic_t *stop, char err[static ERR_LEN])
{
	char end_err[ERR_LEN];
	int r = cycle->file
			? cycle_file_run(cycle->meter, cycle->file, cycle->interval_ms, stop, err)
			: run_live(cycle, stop, err);

	if (r == 0)
		return meter_end(cycle->meter, err);
	(void)meter_end(cycle->meter, end_err); /* the first error is the one to tell */
	return r;
}
