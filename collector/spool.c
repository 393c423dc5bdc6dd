/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include "spool_db.h"
#include "spool_rows.h"
#include "spool_settle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_BYTES     (1024 * 1024)
#define WAL_BYTES_MAX (4 * 1024 * 1024)
#define ENTRY_COST                                                                                 \
	16 /* of a row without a rowid, beside key and value: its cell's and its columns' heads */

/*
 * Of max_bytes. Between the quota, from which on bodies are evicted, and the file's end there is
 * room for the ledger; the rest is for the WAL beside the file.
 */
#define QUOTA_SHARE(max) ((max) / 4 * 3)
#define FILE_SHARE(max)  ((max) / 8 * 7)
#define WAL_SHARE(max)   ((max) / 16)
#define DEAD_SHARE(max)  ((max) / 16)

struct spool {
	struct spool_db *db;
	uint64_t max_bytes;
	int64_t given; /* the last of spool_next: perhaps under way, so never evicted */
	struct spool_account *account;
};

/*
 * At most, in whole pages: a leaf of its own for each body, and what does not fit there; ledger
 * entries share leaves, which are half full at worst.
 */
static uint64_t bytes_needed(const struct spool_batch *batch)
{
	uint64_t entry_bytes = 0;
	uint64_t pages = 0;
	size_t i;

	for (i = 0; i < batch->n_bodies; i++)
		pages += 2 + batch->bodies[i].len / (SPOOL_DB_PAGE_BYTES - 4);
	for (i = 0; i < batch->n_entries; i++)
		entry_bytes += batch->entries[i].key_len + batch->entries[i].value_len + ENTRY_COST;
	if (entry_bytes)
		pages += 2 + 2 * entry_bytes / SPOOL_DB_PAGE_BYTES;
	return pages * SPOOL_DB_PAGE_BYTES;
}

/* Pages in use are what counts: the ledger, the dead letters and all overhead are among them. */
static int make_room(struct spool *spool, uint64_t needed)
{
	uint64_t quota = QUOTA_SHARE(spool->max_bytes);
	uint64_t used;
	int r;

	while ((r = spool_rows_used_bytes(spool->db, &used)) == 0 && used + needed > quota) {
		struct spool_sums gone;

		r = spool_rows_sum(
			spool->db, SPOOL_LIST_BODIES, spool->given, used + needed - quota, &gone);
		if (r < 0 || gone.n == 0)
			return r;
		r = spool_rows_evict(spool->db, SPOOL_EVICT_BODIES, spool->given, gone.last_id);
		if (r < 0)
			return r;
		spool_account_evicted(spool->account, &gone);
	}
	return r;
}

static int put_entry(struct spool *spool, const struct ledger_entry *entry)
{
	bool is_boot = strcmp(entry->table, "boot") == 0;
	enum spool_statement which = is_boot ? SPOOL_PUT_BOOT : SPOOL_PUT_OBSERVER;

	if (entry->value_len == 0)
		which = is_boot ? SPOOL_DELETE_BOOT : SPOOL_DELETE_OBSERVER;
	spool_db_bind_data(spool->db, which, 1, entry->key, entry->key_len);
	if (entry->value_len)
		spool_db_bind_data(spool->db, which, 2, entry->value, entry->value_len);
	return spool_db_run(spool->db, which);
}

static int write_batch(struct spool *spool, const struct spool_batch *batch)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < batch->n_bodies; i++)
		r = spool_rows_add(spool->db, &batch->bodies[i], batch->since_ms);
	for (i = 0; r == 0 && i < batch->n_entries; i++)
		r = put_entry(spool, &batch->entries[i]);
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

/* Without an answer the last one stays. */
static void note_oldest(struct spool *spool)
{
	int64_t since_ms = 0;
	int r = spool_db_step(spool->db, SPOOL_OLDEST_BODY);

	if (r == 1) {
		since_ms = spool_db_number(spool->db, SPOOL_OLDEST_BODY, 0);
		spool_db_end(spool->db, SPOOL_OLDEST_BODY);
	}
	if (r >= 0)
		spool_account_oldest(spool->account, since_ms);
}

static int commit(struct spool *spool, const struct spool_batch *batch, char err[static ERR_LEN])
{
	struct spool_sums sums;
	int r = make_room(spool, bytes_needed(batch));

	if (r < 0)
		return spool_db_fail(spool->db, "make room in the spool", err);
	r = spool_db_run(spool->db, SPOOL_BEGIN);
	if (r == 0)
		r = write_batch(spool, batch);
	if (r == 0)
		r = spool_db_run(spool->db, SPOOL_COMMIT);
	if (r < 0) {
		spool_db_fail(spool->db, "commit to the spool", err);
		spool_db_roll_back(spool->db);
		return r;
	}
	sums = sum_batch(batch);
	spool_account_added(spool->account, &sums);
	return 0;
}

/* Also where it fails: room was made before. */
int spool_commit(struct spool *spool, const struct spool_batch *batch, char err[static ERR_LEN])
{
	int r = commit(spool, batch, err);

	note_oldest(spool);
	return r;
}

static int copy_body(struct spool_db *db, enum spool_statement which, struct spool_body *ret)
{
	struct spool_body body = {
		.id = spool_db_number(db, which, 0),
		.lines = (uint32_t)spool_db_number(db, which, 1),
		.traffic_bytes = (uint64_t)spool_db_number(db, which, 2),
		.since_ms = spool_db_number(db, which, 3),
	};
	const void *data = spool_db_data(db, which, 4, &body.len);

	if (body.len && !data)
		return -ENOMEM;
	body.data = malloc(body.len + 1);
	if (!body.data)
		return -ENOMEM;
	if (body.len)
		memcpy(body.data, data, body.len);
	*ret = body;
	return 0;
}

static int give(struct spool *spool, enum spool_statement which, int64_t after,
	struct spool_body *ret, char err[static ERR_LEN])
{
	int r;

	spool_db_bind(spool->db, which, 1, after);
	r = spool_db_step(spool->db, which);
	if (r < 0)
		return spool_db_fail(spool->db, "read the spool", err);
	if (r == 0)
		return 0;
	r = copy_body(spool->db, which, ret);
	spool_db_end(spool->db, which);
	if (r < 0) {
		snprintf(err, ERR_LEN, "read the spool: out of memory");
		return r;
	}
	spool->given = ret->id;
	return 1;
}

int spool_next(struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN])
{
	return give(spool, SPOOL_NEXT_BODY, after, ret, err);
}

int spool_newest(
	struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN])
{
	return give(spool, SPOOL_NEWEST_BODY, after, ret, err);
}

int spool_settle(struct spool *spool, int64_t id, const struct spool_outcome *outcome,
	char err[static ERR_LEN])
{
	int r = spool_settle_run(
		spool->db, spool->account, DEAD_SHARE(spool->max_bytes), id, outcome, err);

	if (r > 0)
		note_oldest(spool);
	return r;
}

int spool_delete(struct spool *spool, int64_t id, char err[static ERR_LEN])
{
	const struct spool_outcome delivered = {.dead = NULL};
	int r = spool_settle(spool, id, &delivered, err);

	return r < 0 ? r : 0;
}

int spool_reject(
	struct spool *spool, int64_t id, int status, const char *reason, char err[static ERR_LEN])
{
	const struct spool_outcome refused = {
		.is_dead_whole = true, .status = status, .reason = reason};
	int r = spool_settle(spool, id, &refused, err);

	return r < 0 ? r : 0;
}

static int load_table(struct spool *spool, enum spool_statement which, const char *table,
	bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	int r;

	while ((r = spool_db_step(spool->db, which)) == 1) {
		struct ledger_entry entry = {.table = table};

		entry.key = spool_db_data(spool->db, which, 0, &entry.key_len);
		entry.value = spool_db_data(spool->db, which, 1, &entry.value_len);
		if (!fn(ctx, &entry)) {
			spool_db_end(spool->db, which);
			return 1;
		}
	}
	return r;
}

int spool_load_ledger(struct spool *spool, bool (*fn)(void *ctx, const struct ledger_entry *entry),
	void *ctx, char err[static ERR_LEN])
{
	int r = load_table(spool, SPOOL_LIST_BOOTS, "boot", fn, ctx);

	if (r == 0)
		r = load_table(spool, SPOOL_LIST_OBSERVERS, "observer", fn, ctx);
	if (r < 0)
		return spool_db_fail(spool->db, "read the ledger", err);
	if (r == 0)
		return 0;
	snprintf(err, ERR_LEN,
		"--spool: its ledger holds an entry that cannot be read; "
		"expected a file that this version wrote");
	return -EBADMSG;
}

void spool_state(const struct spool *spool, struct spool_state *ret)
{
	spool_account_read(spool->account, ret);
}

static int load_state(struct spool *spool)
{
	struct spool_sums bodies, dead;
	int r = spool_rows_sum(spool->db, SPOOL_LIST_BODIES, -1, UINT64_MAX, &bodies);

	if (r == 0)
		r = spool_rows_sum(spool->db, SPOOL_LIST_DEAD, -1, UINT64_MAX, &dead);
	if (r == 0)
		spool_account_found(spool->account, &bodies, &dead);
	note_oldest(spool);
	return r;
}

static struct spool *new_spool(uint64_t max_bytes)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		return NULL;
	spool->max_bytes = max_bytes;
	spool->given = -1;
	spool->account = spool_account_new(max_bytes);
	if (!spool->account) {
		free(spool);
		return NULL;
	}
	return spool;
}

static int open_db(struct spool *spool, const char *path, char err[static ERR_LEN])
{
	uint64_t max = spool->max_bytes;
	uint64_t wal = WAL_SHARE(max) < WAL_BYTES_MAX ? WAL_SHARE(max) : WAL_BYTES_MAX;
	int r = spool_db_open(path, FILE_SHARE(max), wal, &spool->db, err);

	if (r < 0)
		return r;
	if (load_state(spool) < 0)
		return spool_db_fail(spool->db, "--spool: count what is in it", err);
	return 0;
}

int spool_open(const char *path, uint64_t max_bytes, struct spool **ret, char err[static ERR_LEN])
{
	struct spool *spool;
	int r;

	if (max_bytes < MIN_BYTES) {
		snprintf(err, ERR_LEN, "--spool-max: %llu; expected at least %d",
			(unsigned long long)max_bytes, MIN_BYTES);
		return -EINVAL;
	}
	spool = new_spool(max_bytes);
	if (!spool) {
		snprintf(err, ERR_LEN, "--spool: out of memory");
		return -ENOMEM;
	}
	r = open_db(spool, path, err);
	if (r < 0) {
		spool_close(spool);
		return r;
	}
	*ret = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	spool_db_close(spool->db);
	spool_account_free(spool->account);
	free(spool);
}
