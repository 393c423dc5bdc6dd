/* SPDX-License-Identifier: Apache-2.0 */
/* A batch enters the spool: the one transaction of spool_commit (spool.h). */
#pragma once

#include "err.h"
#include "spool_account.h"
#include "spool_db.h"
#include "spool_terms.h"

/* quota_bytes: of the file's pages in use; where there would be more, the oldest bodies go before,
 * but for the one of this id. 0 or -errno. */
int spool_commit_run(struct spool_db *db, struct spool_account *account, uint64_t quota_bytes,
	int64_t but, const struct spool_batch *batch, char err[static ERR_LEN]);
