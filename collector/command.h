/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator asks of the spool, in steps that are short enough to stand between two commits.
 * The same steps run on the collector's worker, and in a program of their own where no collector
 * runs.
 */
#pragma once

#include "err.h"
#include "spool.h"
#include "strbuf.h"

struct command;
/* "backup /path", "backup -", "dead-letters", "replay". NULL: err says what it is not, or no
 * memory. Keeps the spool. */
struct command *command_new(const char *request, struct spool *spool, char err[static ERR_LEN]);
void command_free(struct command *command);

/*
 * On the spool's thread. 1: there is more to do; 0: done; -errno. What it has to say meanwhile is
 * in command_text, and at the end a line in command_result.
 */
int command_step(struct command *command, char err[static ERR_LEN]);
/* Instead of a further step, where there would be one: leaves nothing half done. */
void command_cancel(struct command *command);

/* Lines that went from the dead letters back into the spool, so far. */
uint64_t command_replayed(const struct command *command);

struct strbuf *command_text(struct command *command);
const char *command_result(const struct command *command);
/* The copy that "backup -" has made, once it is done: borrowed, at its beginning. Else -1. */
int command_file(const struct command *command);
