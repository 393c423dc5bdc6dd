/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two clocks. Durations and deadlines are monotonic; wall time stands only in records.
 * Pure modules take time as an argument and do not include this.
 */
#pragma once

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t clock_mono_ms(void)
{
	return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

static inline int64_t clock_wall_ms(void)
{
	return clock_read_us(CLOCK_REALTIME) / 1000;
}
