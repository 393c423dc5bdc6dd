/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h, as far as the pipeline and the shipping see it, on the simulated disk. */
#include "collector_host.h"
#include "disk.h"
#include "settings.h"
#include "world.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spool {
	struct spool_account *account;
	int64_t given; /* the last of spool_next */
};

static void add(struct spool_sums *sums, const struct spool_body *body)
{
	sums->n++;
	sums->lines += body->lines;
	sums->traffic_bytes += body->traffic_bytes;
	sums->data_bytes += body->len;
}

static struct spool_sums sums_of_disk(enum disk_where where)
{
	struct spool_sums sums = {0};

	for (size_t i = 0; i < disk_count(where); i++)
		add(&sums, disk_body(where, i));
	return sums;
}

static struct spool_sums sums_of_batch(const struct spool_batch *batch)
{
	struct spool_sums sums = {0};

	for (size_t i = 0; i < batch->n_bodies; i++)
		add(&sums, &batch->bodies[i]);
	return sums;
}

int spool_open(const char *path, uint64_t max_bytes, struct spool **ret, char err[static ERR_LEN])
{
	struct spool_totals found = {
		.bodies = sums_of_disk(DISK_SPOOL), .dead = sums_of_disk(DISK_DEAD)};
	struct spool *spool = calloc(1, sizeof(*spool));

	(void)path;
	(void)max_bytes; /* settings.quota_bytes is */
	(void)err;
	assert(spool);
	spool->account = spool_account_new(settings.quota_bytes, settings.quota_bytes);
	spool->given = -1;
	spool_account_found(spool->account, &found);
	*ret = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	spool_account_free(spool->account);
	free(spool);
}

void spool_state(const struct spool *spool, struct spool_state *ret)
{
	spool_account_read(spool->account, ret);
}

size_t spool_records_max(const struct spool *spool)
{
	(void)spool;
	return 0;
}

int spool_load_ledger(struct spool *spool, bool (*fn)(void *ctx, const struct ledger_entry *entry),
	void *ctx, char err[static ERR_LEN])
{
	(void)spool;
	(void)err;
	if (!disk_each_entry(fn, ctx))
		world_fail("a ledger entry that was committed cannot be read");
	return 0;
}

/* As spool.c: before the transaction, for good, and never the one that is perhaps under way. */
static void make_room(struct spool *spool, const struct spool_batch *batch)
{
	uint64_t used = sums_of_disk(DISK_SPOOL).data_bytes + sums_of_batch(batch).data_bytes;
	size_t i = 0;

	while (settings.quota_bytes && used > settings.quota_bytes && i < disk_count(DISK_SPOOL)) {
		const struct spool_body *body = disk_body(DISK_SPOOL, i);
		struct spool_sums gone = {0};

		if (body->id == spool->given) {
			i++;
			continue;
		}
		add(&gone, body);
		used -= body->len;
		world_trace("disk: body %lld is evicted, %llu traffic bytes", (long long)body->id,
			(unsigned long long)body->traffic_bytes);
		disk_move(i, DISK_EVICTED);
		spool_account_evicted(spool->account, &gone);
	}
}

static int fail(int error, const char *what, char err[static ERR_LEN])
{
	snprintf(err, ERR_LEN, "%s: %s", what, strerror(-error));
	world_trace("disk: %s", err);
	return error;
}

static int some_error(void)
{
	static const int errors[] = {-ENOSPC, -EIO, -ENOMEM};

	return errors[world_below(sizeof(errors) / sizeof(errors[0]))];
}

int spool_commit(struct spool *spool, const struct spool_batch *batch, char err[static ERR_LEN])
{
	struct spool_sums sums = sums_of_batch(batch);

	make_room(spool, batch);
	if (collector_host_danger("before a commit"))
		return fail(-EIO, "commit", err); /* which nobody hears of */
	if (world_chance(settings.commit_failure)) {
		disk_fail(batch);
		return sabotage == SABOTAGE_LYING_DISK ? 0 : fail(some_error(), "commit", err);
	}
	disk_commit(batch);
	spool_account_added(spool->account, &sums);
	world_trace("disk: commit, %zu bodies, %llu traffic bytes, %zu ledger entries",
		batch->n_bodies, (unsigned long long)sums.traffic_bytes, batch->n_entries);
	collector_host_danger("after a commit");
	return 0;
}

static int give(struct spool *spool, size_t i, struct spool_body *ret)
{
	*ret = disk_copy(i);
	spool->given = ret->id;
	return 1;
}

int spool_next(struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN])
{
	size_t i = 0;

	if (world_chance(settings.read_failure))
		return fail(-EIO, "read", err);
	while (i < disk_count(DISK_SPOOL) && disk_body(DISK_SPOOL, i)->id <= after)
		i++;
	return i < disk_count(DISK_SPOOL) ? give(spool, i, ret) : 0;
}

int spool_newest(
	struct spool *spool, int64_t after, struct spool_body *ret, char err[static ERR_LEN])
{
	size_t n = disk_count(DISK_SPOOL);

	if (world_chance(settings.read_failure))
		return fail(-EIO, "read", err);
	return n > 0 && disk_body(DISK_SPOOL, n - 1)->id > after ? give(spool, n - 1, ret) : 0;
}

/* False: there is no such body. */
static bool find(int64_t id, size_t *ret_i, struct spool_sums *ret_sums)
{
	struct spool_sums sums = {0};

	for (size_t i = 0; i < disk_count(DISK_SPOOL); i++) {
		if (disk_body(DISK_SPOOL, i)->id != id)
			continue;
		add(&sums, disk_body(DISK_SPOOL, i));
		*ret_i = i;
		*ret_sums = sums;
		return true;
	}
	return false;
}

int spool_settle(struct spool *spool, int64_t id, const struct spool_outcome *outcome,
	char err[static ERR_LEN])
{
	struct spool_settled settled = {.is_dead_kept = true};
	size_t i;

	if (world_chance(settings.read_failure))
		return fail(some_error(), "settle", err);
	if (!find(id, &i, &settled.gone))
		return 0;
	if (outcome->is_dead_whole)
		settled.dead = settled.gone;
	if (outcome->dead)
		add(&settled.dead, outcome->dead);
	if (outcome->rest)
		add(&settled.rest, outcome->rest);
	disk_settle(i, outcome);
	spool_account_settled(spool->account, &settled);
	collector_host_danger("after a body was settled");
	return 1;
}
