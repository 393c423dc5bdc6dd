/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --live: who talks to whom, now. On a terminal a table that is drawn anew; elsewhere plain rows,
 * an interval after the other. What an interval's rows are is what its batch committed.
 */
#pragma once

#include "live_text.h"

#include <stdio.h>

#define LIVE_ROWS_MAX 8192

struct live;
struct live *live_new(FILE *out);
void live_free(struct live *live);

/* Copies; the strings are printable already. What is beyond LIVE_ROWS_MAX is counted, not shown. */
void live_add(struct live *live, const struct live_row *row);

/* At each beat. now_ms: Unix time. On a terminal what live_free restores is changed here first. */
void live_draw(struct live *live, int64_t now_ms);
