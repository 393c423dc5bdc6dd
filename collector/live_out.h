/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a terminal, a pipe or a file that may not take it now: a terminal that was stopped
 * (Ctrl-S) or a reader that sleeps must not hold up the collector. What is not taken waits, one
 * piece at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct live_out;

/* Borrows fd for the call. NULL: no memory or no descriptor. */
struct live_out *live_out_new(int fd);
/* Gives what still waits one last try. */
void live_out_free(struct live_out *out);

/* Writes what waits, as far as it is taken. True: nothing waits. */
bool live_out_push(struct live_out *out);

/* A stream to write the next piece to, once nothing waits; NULL: no memory. */
FILE *live_out_begin(struct live_out *out);
void live_out_end(struct live_out *out);
