/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_account.h"

#include <pthread.h>
#include <stdlib.h>

struct spool_account {
	pthread_mutex_t lock;
	struct spool_state state; /* what totals say is filled in when it is read */
	struct spool_totals totals;
};

void spool_sums_add(struct spool_sums *sums, const struct spool_sums *more)
{
	sums->n += more->n;
	sums->lines += more->lines;
	sums->traffic_bytes += more->traffic_bytes;
	sums->data_bytes += more->data_bytes;
}

void spool_sums_sub(struct spool_sums *sums, const struct spool_sums *less)
{
	sums->n -= less->n;
	sums->lines -= less->lines;
	sums->traffic_bytes -= less->traffic_bytes;
	sums->data_bytes -= less->data_bytes;
}

struct spool_account *spool_account_new(uint64_t max_bytes, uint64_t quota_bytes)
{
	struct spool_account *account = calloc(1, sizeof(*account));

	if (!account)
		return NULL;
	pthread_mutex_init(&account->lock, NULL);
	account->state.max_bytes = max_bytes;
	account->state.quota_bytes = quota_bytes;
	return account;
}

void spool_account_free(struct spool_account *account)
{
	if (!account)
		return;
	pthread_mutex_destroy(&account->lock);
	free(account);
}

void spool_account_found(struct spool_account *account, const struct spool_totals *totals)
{
	pthread_mutex_lock(&account->lock);
	account->totals = *totals;
	pthread_mutex_unlock(&account->lock);
}

void spool_account_added(struct spool_account *account, const struct spool_sums *more)
{
	pthread_mutex_lock(&account->lock);
	spool_sums_add(&account->totals.bodies, more);
	pthread_mutex_unlock(&account->lock);
}

void spool_account_evicted(struct spool_account *account, const struct spool_sums *gone)
{
	struct spool_state *state = &account->state;

	pthread_mutex_lock(&account->lock);
	spool_sums_sub(&account->totals.bodies, gone);
	state->evicted_bodies += gone->n;
	state->evicted_lines += gone->lines;
	state->evicted_traffic_bytes += gone->traffic_bytes;
	pthread_mutex_unlock(&account->lock);
}

void spool_totals_settle(struct spool_totals *totals, const struct spool_settled *settled)
{
	spool_sums_sub(&totals->bodies, &settled->gone);
	spool_sums_add(&totals->bodies, &settled->rest);
	spool_sums_sub(&totals->dead, &settled->dead_evicted);
	if (settled->is_dead_kept)
		spool_sums_add(&totals->dead, &settled->dead);
}

static void count_dead_evicted(struct spool_state *state, const struct spool_sums *gone)
{
	state->dead_evicted_bodies += gone->n;
	state->dead_evicted_lines += gone->lines;
	state->dead_evicted_traffic_bytes += gone->traffic_bytes;
}

void spool_account_settled(struct spool_account *account, const struct spool_settled *settled)
{
	pthread_mutex_lock(&account->lock);
	spool_totals_settle(&account->totals, settled);
	count_dead_evicted(&account->state, &settled->dead_evicted);
	if (!settled->is_dead_kept)
		count_dead_evicted(&account->state, &settled->dead);
	pthread_mutex_unlock(&account->lock);
}

void spool_account_replayed(struct spool_account *account, const struct spool_sums *moved)
{
	pthread_mutex_lock(&account->lock);
	spool_sums_sub(&account->totals.dead, moved);
	spool_sums_add(&account->totals.bodies, moved);
	account->state.replayed_lines += moved->lines;
	account->state.replayed_traffic_bytes += moved->traffic_bytes;
	pthread_mutex_unlock(&account->lock);
}

void spool_account_dead_damaged(struct spool_account *account)
{
	pthread_mutex_lock(&account->lock);
	account->state.dead_damaged++;
	count_dead_evicted(&account->state, &account->totals.dead);
	account->totals.dead = (struct spool_sums){0};
	pthread_mutex_unlock(&account->lock);
}

void spool_account_corrupt(struct spool_account *account, int64_t unix_s)
{
	struct spool_state *state = &account->state;

	pthread_mutex_lock(&account->lock);
	state->corrupt_files++;
	state->corrupt_lines += account->totals.bodies.lines;
	state->corrupt_traffic_bytes += account->totals.bodies.traffic_bytes;
	state->corrupt_s = unix_s;
	state->oldest_ms = 0;
	account->totals = (struct spool_totals){0};
	pthread_mutex_unlock(&account->lock);
}

void spool_account_room(struct spool_account *account, uint64_t bytes, uint64_t want_bytes)
{
	pthread_mutex_lock(&account->lock);
	account->state.room_bytes = bytes;
	account->state.room_want_bytes = want_bytes;
	pthread_mutex_unlock(&account->lock);
}

void spool_account_used(struct spool_account *account, uint64_t bytes)
{
	pthread_mutex_lock(&account->lock);
	account->state.used_bytes = bytes;
	pthread_mutex_unlock(&account->lock);
}

void spool_account_oldest(struct spool_account *account, int64_t since_ms)
{
	pthread_mutex_lock(&account->lock);
	account->state.oldest_ms = since_ms;
	pthread_mutex_unlock(&account->lock);
}

static void fill_in(struct spool_state *state, const struct spool_totals *totals)
{
	state->bodies = totals->bodies.n;
	state->lines = totals->bodies.lines;
	state->traffic_bytes = totals->bodies.traffic_bytes;
	state->data_bytes = totals->bodies.data_bytes;
	state->dead_bodies = totals->dead.n;
	state->dead_lines = totals->dead.lines;
	state->dead_traffic_bytes = totals->dead.traffic_bytes;
}

void spool_account_read(struct spool_account *account, struct spool_state *ret)
{
	pthread_mutex_lock(&account->lock);
	*ret = account->state;
	fill_in(ret, &account->totals);
	pthread_mutex_unlock(&account->lock);
}

void spool_account_totals(const struct spool_account *account, struct spool_totals *ret)
{
	*ret = account->totals;
}

void spool_state_show(const struct spool_state *state, struct stats *stats)
{
	stats->spool_bodies = state->bodies;
	stats->spool_lines = state->lines;
	stats->spool_bytes = state->traffic_bytes;
	stats->spool_data_bytes = state->data_bytes;
	stats->spool_max_bytes = state->max_bytes;
	stats->spool_used_bytes = state->used_bytes;
	stats->spool_quota_bytes = state->quota_bytes;
	stats->spool_room_bytes = state->room_bytes;
	stats->dead_lines = state->dead_lines;
	stats->dead_evicted_lines = state->dead_evicted_lines;
	stats->dead_evicted_bytes = state->dead_evicted_traffic_bytes;
	stats->dead_damaged = state->dead_damaged;
	stats->evicted_lines = state->evicted_lines;
	stats->evicted_bytes = state->evicted_traffic_bytes;
	stats->replayed_lines = state->replayed_lines;
	stats->replayed_bytes = state->replayed_traffic_bytes;
	stats->corrupt_files = state->corrupt_files;
	stats->corrupt_lines = state->corrupt_lines;
	stats->corrupt_bytes = state->corrupt_traffic_bytes;
}
