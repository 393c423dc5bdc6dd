/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the spool's tables, and what they sum up to. Each returns 0 or -errno. */
#pragma once

#include "spool_account.h"
#include "spool_db.h"
#include "spool_terms.h"

/* The oldest of a list, but for one, until there are at least data_bytes or no more. */
int spool_rows_sum(struct spool_db *db, enum spool_statement list, int64_t but, uint64_t data_bytes,
	struct spool_sums *ret);
/* Up to an id, but for one. */
int spool_rows_evict(struct spool_db *db, enum spool_statement which, int64_t but, int64_t up_to);

/* By one of sqlite's checks. -EBADMSG: it found damage. */
int spool_rows_check(struct spool_db *db, enum spool_statement check);

/* Of the file: pages that are not free. */
int spool_rows_used_bytes(struct spool_db *db, uint64_t *ret);

/* Pages that a new row with these data takes at most: a leaf of its own, and what does not fit
 * there. */
uint64_t spool_rows_pages(uint64_t data_len);

/* By SPOOL_NEXT_BODY or SPOOL_NEWEST_BODY. 1: given, ret->data freed with free(3); 0: none. */
int spool_rows_body(
	struct spool_db *db, enum spool_statement which, int64_t after_id, struct spool_body *ret);

/* Of this id, which no row has; 0: above all that there were. */
int spool_rows_add(
	struct spool_db *db, int64_t id, const struct spool_body *body, int64_t since_ms);
int spool_rows_delete(struct spool_db *db, int64_t id);
/* n is 0 where there is no such body. */
int spool_rows_size(struct spool_db *db, int64_t id, struct spool_sums *ret);

/* n of the bodies is UINT64_MAX: not counted yet. */
int spool_rows_get_totals(struct spool_db *db, bool *ret_is_clean, struct spool_totals *ret);
int spool_rows_put_totals(struct spool_db *db, bool is_clean, const struct spool_totals *totals);

/*
 * Ends a transaction that is well so far, r being 0, else rolls it back and says what failed.
 * after: the totals that were put within it, while the account is still as before. sqlite may say
 * that it has no memory when the transaction is in the WAL already: a failure is believed where the
 * totals are not there. 0 or -errno.
 */
int spool_rows_finish(struct spool_db *db, int r, const struct spool_account *account,
	const struct spool_totals *after, const char *what, char err[static ERR_LEN]);
