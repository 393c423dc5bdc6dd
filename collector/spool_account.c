/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_account.h"

#include <pthread.h>
#include <stdlib.h>

struct spool_account {
	pthread_mutex_t lock;
	struct spool_state state;
	uint64_t dead_data_bytes;
};

struct spool_account *spool_account_new(uint64_t max_bytes)
{
	struct spool_account *account = calloc(1, sizeof(*account));

	if (!account)
		return NULL;
	pthread_mutex_init(&account->lock, NULL);
	account->state.max_bytes = max_bytes;
	return account;
}

void spool_account_free(struct spool_account *account)
{
	if (!account)
		return;
	pthread_mutex_destroy(&account->lock);
	free(account);
}

static void add_bodies(struct spool_state *state, const struct spool_sums *more)
{
	state->bodies += more->n;
	state->lines += more->lines;
	state->traffic_bytes += more->traffic_bytes;
	state->data_bytes += more->data_bytes;
}

static void remove_bodies(struct spool_state *state, const struct spool_sums *gone)
{
	state->bodies -= gone->n;
	state->lines -= gone->lines;
	state->traffic_bytes -= gone->traffic_bytes;
	state->data_bytes -= gone->data_bytes;
}

static void add_dead(struct spool_account *account, const struct spool_sums *more)
{
	account->state.dead_bodies += more->n;
	account->state.dead_lines += more->lines;
	account->state.dead_traffic_bytes += more->traffic_bytes;
	account->dead_data_bytes += more->data_bytes;
}

static void remove_dead(struct spool_account *account, const struct spool_sums *gone)
{
	account->state.dead_bodies -= gone->n;
	account->state.dead_lines -= gone->lines;
	account->state.dead_traffic_bytes -= gone->traffic_bytes;
	account->dead_data_bytes -= gone->data_bytes;
}

void spool_account_found(struct spool_account *account, const struct spool_sums *bodies,
	const struct spool_sums *dead)
{
	pthread_mutex_lock(&account->lock);
	add_bodies(&account->state, bodies);
	add_dead(account, dead);
	pthread_mutex_unlock(&account->lock);
}

void spool_account_added(struct spool_account *account, const struct spool_sums *more)
{
	pthread_mutex_lock(&account->lock);
	add_bodies(&account->state, more);
	pthread_mutex_unlock(&account->lock);
}

void spool_account_evicted(struct spool_account *account, const struct spool_sums *gone)
{
	struct spool_state *state = &account->state;

	pthread_mutex_lock(&account->lock);
	remove_bodies(state, gone);
	state->evicted_bodies += gone->n;
	state->evicted_lines += gone->lines;
	state->evicted_traffic_bytes += gone->traffic_bytes;
	pthread_mutex_unlock(&account->lock);
}

void spool_account_settled(struct spool_account *account, const struct spool_settled *settled)
{
	pthread_mutex_lock(&account->lock);
	remove_bodies(&account->state, &settled->gone);
	add_bodies(&account->state, &settled->rest);
	remove_dead(account, &settled->dead_evicted);
	account->state.dead_evicted_bodies += settled->dead_evicted.n;
	if (settled->is_dead_kept)
		add_dead(account, &settled->dead);
	else
		account->state.dead_evicted_bodies += settled->dead.n;
	pthread_mutex_unlock(&account->lock);
}

void spool_account_oldest(struct spool_account *account, int64_t since_ms)
{
	pthread_mutex_lock(&account->lock);
	account->state.oldest_ms = since_ms;
	pthread_mutex_unlock(&account->lock);
}

void spool_account_read(struct spool_account *account, struct spool_state *ret)
{
	pthread_mutex_lock(&account->lock);
	*ret = account->state;
	pthread_mutex_unlock(&account->lock);
}

uint64_t spool_account_dead_bytes(const struct spool_account *account)
{
	return account->dead_data_bytes;
}

void spool_state_show(const struct spool_state *state, struct stats *stats)
{
	stats->spool_bodies = state->bodies;
	stats->spool_lines = state->lines;
	stats->spool_bytes = state->traffic_bytes;
	stats->spool_data_bytes = state->data_bytes;
	stats->spool_max_bytes = state->max_bytes;
	stats->dead_lines = state->dead_lines;
	stats->evicted_lines = state->evicted_lines;
	stats->evicted_bytes = state->evicted_traffic_bytes;
}
