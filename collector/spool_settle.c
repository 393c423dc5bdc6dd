/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_settle.h"

#include "spool_room.h"
#include "spool_rows.h"

#include <string.h>

struct place {
	struct spool_db *db;
	struct spool_account *account;
	uint64_t dead_max_bytes;
};

/* Within a transaction: the oldest go until one more of data_bytes keeps to the bound. */
static int evict_dead(const struct place *place, uint64_t data_bytes, struct spool_sums *ret)
{
	uint64_t bound = place->dead_max_bytes;
	struct spool_totals totals;
	uint64_t dead_bytes;
	int r;

	spool_account_totals(place->account, &totals);
	dead_bytes = totals.dead.data_bytes;
	if (dead_bytes + data_bytes <= bound)
		return 0;
	r = spool_rows_sum(place->db, SPOOL_LIST_DEAD, -1, dead_bytes + data_bytes - bound, ret);
	if (r < 0 || ret->n == 0)
		return r;
	return spool_rows_evict(place->db, SPOOL_EVICT_DEAD, -1, ret->last_id);
}

static void bind_reason(
	const struct place *place, enum spool_statement which, const struct spool_outcome *outcome)
{
	size_t len = strnlen(outcome->reason, SPOOL_REASON_MAX);

	spool_db_bind(place->db, which, 2, outcome->status);
	spool_db_bind_text(place->db, which, 3, outcome->reason, len);
}

static int bury(const struct place *place, int64_t id, const struct spool_outcome *outcome)
{
	const struct spool_body *dead = outcome->dead;

	if (!dead) {
		spool_db_bind(place->db, SPOOL_BURY_BODY, 1, id);
		bind_reason(place, SPOOL_BURY_BODY, outcome);
		return spool_db_run(place->db, SPOOL_BURY_BODY);
	}
	spool_db_bind(place->db, SPOOL_ADD_DEAD, 1, dead->lines);
	bind_reason(place, SPOOL_ADD_DEAD, outcome);
	spool_db_bind(place->db, SPOOL_ADD_DEAD, 4, (int64_t)dead->traffic_bytes);
	spool_db_bind_data(place->db, SPOOL_ADD_DEAD, 5, dead->data, dead->len);
	return spool_db_run(place->db, SPOOL_ADD_DEAD);
}

static struct spool_sums sums_of(const struct spool_body *body)
{
	return (struct spool_sums){.n = 1,
		.lines = body->lines,
		.traffic_bytes = body->traffic_bytes,
		.data_bytes = body->len};
}

/* Within a transaction. */
static int put_totals(
	const struct place *place, const struct spool_settled *settled, struct spool_totals *ret)
{
	spool_account_totals(place->account, ret);
	spool_totals_settle(ret, settled);
	return spool_rows_put_totals(place->db, false, ret);
}

/* Within a transaction. Of a body that dies as a whole there are two for a moment; else it leaves
 * first, so that its pages are the others' room. */
static int settle(const struct place *place, int64_t id, const struct spool_outcome *outcome,
	struct spool_settled *settled, struct spool_totals *after)
{
	int r = 0;

	if (settled->is_dead_kept)
		r = evict_dead(place, settled->dead.data_bytes, &settled->dead_evicted);
	if (r == 0 && settled->is_dead_kept && !outcome->dead)
		r = bury(place, id, outcome);
	if (r == 0)
		r = spool_rows_delete(place->db, id);
	if (r == 0 && settled->is_dead_kept && outcome->dead)
		r = bury(place, id, outcome);
	if (r == 0 && outcome->rest)
		r = spool_rows_add(place->db, id, outcome->rest, outcome->rest->since_ms);
	return r == 0 ? put_totals(place, settled, after) : r;
}

/* What is over the bound alone is not kept, nor is what the disk has no room for. */
static void weigh(const struct place *place, const struct spool_outcome *outcome,
	struct spool_settled *settled)
{
	if (outcome->rest)
		settled->rest = sums_of(outcome->rest);
	if (outcome->dead)
		settled->dead = sums_of(outcome->dead);
	else if (outcome->is_dead_whole)
		settled->dead = settled->gone;
	settled->is_dead_kept =
		settled->dead.n > 0 && settled->dead.data_bytes <= place->dead_max_bytes &&
		spool_room_reserve(place->db, spool_rows_pages(settled->dead.data_bytes)) == 0;
}

int spool_settle_run(struct spool_db *db, struct spool_account *account, uint64_t dead_max_bytes,
	int64_t id, const struct spool_outcome *outcome, char err[static ERR_LEN])
{
	const struct place place = {.db = db, .account = account, .dead_max_bytes = dead_max_bytes};
	struct spool_settled settled = {.is_dead_kept = false};
	struct spool_totals after = {{0}, {0}};
	int r = spool_rows_size(db, id, &settled.gone);

	if (r == 0 && settled.gone.n == 0)
		return 0;
	if (r == 0)
		weigh(&place, outcome, &settled);
	if (r == 0)
		r = spool_db_run(db, SPOOL_BEGIN);
	if (r == 0)
		r = settle(&place, id, outcome, &settled, &after);
	r = spool_rows_finish(db, r, account, &after, "take a body out of the spool", err);
	if (r < 0)
		return r;
	spool_account_settled(account, &settled);
	return 1;
}
