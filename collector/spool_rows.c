/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_rows.h"

#include <errno.h>

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

static int count_pages(struct spool_db *db, enum spool_statement which, uint64_t *ret)
{
	int r = spool_db_step(db, which);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = (uint64_t)spool_db_number(db, which, 0);
	spool_db_end(db, which);
	return 0;
}

int spool_rows_used_bytes(struct spool_db *db, uint64_t *ret)
{
	uint64_t pages, free_pages;
	int r = count_pages(db, SPOOL_COUNT_PAGES, &pages);

	if (r == 0)
		r = count_pages(db, SPOOL_COUNT_FREE_PAGES, &free_pages);
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

int spool_rows_add(struct spool_db *db, struct spool_body *body, int64_t since_ms)
{
	int r;

	spool_db_bind(db, SPOOL_ADD_BODY, 1, body->lines);
	spool_db_bind(db, SPOOL_ADD_BODY, 2, (int64_t)body->traffic_bytes);
	spool_db_bind(db, SPOOL_ADD_BODY, 3, since_ms);
	spool_db_bind_data(db, SPOOL_ADD_BODY, 4, body->data, body->len);
	r = spool_db_run(db, SPOOL_ADD_BODY);
	if (r == 0)
		body->id = spool_db_last_id(db);
	return r;
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
