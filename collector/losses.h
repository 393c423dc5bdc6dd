/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says in the log where something begins to be lost or refused: a warning where a counter begins to
 * rise (rising.h), with what it has come to and how we cope.
 */
#pragma once

#include "rising.h"
#include "stats.h"

#define LOSSES_MAX 16

struct losses {
	struct rising risings[LOSSES_MAX];
};

/* What is counted by now is no news: the spool and the ledger remember theirs. */
void losses_init(struct losses *losses, const struct stats *stats);
void losses_look(struct losses *losses, const struct stats *stats, int64_t now_ms);
