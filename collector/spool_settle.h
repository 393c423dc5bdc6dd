/* SPDX-License-Identifier: Apache-2.0 */
/* A body leaves the spool: the one transaction of spool_settle (spool.h). */
#pragma once

#include "err.h"
#include "spool_account.h"
#include "spool_db.h"
#include "spool_terms.h"

/* dead_max_bytes: of all dead letters' data; where there would be more, the oldest go. */
int spool_settle_run(struct spool_db *db, struct spool_account *account, uint64_t dead_max_bytes,
	int64_t id, const struct spool_outcome *outcome, char err[static ERR_LEN]);
