/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READS_MAX 100 /* to find out whether a commit took place, while memory lacks */

static void add_row(struct spool_sums *sums, struct spool_db *db, enum spool_statement which)
{
	sums->n++;
	sums->last_id = spool_db_number(db, which, 0);
	sums->lines += (uint64_t)spool_db_number(db, which, 1);
	sums->traffic_bytes += (uint64_t)spool_db_number(db, which, 2);
	sums->data_bytes += (uint64_t)spool_db_number(db, which, 3);
}

int spool_rows_sum(struct spool_db *db, enum spool_statement list, int64_t but, uint64_t data_bytes,
	struct spool_sums *ret)
{
	struct spool_sums sums = {0};
	int r = 0;

	spool_db_bind(db, list, 1, but);
	while (sums.data_bytes < data_bytes && (r = spool_db_step(db, list)) == 1)
		add_row(&sums, db, list);
	spool_db_end(db, list);
	if (r < 0)
		return r;
	*ret = sums;
	return 0;
}

int spool_rows_check(struct spool_db *db, enum spool_statement check)
{
	const char *text;
	size_t len;
	bool is_ok;
	int r = spool_db_step(db, check);

	if (r <= 0)
		return r;
	text = spool_db_data(db, check, 0, &len);
	is_ok = text && len == 2 && memcmp(text, "ok", 2) == 0;
	spool_db_end(db, check);
	return is_ok ? 0 : -EBADMSG;
}

int spool_rows_used_bytes(struct spool_db *db, uint64_t *ret)
{
	uint64_t pages = 0, free_pages = 0;
	int r = spool_db_count(db, SPOOL_COUNT_PAGES, &pages);

	if (r == 0)
		r = spool_db_count(db, SPOOL_COUNT_FREE_PAGES, &free_pages);
	if (r == 0)
		*ret = (pages - free_pages) * SPOOL_DB_PAGE_BYTES;
	return r;
}

int spool_rows_evict(struct spool_db *db, enum spool_statement which, int64_t but, int64_t up_to)
{
	spool_db_bind(db, which, 1, but);
	spool_db_bind(db, which, 2, up_to);
	return spool_db_run(db, which);
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
	return 1;
}

int spool_rows_body(
	struct spool_db *db, enum spool_statement which, int64_t after_id, struct spool_body *ret)
{
	int r;

	spool_db_bind(db, which, 1, after_id);
	r = spool_db_step(db, which);
	if (r <= 0)
		return r;
	r = copy_body(db, which, ret);
	spool_db_end(db, which);
	return r;
}

uint64_t spool_rows_pages(uint64_t data_len)
{
	return 2 + data_len / (SPOOL_DB_PAGE_BYTES - 4);
}

int spool_rows_add(struct spool_db *db, int64_t id, const struct spool_body *body, int64_t since_ms)
{
	spool_db_bind(db, SPOOL_ADD_BODY, 1, id);
	spool_db_bind(db, SPOOL_ADD_BODY, 2, body->lines);
	spool_db_bind(db, SPOOL_ADD_BODY, 3, (int64_t)body->traffic_bytes);
	spool_db_bind(db, SPOOL_ADD_BODY, 4, since_ms);
	spool_db_bind_data(db, SPOOL_ADD_BODY, 5, body->data, body->len);
	return spool_db_run(db, SPOOL_ADD_BODY);
}

int spool_rows_delete(struct spool_db *db, int64_t id)
{
	spool_db_bind(db, SPOOL_DELETE_BODY, 1, id);
	return spool_db_run(db, SPOOL_DELETE_BODY);
}

int spool_rows_size(struct spool_db *db, int64_t id, struct spool_sums *ret)
{
	struct spool_sums sums = {0};
	int r;

	spool_db_bind(db, SPOOL_SIZE_OF_BODY, 1, id);
	r = spool_db_step(db, SPOOL_SIZE_OF_BODY);
	if (r < 0)
		return r;
	if (r == 1) {
		add_row(&sums, db, SPOOL_SIZE_OF_BODY);
		spool_db_end(db, SPOOL_SIZE_OF_BODY);
	}
	*ret = sums;
	return 0;
}

/* From this column on: n, lines, traffic, data. */
static struct spool_sums sums_at(struct spool_db *db, int at)
{
	return (struct spool_sums){.n = (uint64_t)spool_db_number(db, SPOOL_GET_TOTALS, at),
		.lines = (uint64_t)spool_db_number(db, SPOOL_GET_TOTALS, at + 1),
		.traffic_bytes = (uint64_t)spool_db_number(db, SPOOL_GET_TOTALS, at + 2),
		.data_bytes = (uint64_t)spool_db_number(db, SPOOL_GET_TOTALS, at + 3)};
}

int spool_rows_get_totals(struct spool_db *db, bool *ret_is_clean, struct spool_totals *ret)
{
	int r = spool_db_step(db, SPOOL_GET_TOTALS);

	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	*ret_is_clean = spool_db_number(db, SPOOL_GET_TOTALS, 0) != 0;
	ret->bodies = sums_at(db, 1);
	ret->dead = sums_at(db, 5);
	spool_db_end(db, SPOOL_GET_TOTALS);
	return 0;
}

static void bind_sums(struct spool_db *db, int at, const struct spool_sums *sums)
{
	spool_db_bind(db, SPOOL_PUT_TOTALS, at, (int64_t)sums->n);
	spool_db_bind(db, SPOOL_PUT_TOTALS, at + 1, (int64_t)sums->lines);
	spool_db_bind(db, SPOOL_PUT_TOTALS, at + 2, (int64_t)sums->traffic_bytes);
	spool_db_bind(db, SPOOL_PUT_TOTALS, at + 3, (int64_t)sums->data_bytes);
}

int spool_rows_put_totals(struct spool_db *db, bool is_clean, const struct spool_totals *totals)
{
	spool_db_bind(db, SPOOL_PUT_TOTALS, 1, is_clean);
	bind_sums(db, 2, &totals->bodies);
	bind_sums(db, 6, &totals->dead);
	return spool_db_run(db, SPOOL_PUT_TOTALS);
}

static bool is_equal(const struct spool_totals *a, const struct spool_totals *b)
{
	const struct spool_sums *pairs[][2] = {{&a->bodies, &b->bodies}, {&a->dead, &b->dead}};

	for (size_t i = 0; i < 2; i++) {
		const struct spool_sums *x = pairs[i][0], *y = pairs[i][1];

		if (x->n != y->n || x->lines != y->lines || x->traffic_bytes != y->traffic_bytes ||
			x->data_bytes != y->data_bytes)
			return false;
	}
	return true;
}

/* What changes no total is only the ledger's, and may be written twice. */
static bool is_committed(
	struct spool_db *db, const struct spool_account *account, const struct spool_totals *after)
{
	struct spool_totals totals;
	bool unused;

	spool_account_totals(account, &totals);
	if (spool_db_is_in_transaction(db) || is_equal(&totals, after))
		return false;
	for (int i = 0; i < READS_MAX; i++)
		if (spool_rows_get_totals(db, &unused, &totals) == 0)
			return is_equal(&totals, after);
	return false;
}

int spool_rows_finish(struct spool_db *db, int r, const struct spool_account *account,
	const struct spool_totals *after, const char *what, char err[static ERR_LEN])
{
	bool is_well = r == 0;

	if (is_well)
		r = spool_db_run(db, SPOOL_COMMIT);
	if (r == 0)
		return 0;
	spool_db_fail(db, what, err);
	if (is_well && is_committed(db, account, after))
		return 0;
	spool_db_roll_back(db);
	return r;
}
