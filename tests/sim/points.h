/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a time series database keeps: a point by (series, time); an equal one that comes later
 * overwrites it. And the reading of line protocol, which bodies on the disk and requests share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct point {
	uint64_t key;    /* of series and time; 64 bits of hash are as good as unique here */
	uint64_t series; /* a hash of it alone */
	uint64_t bytes;
	unsigned observer;
	unsigned destination;
	bool is_shifted; /* its time is not the interval's start: k is not 0 */
};

/* Steps through a body. False: at its end, or world_fail was called. */
struct points_reader {
	const char *at;
	const char *end;
};
bool points_read(struct points_reader *reader, struct point *ret);

void points_begin(void);
void points_end(void);
/* Fails the world where a point is there with another value: bytes are lost. */
void points_store(const struct point *point);
bool points_has(uint64_t key);
/* Each stored one. */
void points_each(void (*fn)(void *ctx, const struct point *point), void *ctx);
