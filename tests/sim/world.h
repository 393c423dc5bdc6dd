/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world that a schedule runs in: its time, its events in order, its chance, which is the seed's
 * alone, and its chronicle. One at a time in a process; everything else here stands on it.
 *
 * All is one thread. What "another thread" or "the network" does is an event that comes later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Where an event happens: whose clocks are read while it does. */
struct host {
	int64_t wall_ahead_ms; /* of true time: clocks step */
};

typedef void world_fn(void *ctx, uint64_t arg);

void world_begin(uint64_t seed, bool is_traced);
void world_end(void);
/* Frees what is kept between worlds. */
void world_free(void);

int64_t world_now_ms(void);
uint64_t world_wall_ms(void); /* of the host whose event this is */
const struct host *world_enter(const struct host *host);
const struct host *world_host(void); /* NULL: nobody's event */

void world_after(const struct host *host, int64_t delay_ms, world_fn *fn, void *ctx, uint64_t arg);
/* The same, with ctx from malloc(3), freed after the event or with the world. */
void world_after_with(
	const struct host *host, int64_t delay_ms, world_fn *fn, void *ctx, uint64_t arg);

/* All events up to then; also from within an event that waits. */
void world_run(int64_t until_ms);

uint64_t world_random(void);
uint64_t world_below(uint64_t n);
int64_t world_between(int64_t least, int64_t most);
bool world_chance(unsigned per_mille);

/* The first failure is what the schedule is judged by; nothing happens after it. */
void world_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool world_has_failed(void);
const char *world_failure(void);

/* Kept only where the schedule is traced: a failing one is run again for it. */
void world_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool world_is_traced(void);
/* The last of it. */
void world_print_trace(uint64_t max_lines);
