/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of spool_db share, and nobody else sees: sqlite itself. */
#pragma once

#include "spool_statements.h"

#include <sqlite3.h>
#include <stdint.h>

struct spool_db {
	sqlite3 *sqlite;
	sqlite3_stmt *statements[SPOOL_N_STATEMENTS];
	uint64_t max_bytes;  /* of the file */
	uint64_t room_bytes; /* as long it is at least; 0: as long as its pages (spool_room) */
};

/* The -errno of the connection's last failure. */
int spool_sqlite_errno(sqlite3 *sqlite);
/* All statements, of a file that has its schema. 0 or -errno. */
int spool_sqlite_prepare(struct spool_db *db);
