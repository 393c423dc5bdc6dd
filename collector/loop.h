/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's event loop: epoll(7), timers, and signals by signalfd(2). One thread. A callback
 * may watch, unwatch (itself too) and set timers freely.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

typedef void loop_fn(void *ctx, uint32_t events);      /* EPOLLIN, EPOLLOUT, ... */
typedef void loop_timer_fn(void *ctx, int64_t now_ms); /* monotonic */
typedef void loop_signal_fn(void *ctx, int signal);

struct loop;

/* The owner's storage; all zero at first, but for fn and ctx. */
struct loop_timer {
	loop_timer_fn *fn;
	void *ctx;
	int64_t at_ms; /* set by loop_timer_set */
	bool is_set;
	struct loop_timer *next;
};

int loop_new(struct loop **ret, char err[static ERR_LEN]);
void loop_free(struct loop *loop);

/* Adds, or changes events and callback of, a descriptor. 0 or -errno. The caller keeps the fd. */
int loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *ctx);
/* Before the fd is closed. Events that are already collected for it are not delivered. */
void loop_unwatch(struct loop *loop, int fd);

/* One shot; setting it again moves it. Timers are few: they stand in a list. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_ms);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* Blocks the signals of a 0-terminated list and delivers them here instead. */
int loop_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *ctx);

/* Until loop_stop. 0 or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
