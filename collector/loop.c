/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An epoll event carries the descriptor and the generation of its watch: unwatching raises the
 * generation, so that an event that was collected for a closed descriptor is not given to the one
 * that took its number.
 */
#include "loop.h"

#include "clock.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64
#define WATCHES_FIRST   32

struct watch {
	loop_fn *fn; /* NULL: not watched */
	void *ctx;
	uint32_t events;
	uint32_t generation;
};

struct loop {
	int epoll_fd;
	int signal_fd;
	struct watch *watches; /* by descriptor */
	size_t n_watches;
	struct loop_timer *timers; /* by time; those of equal time as they were set */
	sigset_t signals;
	loop_signal_fn *signal_fn;
	void *signal_ctx;
	bool is_stopped;
};

int loop_new(struct loop **ret, char err[static ERR_LEN])
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop) {
		snprintf(err, ERR_LEN, "event loop: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	loop->signal_fd = -1;
	sigemptyset(&loop->signals);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int r = -errno;

		snprintf(err, ERR_LEN, "event loop: epoll_create1: %s", strerror(-r));
		free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

/* The signals stay blocked: one that comes during the shutdown must not cut it short. */
void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	close(loop->epoll_fd);
	free(loop->watches);
	free(loop);
}

static struct watch *watch_of(struct loop *loop, int fd)
{
	if (fd < 0 || (size_t)fd >= loop->n_watches)
		return NULL;
	return &loop->watches[fd];
}

/* No descriptor is at or above RLIMIT_NOFILE, hence neither is the table. */
static int table_grow(struct loop *loop, int fd)
{
	size_t n = loop->n_watches ? loop->n_watches : WATCHES_FIRST;
	struct rlimit limit;
	struct watch *more;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd >= limit.rlim_cur)
		return -EBADF;
	while (n <= (size_t)fd)
		n *= 2;
	more = reallocarray(loop->watches, n, sizeof(*more));
	if (!more)
		return -ENOMEM;
	memset(more + loop->n_watches, 0, (n - loop->n_watches) * sizeof(*more));
	loop->watches = more;
	loop->n_watches = n;
	return 0;
}

int loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *ctx)
{
	struct epoll_event event = {.events = events};
	struct watch *watch;
	int r;

	if (fd < 0)
		return -EBADF;
	if (!watch_of(loop, fd)) {
		r = table_grow(loop, fd);
		if (r < 0)
			return r;
	}
	watch = watch_of(loop, fd);
	event.data.u64 = (uint64_t)watch->generation << 32 | (uint32_t)fd;
	r = epoll_ctl(loop->epoll_fd, watch->fn ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	/* Closed without loop_unwatch and opened again: the kernel forgot the watch, the table did
	 * not. */
	if (r < 0 && errno == ENOENT)
		r = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	if (r < 0)
		return -errno;
	watch->fn = fn;
	watch->ctx = ctx;
	watch->events = events;
	return 0;
}

void loop_unwatch(struct loop *loop, int fd)
{
	struct watch *watch = watch_of(loop, fd);

	if (!watch || !watch->fn)
		return;
	/* Fails where the descriptor was closed before: then there is nothing to remove. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	watch->fn = NULL;
	watch->generation++;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_ms)
{
	struct loop_timer **at = &loop->timers;

	assert(timer->fn);
	loop_timer_cancel(loop, timer);
	while (*at && (*at)->at_ms <= at_ms)
		at = &(*at)->next;
	timer->at_ms = at_ms;
	timer->is_set = true;
	timer->next = *at;
	*at = timer;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **at = &loop->timers;

	if (!timer->is_set)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	timer->next = NULL;
	timer->is_set = false;
}

static void signal_ready(void *ctx, uint32_t events)
{
	struct loop *loop = ctx;
	struct signalfd_siginfo info;

	(void)events;
	if (read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->signal_fn(loop->signal_ctx, (int)info.ssi_signo);
}

int loop_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *ctx)
{
	int fd, r;

	for (; *signals; signals++)
		sigaddset(&loop->signals, *signals);
	r = pthread_sigmask(SIG_BLOCK, &loop->signals, NULL);
	if (r)
		return -r;
	fd = signalfd(loop->signal_fd, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	loop->signal_fd = fd;
	loop->signal_fn = fn;
	loop->signal_ctx = ctx;
	return loop_watch(loop, fd, EPOLLIN, signal_ready, loop);
}

static int wait_ms(const struct loop *loop)
{
	int64_t left;

	if (!loop->timers)
		return -1;
	left = loop->timers->at_ms - clock_mono_ms();
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static void event_deliver(struct loop *loop, const struct epoll_event *event)
{
	struct watch *watch = watch_of(loop, (int)(uint32_t)event->data.u64);
	uint32_t events;

	if (!watch || !watch->fn || watch->generation != (uint32_t)(event->data.u64 >> 32))
		return;
	/* The watch may have been changed since the event was collected. */
	events = event->events & (watch->events | EPOLLERR | EPOLLHUP);
	if (events)
		watch->fn(watch->ctx, events);
}

/* As many as were due at first: a timer that sets itself to now does not starve the descriptors. */
static void timers_fire(struct loop *loop)
{
	int64_t now_ms = clock_mono_ms();
	size_t n_due = 0;

	for (struct loop_timer *t = loop->timers; t && t->at_ms <= now_ms; t = t->next)
		n_due++;
	for (; n_due && loop->timers && loop->timers->at_ms <= now_ms; n_due--) {
		struct loop_timer *timer = loop->timers;

		if (loop->is_stopped)
			return;
		loop_timer_cancel(loop, timer);
		timer->fn(timer->ctx, now_ms);
	}
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS_PER_TURN];

	while (!loop->is_stopped) {
		int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, wait_ms(loop));

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && !loop->is_stopped; i++)
			event_deliver(loop, &events[i]);
		timers_fire(loop);
	}
	loop->is_stopped = false;
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}
