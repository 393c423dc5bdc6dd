/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_file.h"

#include "clock.h"
#include "spool_aside.h"
#include "spool_room.h"
#include "spool_rows.h"
#include "spool_setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB            (UINT64_C(1) << 20)
#define WAL_BYTES_MAX  (16 * MIB)
#define ROOM_BYTES_MAX (64 * MIB)
#define RETRY_MS       1000
#define ROOM_AGAIN_MS  2000

/*
 * Of max_bytes. Between the quota, from which on bodies are evicted, and the file's end there is
 * room for the ledger; the rest is for the WAL beside the file. The WAL is emptied when it is half
 * full, so that the other half is a transaction's.
 */
#define QUOTA_SHARE(max) ((max) / 4 * 3)
#define FILE_SHARE(max)  ((max) / 8 * 7)
#define WAL_SHARE(max)   ((max) / 16)
#define DEAD_SHARE(max)  ((max) / 16)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t wal_bytes(const struct spool_file *file)
{
	return least(WAL_SHARE(file->max_bytes), WAL_BYTES_MAX);
}

uint64_t spool_file_quota(uint64_t max_bytes)
{
	return QUOTA_SHARE(max_bytes);
}

uint64_t spool_file_dead_max(const struct spool_file *file)
{
	return DEAD_SHARE(file->max_bytes);
}

uint64_t spool_file_transaction_max(const struct spool_file *file)
{
	return file->wal_bytes / 2;
}

void spool_file_note(struct spool_file *file)
{
	int64_t since_ms = 0;
	uint64_t used;
	int r;

	if (!file->db)
		return;
	if (spool_rows_used_bytes(file->db, &used) == 0)
		spool_account_used(file->account, used);
	r = spool_db_step(file->db, SPOOL_OLDEST_BODY);
	if (r == 1) {
		since_ms = spool_db_number(file->db, SPOOL_OLDEST_BODY, 0);
		spool_db_end(file->db, SPOOL_OLDEST_BODY);
	}
	if (r >= 0)
		spool_account_oldest(file->account, since_ms);
}

static void take_room(struct spool_file *file, enum spool_room_greed greed)
{
	struct spool_room want = {.file_bytes = least(FILE_SHARE(file->max_bytes), ROOM_BYTES_MAX),
		.wal_bytes = wal_bytes(file)};
	struct spool_room have;

	if (file->is_as_it_is)
		want = spool_room_now(file->path);

	spool_room_take(file->db, file->path, &want, greed, &have);
	file->wal_bytes = have.wal_bytes;
	file->is_room_missing =
		have.wal_bytes < want.wal_bytes || have.file_bytes < want.file_bytes;
	file->room_ms = clock_mono_ms() + ROOM_AGAIN_MS;
	spool_account_room(
		file->account, have.file_bytes + have.wal_bytes, want.file_bytes + want.wal_bytes);
}

/* The totals of an older version's file. */
static int count_rows(struct spool_file *file, struct spool_totals *ret)
{
	int r = spool_rows_sum(file->db, SPOOL_LIST_BODIES, -1, UINT64_MAX, &ret->bodies);

	if (r == 0)
		r = spool_rows_sum(file->db, SPOOL_LIST_DEAD, -1, UINT64_MAX, &ret->dead);
	return r;
}

/* The mark goes with the first change, and is set again by a close. */
static int load_totals(struct spool_file *file)
{
	struct spool_totals totals;
	bool is_clean;
	int r = spool_rows_get_totals(file->db, &is_clean, &totals);

	if (r == 0 && totals.bodies.n == (uint64_t)SPOOL_SETUP_UNCOUNTED)
		r = count_rows(file, &totals);
	if (r == 0)
		r = spool_rows_put_totals(file->db, false, &totals);
	if (r < 0)
		return r;
	file->is_check_due = !is_clean;
	spool_account_found(file->account, &totals);
	spool_file_note(file);
	return 0;
}

static int open_db(struct spool_file *file, char err[static ERR_LEN])
{
	const struct spool_setup setup = {
		.path = file->path, .max_bytes = FILE_SHARE(file->max_bytes)};
	int r = spool_setup_open(&setup, &file->db, err);

	if (r < 0)
		return r;
	take_room(file, SPOOL_ROOM_HALF);
	r = load_totals(file);
	/* Ids that were given before must not come again: what is under way is settled by its id.
	 */
	if (r == 0 && file->given_id >= 0) {
		spool_db_bind(file->db, SPOOL_START_IDS, 1, file->given_id);
		r = spool_db_run(file->db, SPOOL_START_IDS);
	}
	if (r < 0)
		spool_db_fail(file->db, "--spool: count what is in it", err);
	return r;
}

static int set_aside(struct spool_file *file, char err[static ERR_LEN])
{
	int64_t now_s = clock_wall_ms() / 1000;
	int r;

	spool_db_abandon(file->db);
	file->db = NULL;
	file->retry_ms = clock_mono_ms() + RETRY_MS;
	r = spool_aside_move(file->path, now_s, err);
	if (r == 0)
		spool_account_corrupt(file->account, now_s);
	return r;
}

static void drop(struct spool_file *file)
{
	spool_db_close(file->db);
	file->db = NULL;
}

int spool_file_open(struct spool_file *file, char err[static ERR_LEN])
{
	int r = open_db(file, err);

	if (r == -EBADMSG && spool_aside_is_ours(file->path)) {
		r = set_aside(file, err);
		if (r == 0)
			r = open_db(file, err);
	}
	if (r < 0)
		drop(file);
	return r;
}

int spool_file_ready(struct spool_file *file, char err[static ERR_LEN])
{
	int64_t now_ms = clock_mono_ms();
	int r;

	if (file->db && file->is_room_missing && now_ms >= file->room_ms)
		take_room(file, SPOOL_ROOM_ALL);
	if (file->db)
		return 0;
	if (now_ms < file->retry_ms) {
		snprintf(err, ERR_LEN, "the spool is closed: it was damaged");
		return -EIO;
	}
	file->retry_ms = now_ms + RETRY_MS;
	r = spool_file_open(file, err);
	return r == -EBADMSG ? -EIO : r;
}

bool spool_file_relieve(struct spool_file *file, int r)
{
	return r == -ENOSPC && file->db && spool_room_empty_wal(file->db);
}

int spool_file_after(struct spool_file *file, int r, char err[static ERR_LEN])
{
	char unused[ERR_LEN];

	if (r != -EBADMSG || !file->db)
		return r;
	if (set_aside(file, err) == 0 && spool_file_open(file, unused) == 0)
		snprintf(err, ERR_LEN, "the spool was damaged, and a new one was begun");
	return r;
}

void spool_file_close(struct spool_file *file)
{
	struct spool_totals totals;

	if (file->db && !file->is_check_due) {
		spool_account_totals(file->account, &totals);
		(void)spool_rows_put_totals(file->db, true, &totals);
	}
	drop(file);
}
