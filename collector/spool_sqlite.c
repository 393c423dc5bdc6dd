/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_sqlite.h"

#include <errno.h>
#include <stddef.h>

int spool_sqlite_errno(sqlite3 *sqlite)
{
	switch (sqlite3_errcode(sqlite) & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

int spool_sqlite_prepare(struct spool_db *db)
{
	int i;

	for (i = 0; i < SPOOL_N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(db->sqlite, spool_statements[i], -1,
			    SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL) != SQLITE_OK)
			return spool_sqlite_errno(db->sqlite);
	return 0;
}
