/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to open again what did not open, or was lost: after 1 s, then 2, 4 and 5; and which of the
 * failures are news. What is lost soon after it was opened does not begin anew. Pure: monotonic ms.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define REOPEN_FIRST_MS 1000
#define REOPEN_MAX_MS                                                                              \
	5000 /* what passes meanwhile is not counted, and a try costs next to nothing */
#define REOPEN_STEADY_MS 30000 /* open for so long: it was no fluke */

struct reopen {
	bool is_open;
	int64_t opened_ms;
	int64_t due_ms;       /* while closed */
	int64_t pause_ms;     /* after the next failure */
	char reason[ERR_LEN]; /* while closed: why; "" before the first try */
};

/* Closed, and due now. */
void reopen_init(struct reopen *reopen, int64_t now_ms);

/* When to try; INT64_MAX while open. */
int64_t reopen_due_ms(const struct reopen *reopen);

/* It opened. */
void reopen_succeed(struct reopen *reopen, int64_t now_ms);

/* It did not open, or was lost, for a reason that is copied. True: not the last one again. */
bool reopen_fail(struct reopen *reopen, const char *reason, int64_t now_ms);
