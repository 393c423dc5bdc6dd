/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_dead.h"

#include "spool_room.h"
#include "spool_rows.h"
#include "spool_setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_BYTES (256 * 1024) /* in a transaction, and one more */

static int copy(struct spool_db *db, struct spool_dead *ret)
{
	struct spool_dead dead = {.id = spool_db_number(db, SPOOL_NEXT_DEAD, 0),
		.lines = (uint32_t)spool_db_number(db, SPOOL_NEXT_DEAD, 1),
		.status = (int)spool_db_number(db, SPOOL_NEXT_DEAD, 3)};
	const void *data = spool_db_data(db, SPOOL_NEXT_DEAD, 4, &dead.len);
	const void *reason;
	size_t reason_len;

	dead.data = data ? malloc(dead.len) : NULL;
	if (!dead.data)
		return -ENOMEM;
	memcpy(dead.data, data, dead.len);
	reason = spool_db_data(db, SPOOL_NEXT_DEAD, 5, &reason_len);
	if (reason_len >= sizeof(dead.reason))
		reason_len = sizeof(dead.reason) - 1;
	if (reason)
		memcpy(dead.reason, reason, reason_len);
	*ret = dead;
	return 1;
}

int spool_dead_next(struct spool_db *db, int64_t after, struct spool_dead *ret)
{
	int r;

	spool_db_bind(db, SPOOL_NEXT_DEAD, 1, after);
	r = spool_db_step(db, SPOOL_NEXT_DEAD);
	if (r <= 0)
		return r;
	r = copy(db, ret);
	spool_db_end(db, SPOOL_NEXT_DEAD);
	return r;
}

int spool_dead_last_id(struct spool_db *db, int64_t *ret)
{
	int r = spool_db_step(db, SPOOL_LAST_DEAD);

	*ret = -1;
	if (r <= 0)
		return r;
	*ret = spool_db_number(db, SPOOL_LAST_DEAD, 0);
	spool_db_end(db, SPOOL_LAST_DEAD);
	return 0;
}

/* Within a transaction. */
static int renew(struct spool_db *db, struct spool_account *account, struct spool_totals *after)
{
	int r = spool_setup_renew_dead(db);

	spool_account_totals(account, after);
	after->dead = (struct spool_sums){0};
	return r == 0 ? spool_rows_put_totals(db, false, after) : r;
}

int spool_dead_put_aside(
	struct spool_db *db, struct spool_account *account, char err[static ERR_LEN])
{
	struct spool_totals after = {{0}, {0}};
	uint64_t n_before = 0;
	int r = spool_rows_check(db, SPOOL_CHECK_DEAD);

	if (r != -EBADMSG)
		return 0;
	r = spool_db_count(db, SPOOL_COUNT_DAMAGED_DEAD, &n_before);
	if (r < 0 || n_before > 0)
		return r;
	r = spool_db_run(db, SPOOL_BEGIN);
	if (r == 0)
		r = renew(db, account, &after);
	r = spool_rows_finish(db, r, account, &after, "put the damaged dead letters aside", err);
	if (r < 0)
		return r;
	spool_account_dead_damaged(account);
	return 1;
}

/* Within a transaction. */
static int move(struct spool_db *db, struct spool_account *account, const struct spool_sums *sums,
	int64_t now_ms, struct spool_totals *after)
{
	int r;

	spool_db_bind(db, SPOOL_RAISE_DEAD, 1, now_ms);
	spool_db_bind(db, SPOOL_RAISE_DEAD, 2, sums->last_id);
	r = spool_db_run(db, SPOOL_RAISE_DEAD);
	if (r == 0)
		r = spool_rows_evict(db, SPOOL_EVICT_DEAD, -1, sums->last_id);
	spool_account_totals(account, after);
	spool_sums_sub(&after->dead, sums);
	spool_sums_add(&after->bodies, sums);
	return r == 0 ? spool_rows_put_totals(db, false, after) : r;
}

/* For a moment there are two of each. */
static int make_room(struct spool_db *db, const struct spool_sums *sums, uint64_t quota_bytes)
{
	uint64_t pages = sums->n + spool_rows_pages(sums->data_bytes);
	uint64_t used;
	int r = spool_rows_used_bytes(db, &used);

	if (r == 0 && used + pages * SPOOL_DB_PAGE_BYTES > quota_bytes)
		r = -ENOSPC;
	return r == 0 ? spool_room_reserve(db, pages) : r;
}

int spool_dead_replay(struct spool_db *db, struct spool_account *account, uint64_t quota_bytes,
	int64_t up_to, int64_t now_ms, int64_t *ret_last_id, char err[static ERR_LEN])
{
	struct spool_sums sums = {0};
	struct spool_totals after = {{0}, {0}};
	int r = spool_rows_sum(db, SPOOL_LIST_DEAD_TO, up_to, REPLAY_BYTES, &sums);

	if (r == 0 && sums.n == 0)
		return 0;
	if (r == 0)
		r = make_room(db, &sums, quota_bytes);
	if (r == -ENOSPC) {
		snprintf(err, ERR_LEN, "replay: the spool has no room for them now");
		return r;
	}
	if (r == 0)
		r = spool_db_run(db, SPOOL_BEGIN);
	if (r == 0)
		r = move(db, account, &sums, now_ms, &after);
	r = spool_rows_finish(db, r, account, &after, "replay", err);
	if (r < 0)
		return r;
	*ret_last_id = spool_db_last_id(db);
	spool_account_replayed(account, &sums);
	return sums.last_id < up_to;
}
