/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the spool's file: whose it is, its settings, its schema. */
#pragma once

#include "err.h"
#include "spool_db.h"

#define SPOOL_SETUP_APPLICATION_ID 0x6e737470 /* "nstp" */

/* In the table of totals: nothing was counted yet, since an older version wrote the file. */
#define SPOOL_SETUP_UNCOUNTED (-1)

struct spool_setup {
	const char *path;
	uint64_t max_bytes; /* where sqlite ends the file */
};

/*
 * Creates what is not there, migrates what is older. -EBADMSG: damaged, or not ours; -EBUSY:
 * another has it; other -errno.
 */
int spool_setup_open(
	const struct spool_setup *setup, struct spool_db **ret, char err[static ERR_LEN]);

/* Within a transaction: the dead letters are "dead_damaged" from now on, no page of theirs is
 * touched, and new ones are begun. 0 or -errno. */
int spool_setup_renew_dead(struct spool_db *db);
