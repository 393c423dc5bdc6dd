/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_db.h"

#include "spool_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int spool_db_fail(struct spool_db *db, const char *what, char err[static ERR_LEN])
{
	snprintf(err, ERR_LEN, "%s: %s", what, sqlite3_errmsg(db->sqlite));
	return spool_sqlite_errno(db->sqlite);
}

bool spool_db_is_in_transaction(struct spool_db *db)
{
	return !sqlite3_get_autocommit(db->sqlite);
}

void spool_db_bind(struct spool_db *db, enum spool_statement which, int at, int64_t value)
{
	sqlite3_bind_int64(db->statements[which], at, value);
}

void spool_db_bind_data(
	struct spool_db *db, enum spool_statement which, int at, const void *data, size_t len)
{
	sqlite3_bind_blob64(db->statements[which], at, data, len, SQLITE_STATIC);
}

void spool_db_bind_text(
	struct spool_db *db, enum spool_statement which, int at, const char *text, size_t len)
{
	sqlite3_bind_text64(db->statements[which], at, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

void spool_db_end(struct spool_db *db, enum spool_statement which)
{
	sqlite3_reset(db->statements[which]);
	sqlite3_clear_bindings(db->statements[which]);
}

int spool_db_step(struct spool_db *db, enum spool_statement which)
{
	int r = sqlite3_step(db->statements[which]);

	if (r == SQLITE_ROW)
		return 1;
	r = r == SQLITE_DONE ? 0 : spool_sqlite_errno(db->sqlite);
	spool_db_end(db, which);
	return r;
}

int spool_db_run(struct spool_db *db, enum spool_statement which)
{
	int r = spool_db_step(db, which);

	if (r <= 0)
		return r;
	spool_db_end(db, which);
	return 0;
}

int spool_db_count(struct spool_db *db, enum spool_statement which, uint64_t *ret)
{
	int r = spool_db_step(db, which);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = (uint64_t)spool_db_number(db, which, 0);
	spool_db_end(db, which);
	return 0;
}

int64_t spool_db_number(struct spool_db *db, enum spool_statement which, int at)
{
	return sqlite3_column_int64(db->statements[which], at);
}

/* sqlite3_column_blob first: asked in this order neither converts
 * (sqlite.org/c3ref/column_blob.html). */
const void *spool_db_data(struct spool_db *db, enum spool_statement which, int at, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(db->statements[which], at);

	*ret_len = (size_t)sqlite3_column_bytes(db->statements[which], at);
	return data;
}

int64_t spool_db_last_id(struct spool_db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

/* An error may have ended the transaction already. */
void spool_db_roll_back(struct spool_db *db)
{
	if (spool_db_is_in_transaction(db))
		spool_db_run(db, SPOOL_ROLLBACK);
}

void spool_db_close(struct spool_db *db)
{
	int i;

	if (!db)
		return;
	for (i = 0; i < SPOOL_N_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	/* Under any limit a close would leave nothing of the WAL (sqlite's wal.c: sqlite3WalClose).
	 */
	sqlite3_exec(db->sqlite, "PRAGMA journal_size_limit=-1", NULL, NULL, NULL);
	sqlite3_close(db->sqlite);
	free(db);
}

void spool_db_abandon(struct spool_db *db)
{
	if (db)
		sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	spool_db_close(db);
}
