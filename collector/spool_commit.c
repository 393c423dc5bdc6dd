/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_commit.h"

#include "spool_room.h"
#include "spool_rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ENTRY_COST                                                                                 \
	16 /* of a row without a rowid, beside key and value: its cell's and its columns' heads */

/* At most: ledger entries share leaves, which are half full at worst. */
static uint64_t pages_needed(const struct spool_batch *batch)
{
	uint64_t entry_bytes = 0;
	uint64_t pages = 0;
	size_t i;

	for (i = 0; i < batch->n_bodies; i++)
		pages += spool_rows_pages(batch->bodies[i].len);
	for (i = 0; i < batch->n_entries; i++)
		entry_bytes += batch->entries[i].key_len + batch->entries[i].value_len + ENTRY_COST;
	if (entry_bytes)
		pages += 2 + 2 * entry_bytes / SPOOL_DB_PAGE_BYTES;
	return pages;
}

static int evict(struct spool_db *db, struct spool_account *account, int64_t but,
	const struct spool_sums *gone)
{
	struct spool_totals totals;
	char unused[ERR_LEN];
	int r = spool_db_run(db, SPOOL_BEGIN);

	spool_account_totals(account, &totals);
	spool_sums_sub(&totals.bodies, gone);
	if (r == 0)
		r = spool_rows_evict(db, SPOOL_EVICT_BODIES, but, gone->last_id);
	if (r == 0)
		r = spool_rows_put_totals(db, false, &totals);
	return spool_rows_finish(db, r, account, &totals, "make room", unused);
}

/* Pages in use are what counts: the ledger, the dead letters and all overhead are among them. */
static int make_room(struct spool_db *db, struct spool_account *account, uint64_t quota,
	int64_t but, uint64_t needed)
{
	uint64_t used;
	int r;

	while ((r = spool_rows_used_bytes(db, &used)) == 0 && used + needed > quota) {
		struct spool_sums gone;

		r = spool_rows_sum(db, SPOOL_LIST_BODIES, but, used + needed - quota, &gone);
		if (r < 0 || gone.n == 0)
			return r;
		r = evict(db, account, but, &gone);
		if (r < 0)
			return r;
		spool_account_evicted(account, &gone);
	}
	return r;
}

static int put_entry(struct spool_db *db, const struct ledger_entry *entry)
{
	static const struct {
		const char *table;
		enum spool_statement put;
		enum spool_statement delete;
	} tables[] = {
		{"boot", SPOOL_PUT_BOOT, SPOOL_DELETE_BOOT},
		{"observer", SPOOL_PUT_OBSERVER, SPOOL_DELETE_OBSERVER},
		{"series", SPOOL_PUT_SERIES, SPOOL_DELETE_SERIES},
	};
	enum spool_statement which;
	size_t i = 0;

	while (strcmp(tables[i].table, entry->table) != 0)
		i++;
	which = entry->value_len ? tables[i].put : tables[i].delete;
	spool_db_bind_data(db, which, 1, entry->key, entry->key_len);
	if (entry->value_len)
		spool_db_bind_data(db, which, 2, entry->value, entry->value_len);
	return spool_db_run(db, which);
}

static int write_batch(struct spool_db *db, const struct spool_batch *batch)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < batch->n_bodies; i++)
		r = spool_rows_add(db, 0, &batch->bodies[i], batch->since_ms);
	for (i = 0; r == 0 && i < batch->n_entries; i++)
		r = put_entry(db, &batch->entries[i]);
	return r;
}

static struct spool_sums sum_batch(const struct spool_batch *batch)
{
	struct spool_sums sums = {.n = batch->n_bodies};
	size_t i;

	for (i = 0; i < batch->n_bodies; i++) {
		sums.lines += batch->bodies[i].lines;
		sums.traffic_bytes += batch->bodies[i].traffic_bytes;
		sums.data_bytes += batch->bodies[i].len;
	}
	return sums;
}

static int take_room(struct spool_db *db, struct spool_account *account, uint64_t quota_bytes,
	int64_t but, uint64_t pages, char err[static ERR_LEN])
{
	int r = make_room(db, account, quota_bytes, but, pages * SPOOL_DB_PAGE_BYTES);

	if (r == 0)
		r = spool_room_reserve(db, pages);
	if (r < 0)
		snprintf(err, ERR_LEN, "make room in the spool: %s",
			r == -ENOSPC ? "the disk is full" : strerror(-r));
	return r;
}

int spool_commit_run(struct spool_db *db, struct spool_account *account, uint64_t quota_bytes,
	int64_t but, const struct spool_batch *batch, char err[static ERR_LEN])
{
	const struct spool_sums sums = sum_batch(batch);
	struct spool_totals totals;
	int r = take_room(db, account, quota_bytes, but, pages_needed(batch), err);

	if (r < 0)
		return r;
	spool_account_totals(account, &totals);
	spool_sums_add(&totals.bodies, &sums);
	r = spool_db_run(db, SPOOL_BEGIN);
	if (r == 0)
		r = write_batch(db, batch);
	if (r == 0)
		r = spool_rows_put_totals(db, false, &totals);
	r = spool_rows_finish(db, r, account, &totals, "commit to the spool", err);
	if (r == 0)
		spool_account_added(account, &sums);
	return r;
}
