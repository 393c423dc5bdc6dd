/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consistent copy of the spool, page by page, while it is being written to: what changes after a
 * page was copied is copied again by sqlite, since the same connection writes it.
 */
#pragma once

#include "err.h"
#include "spool_db.h"

struct spool_backup;

/* A new file at this path; one that exists is refused. */
int spool_backup_begin(
	struct spool_db *db, const char *path, struct spool_backup **ret, char err[static ERR_LEN]);
/* A file in the folder of this one, without a name: gone with its last descriptor, whoever is
 * killed. */
int spool_backup_begin_unnamed(struct spool_db *db, const char *beside, struct spool_backup **ret,
	char err[static ERR_LEN]);

/* Some pages more. 1: and there are more; 0: it is whole, and on the disk; -errno. */
int spool_backup_step(struct spool_backup *backup, char err[static ERR_LEN]);
uint64_t spool_backup_bytes(const struct spool_backup *backup);
/* Of one that is whole and unnamed: gives its descriptor (close), once. Else -1. */
int spool_backup_file(struct spool_backup *backup);

/* Before its db is closed. What is not whole is deleted. */
void spool_backup_end(struct spool_backup *backup);
