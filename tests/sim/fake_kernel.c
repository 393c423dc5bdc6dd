/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the product asks its kernel and its C library for, answered by the world: the linker's
 * --wrap puts these in place of clock_gettime(2), getrandom(2) and poll(2). And its log, which
 * becomes the chronicle.
 */
#include "kernel.h"

#include "log.h"
#include "world.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The names are the linker's. */
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

static uint8_t last_random[KERNEL_RANDOM_LEN];

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
	int64_t ms = id == CLOCK_REALTIME ? (int64_t)world_wall_ms() : world_now_ms();

	ret->tv_sec = ms / 1000;
	ret->tv_nsec = ms % 1000 * 1000000;
	return 0;
}

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
	uint8_t *at = buf;

	(void)flags;
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(world_random() >> 24);
	if (len == sizeof(last_random))
		memcpy(last_random, buf, len);
	return (ssize_t)len;
}

const uint8_t *kernel_last_random(void)
{
	return last_random;
}

/* Whoever waits lets the world go on. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = 0;
	world_run(world_now_ms() + timeout_ms);
	return 0;
}

__attribute__((format(printf, 2, 0))) static void chronicle(
	const char *msg, const char *fmt, va_list args)
{
	char fields[160];

	if (!world_is_traced())
		return;
	vsnprintf(fields, sizeof(fields), fmt, args);
	world_trace("    log: %s %s", msg, fields);
}

#define LOG_FN(name)                                                                               \
	void name(const char *msg, const char *fmt, ...)                                           \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, fmt);                                                               \
		chronicle(msg, fmt, args);                                                         \
		va_end(args);                                                                      \
	}

LOG_FN(log_error)
LOG_FN(log_warn)
LOG_FN(log_info)
LOG_FN(log_debug)
