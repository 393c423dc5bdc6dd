/* SPDX-License-Identifier: Apache-2.0 */
#include "spool.h"

#include "clock.h"
#include "spool_backup.h"
#include "spool_commit.h"
#include "spool_dead.h"
#include "spool_file.h"
#include "spool_rows.h"
#include "spool_settle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_BYTES         (1024 * 1024)
#define RECORD_BYTES      64 /* of a record, gzipped, at most in practice */
#define RECORDS_MIN       4096
#define CHECK_STEP_BYTES  (4 * 1024 * 1024)
#define QUICK_CHECK_BYTES (64 * 1024 * 1024) /* sqlite's own takes about 0.1 s for as much */

struct spool {
	struct spool_file file;
	struct spool_account *account;
	struct spool_backup *copy; /* NULL: none under way */
	int64_t replayed_id;       /* up to it no body is new */
	int64_t checked_id;
	bool is_dead_next; /* of the check: all bodies were read */
};

/* A copy reads from the connection that is about to be closed. */
static int after(struct spool *spool, int r, char err[static ERR_LEN])
{
	if (r == -EBADMSG) {
		spool_copy_end(spool);
		spool->replayed_id = 0;
	}
	return spool_file_after(&spool->file, r, err);
}

/* Where it may have been the dead letters alone, these go, and not the file. -EAGAIN: they did. */
static int after_dead(struct spool *spool, int r, char err[static ERR_LEN])
{
	int put_aside;

	if (r != -EBADMSG || !spool->file.db)
		return after(spool, r, err);
	put_aside = spool_dead_put_aside(spool->file.db, spool->account, err);
	if (put_aside == 0 || put_aside == -EBADMSG)
		return after(spool, r, err);
	if (put_aside < 0)
		return put_aside;
	snprintf(err, ERR_LEN, "the dead letters were damaged, and new ones were begun");
	return -EAGAIN;
}

/* What there is now is noted also where it fails: room was made before. */
int spool_commit(struct spool *spool, const struct spool_batch *batch, char err[static ERR_LEN])
{
	struct spool_file *file = &spool->file;
	int r = spool_file_ready(file, err);

	if (r < 0)
		return r;
	r = spool_commit_run(file->db, spool->account, spool_file_quota(file->max_bytes),
		file->given_id, batch, err);
	if (spool_file_relieve(file, r))
		r = spool_commit_run(file->db, spool->account, spool_file_quota(file->max_bytes),
			file->given_id, batch, err);
	spool_file_note(file);
	return after(spool, r, err);
}

static int give(struct spool *spool, enum spool_statement which, int64_t after_id,
	struct spool_body *ret, char err[static ERR_LEN])
{
	struct spool_file *file = &spool->file;
	int r = spool_file_ready(file, err);

	if (r < 0)
		return r;
	r = spool_rows_body(file->db, which, after_id, ret);
	if (r == 1)
		file->given_id = ret->id;
	else if (r == -ENOMEM)
		snprintf(err, ERR_LEN, "read the spool: out of memory");
	else if (r < 0)
		spool_db_fail(file->db, "read the spool", err);
	return after(spool, r, err);
}

int spool_next(
	struct spool *spool, int64_t after_id, struct spool_body *ret, char err[static ERR_LEN])
{
	return give(spool, SPOOL_NEXT_BODY, after_id, ret, err);
}

int spool_newest(
	struct spool *spool, int64_t after_id, struct spool_body *ret, char err[static ERR_LEN])
{
	if (after_id < spool->replayed_id)
		after_id = spool->replayed_id;
	return give(spool, SPOOL_NEWEST_BODY, after_id, ret, err);
}

int spool_settle(struct spool *spool, int64_t id, const struct spool_outcome *outcome,
	char err[static ERR_LEN])
{
	struct spool_file *file = &spool->file;
	int r = spool_file_ready(file, err);

	if (r < 0)
		return r;
	r = spool_settle_run(file->db, spool->account, spool_file_dead_max(file), id, outcome, err);
	if (spool_file_relieve(file, r))
		r = spool_settle_run(
			file->db, spool->account, spool_file_dead_max(file), id, outcome, err);
	if (r > 0)
		spool_file_note(file);
	return after_dead(spool, r, err);
}

static int load_table(struct spool_db *db, enum spool_statement which, const char *table,
	bool (*fn)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
	int r;

	while ((r = spool_db_step(db, which)) == 1) {
		struct ledger_entry entry = {.table = table};

		entry.key = spool_db_data(db, which, 0, &entry.key_len);
		entry.value = spool_db_data(db, which, 1, &entry.value_len);
		if (!fn(ctx, &entry)) {
			spool_db_end(db, which);
			return 1;
		}
	}
	return r;
}

/* Of a ledger that is damaged the entries that could be read hold: they were committed. */
int spool_load_ledger(struct spool *spool, bool (*fn)(void *ctx, const struct ledger_entry *entry),
	void *ctx, char err[static ERR_LEN])
{
	struct spool_db *db = spool->file.db;
	int r = load_table(db, SPOOL_LIST_BOOTS, "boot", fn, ctx);

	if (r == 0)
		r = load_table(db, SPOOL_LIST_OBSERVERS, "observer", fn, ctx);
	if (r == 0)
		r = load_table(db, SPOOL_LIST_SERIES, "series", fn, ctx);
	if (r < 0) {
		r = after(spool, spool_db_fail(db, "read the ledger", err), err);
		return r == -EBADMSG && spool->file.db ? 0 : r;
	}
	if (r == 0)
		return 0;
	snprintf(err, ERR_LEN,
		"--spool: its ledger holds an entry that was not taken; "
		"expected a file that this version wrote, and memory for it");
	return -EBADMSG;
}

void spool_state(const struct spool *spool, struct spool_state *ret)
{
	spool_account_read(spool->account, ret);
}

bool spool_is_check_due(const struct spool *spool)
{
	return spool->file.is_check_due;
}

/* Reads some rows whole, which follows all of their pages. 1: perhaps more; 0: none. */
static int check_rows(struct spool *spool, enum spool_statement next)
{
	struct spool_db *db = spool->file.db;
	size_t bytes = 0, len;
	int r = 1;

	while (r == 1 && bytes < CHECK_STEP_BYTES) {
		spool_db_bind(db, next, 1, spool->checked_id);
		r = spool_db_step(db, next);
		if (r <= 0)
			break;
		spool->checked_id = spool_db_number(db, next, 0);
		spool_db_data(db, next, 4, &len);
		spool_db_end(db, next);
		bytes += len;
	}
	return r;
}

/* The whole file, if it is small; it does not pass once damage was put aside in it. */
static int check_quickly(struct spool_db *db)
{
	uint64_t used = 0, n_damaged = 0;
	int r = spool_rows_used_bytes(db, &used);

	if (r == 0)
		r = spool_db_count(db, SPOOL_COUNT_DAMAGED_DEAD, &n_damaged);
	if (r < 0)
		return r;
	return spool_rows_check(
		db, used > QUICK_CHECK_BYTES || n_damaged ? SPOOL_CHECK_FREE : SPOOL_QUICK_CHECK);
}

/* The ledger and the totals were read whole at the start. */
static int check_step(struct spool *spool)
{
	int r = check_rows(spool, spool->is_dead_next ? SPOOL_NEXT_DEAD : SPOOL_NEXT_BODY);

	if (r != 0)
		return r;
	if (spool->is_dead_next)
		return check_quickly(spool->file.db);
	spool->is_dead_next = true;
	spool->checked_id = 0;
	return 1;
}

int spool_check(struct spool *spool, char err[static ERR_LEN])
{
	int r = spool_file_ready(&spool->file, err);

	if (r == 0)
		r = check_step(spool);
	if (r == 0)
		spool->file.is_check_due = false;
	else if (r < 0)
		snprintf(err, ERR_LEN, "check the spool: %s", strerror(-r));
	r = after_dead(spool, r, err);
	return r == -EAGAIN ? 1 : r;
}

int spool_copy_begin(struct spool *spool, const char *path, char err[static ERR_LEN])
{
	int r = spool_file_ready(&spool->file, err);

	if (r == 0 && spool->copy) {
		snprintf(err, ERR_LEN, "backup: another one is under way");
		return -EBUSY;
	}
	if (r < 0)
		return r;
	if (!path)
		return spool_backup_begin_unnamed(
			spool->file.db, spool->file.path, &spool->copy, err);
	return spool_backup_begin(spool->file.db, path, &spool->copy, err);
}

int spool_copy_step(struct spool *spool, uint64_t *ret_bytes, char err[static ERR_LEN])
{
	int r;

	if (!spool->copy) {
		snprintf(err, ERR_LEN, "backup: the spool was damaged meanwhile");
		return -EIO;
	}
	r = spool_backup_step(spool->copy, err);
	*ret_bytes = spool_backup_bytes(spool->copy);
	return r;
}

int spool_copy_file(struct spool *spool)
{
	return spool->copy ? spool_backup_file(spool->copy) : -1;
}

void spool_copy_end(struct spool *spool)
{
	spool_backup_end(spool->copy);
	spool->copy = NULL;
}

int spool_next_dead(
	struct spool *spool, int64_t after_id, struct spool_dead *ret, char err[static ERR_LEN])
{
	int r = spool_file_ready(&spool->file, err);

	if (r < 0)
		return r;
	r = spool_dead_next(spool->file.db, after_id, ret);
	if (r < 0)
		snprintf(err, ERR_LEN, "read the dead letters: %s", strerror(-r));
	return after_dead(spool, r, err);
}

int spool_last_dead(struct spool *spool, int64_t *ret, char err[static ERR_LEN])
{
	int r = spool_file_ready(&spool->file, err);

	if (r < 0)
		return r;
	r = spool_dead_last_id(spool->file.db, ret);
	if (r < 0)
		snprintf(err, ERR_LEN, "read the dead letters: %s", strerror(-r));
	return after_dead(spool, r, err);
}

int spool_replay(struct spool *spool, int64_t up_to, char err[static ERR_LEN])
{
	struct spool_file *file = &spool->file;
	int r = spool_file_ready(file, err);

	if (r < 0)
		return r;
	r = spool_dead_replay(file->db, spool->account, spool_file_quota(file->max_bytes), up_to,
		clock_wall_ms(), &spool->replayed_id, err);
	spool_file_note(file);
	return after_dead(spool, r, err);
}

size_t spool_records_max(const struct spool *spool)
{
	size_t n = spool_file_transaction_max(&spool->file) / RECORD_BYTES;

	return n > RECORDS_MIN ? n : RECORDS_MIN;
}

static int open_file(const char *path, uint64_t max_bytes, bool is_as_it_is, struct spool **ret,
	char err[static ERR_LEN])
{
	struct spool *spool;
	int r;

	if (max_bytes < MIN_BYTES) {
		snprintf(err, ERR_LEN, "--spool-max: %llu; expected at least %d",
			(unsigned long long)max_bytes, MIN_BYTES);
		return -EINVAL;
	}
	spool = calloc(1, sizeof(*spool));
	if (spool) {
		spool->account = spool_account_new(max_bytes, spool_file_quota(max_bytes));
		spool->file = (struct spool_file){.path = strdup(path),
			.max_bytes = max_bytes,
			.account = spool->account,
			.is_as_it_is = is_as_it_is,
			.given_id = -1};
	}
	if (!spool || !spool->account || !spool->file.path) {
		snprintf(err, ERR_LEN, "--spool: out of memory");
		spool_close(spool);
		return -ENOMEM;
	}
	r = spool_file_open(&spool->file, err);
	if (r < 0) {
		spool_close(spool);
		return r;
	}
	*ret = spool;
	return 0;
}

int spool_open(const char *path, uint64_t max_bytes, struct spool **ret, char err[static ERR_LEN])
{
	return open_file(path, max_bytes, false, ret, err);
}

int spool_open_as_it_is(
	const char *path, uint64_t max_bytes, struct spool **ret, char err[static ERR_LEN])
{
	return open_file(path, max_bytes, true, ret, err);
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	spool_copy_end(spool);
	spool_file_close(&spool->file);
	spool_account_free(spool->account);
	free(spool->file.path);
	free(spool);
}
