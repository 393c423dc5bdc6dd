/* SPDX-License-Identifier: Apache-2.0 */
#include "waiting.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define N_BUCKETS 4096 /* a power of two; a group is a probe's interval, of which few wait */

struct waiting {
	uint64_t seed;
	size_t max;
	size_t used;
	struct waiting_group *first;
	struct waiting_group *last;
	struct waiting_group *buckets[N_BUCKETS];
};

struct waiting *waiting_new(size_t max, uint64_t hash_seed)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->seed = hash_seed;
	w->max = max;
	return w;
}

static void datagrams_free(struct waiting_datagram *d)
{
	while (d) {
		struct waiting_datagram *next = d->next;

		free(d);
		d = next;
	}
}

void waiting_free(struct waiting *w)
{
	struct waiting_group *g = w ? w->first : NULL;

	while (g) {
		struct waiting_group *next = g->next;

		datagrams_free(g->first);
		free(g);
		g = next;
	}
	free(w);
}

/* The first of the records that has the same text as records[i], which has one. The decoder's share
 * theirs. */
static size_t first_of_name(const struct record *records, size_t i)
{
	size_t first = 0;

	while (records[first].name != records[i].name)
		first++;
	return first;
}

static size_t names_bytes(const struct record *records, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		if (records[i].name && first_of_name(records, i) == i)
			bytes += strlen(records[i].name) + 1;
	return bytes;
}

static size_t cost(size_t n, size_t name_bytes)
{
	const size_t size = sizeof(struct record);

	return n + WAITING_DATAGRAM_COST + (name_bytes + size - 1) / size;
}

static bool has_room(const struct waiting *w, size_t n, size_t name_bytes)
{
	return cost(n, name_bytes) <= w->max - w->used;
}

bool waiting_has_room(const struct waiting *w, const struct record *records, size_t n)
{
	return has_room(w, n, names_bytes(records, n));
}

static struct waiting_group **bucket_of(
	struct waiting *w, const uint8_t boot_id[static BOOT_ID_LEN], uint64_t start_ms)
{
	uint64_t seed = w->seed ^ start_ms;

	return &w->buckets[hash_bytes(boot_id, BOOT_ID_LEN, seed) & (N_BUCKETS - 1)];
}

static void link_last(struct waiting *w, struct waiting_group *g)
{
	g->previous = w->last;
	*(w->last ? &w->last->next : &w->first) = g;
	w->last = g;
}

static void group_free(struct waiting *w, struct waiting_group *g)
{
	struct waiting_group **at = bucket_of(w, g->boot_id, g->start_ms);

	while (*at != g)
		at = &(*at)->next_in_bucket;
	*at = g->next_in_bucket;
	*(g->previous ? &g->previous->next : &w->first) = g->next;
	*(g->next ? &g->next->previous : &w->last) = g->previous;
	free(g);
}

/* The report's group, a new one where there is none; NULL: no memory. */
static struct waiting_group *group_of(
	struct waiting *w, const struct report *report, int64_t now_ms)
{
	struct waiting_group **bucket = bucket_of(w, report->boot_id, report->start_ms);
	struct waiting_group *g = *bucket;

	while (g && (g->start_ms != report->start_ms ||
			    memcmp(g->boot_id, report->boot_id, BOOT_ID_LEN) != 0))
		g = g->next_in_bucket;
	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	memcpy(g->boot_id, report->boot_id, BOOT_ID_LEN);
	g->start_ms = report->start_ms;
	g->since_ms = now_ms;
	g->end = &g->first;
	g->next_in_bucket = *bucket;
	*bucket = g;
	link_last(w, g);
	return g;
}

/* The copies' names lie behind them. */
static void copy_records(struct waiting_datagram *d, const struct record *records, size_t n)
{
	char *at = (char *)(d->records + n);

	for (size_t i = 0; i < n; i++) {
		size_t first = records[i].name ? first_of_name(records, i) : i;
		size_t len;

		d->records[i] = records[i];
		d->row_bytes += counters_bytes(&records[i].sum);
		if (!records[i].name)
			continue;
		if (first < i) {
			d->records[i].name = d->records[first].name;
			continue;
		}
		len = strlen(records[i].name) + 1;
		d->records[i].name = memcpy(at, records[i].name, len);
		at += len;
	}
}

struct waiting_group *waiting_add(struct waiting *w, const struct report *report,
	const struct record *records, size_t n, int64_t now_ms)
{
	size_t name_bytes = names_bytes(records, n);
	struct waiting_datagram *d;
	struct waiting_group *g;

	if (!has_room(w, n, name_bytes))
		return NULL;
	d = malloc(sizeof(*d) + n * sizeof(*records) + name_bytes);
	if (!d)
		return NULL;
	g = group_of(w, report, now_ms);
	if (!g) {
		free(d);
		return NULL;
	}
	*d = (struct waiting_datagram){.report = *report, .name_bytes = name_bytes, .n = n};
	copy_records(d, records, n);
	*g->end = d;
	g->end = &d->next;
	g->n_datagrams++;
	if (report->parts > g->parts)
		g->parts = report->parts;
	w->used += cost(n, name_bytes);
	return g;
}

bool waiting_is_whole(const struct waiting_group *g)
{
	return g->n_datagrams >= g->parts;
}

struct waiting_group *waiting_first(struct waiting *w)
{
	return w->first;
}

struct waiting_datagram *waiting_pop(struct waiting *w, struct waiting_group *g)
{
	struct waiting_datagram *d = g->first;

	assert(d);
	g->first = d->next;
	w->used -= cost(d->n, d->name_bytes);
	if (!g->first)
		group_free(w, g);
	return d;
}
