/* SPDX-License-Identifier: Apache-2.0 */
/* One seed, one schedule: a world is made, goes wrong, heals, drains, and is audited. */
#pragma once

#include "oracle.h"

#include <stdbool.h>
#include <stdint.h>

struct schedule_result {
	struct oracle_sums sums;
	bool is_calm; /* nothing went wrong, and each pod had one probe */
	uint64_t points;
	uint64_t points_shifted; /* k is not 0 */
	uint64_t crashes;
	uint64_t forgotten; /* boots */
	uint64_t refused;   /* datagrams */
	uint64_t folded;    /* records */
	uint64_t boots;
	uint64_t datagrams;
	uint64_t sequences; /* of these: not sent before */
};

/* False: world_failure() says why; the trace is there where it was asked for. */
bool schedule_run(uint64_t seed, bool is_traced, struct schedule_result *ret);
/* Frees what is kept between schedules. */
void schedule_done(void);
