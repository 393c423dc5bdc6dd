/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table, and a list in the order in which the probes were heard: the one that has
 * been silent longest stands first, so that finding whom to replace takes no search, whatever an
 * attacker sends.
 */
#include "probes.h"

#include "hash.h"

#include <stdlib.h>
#include <string.h>

#define N_BUCKETS 32768 /* a power of two above PROBES_MAX */

struct entry {
	struct probe_view view;
	uint64_t hash;
	struct entry *next_in_bucket;
	struct entry *older;
	struct entry *newer;
	struct probe_said said;
	bool is_due;
	struct entry *next_due;
};

struct probes {
	uint64_t seed;
	size_t n;
	struct entry *oldest;
	struct entry *newest;
	struct entry *due;
	struct entry *buckets[N_BUCKETS];
};

struct probes *probes_new(uint64_t hash_seed)
{
	struct probes *probes = calloc(1, sizeof(*probes));

	if (probes)
		probes->seed = hash_seed;
	return probes;
}

void probes_free(struct probes *probes)
{
	if (!probes)
		return;
	for (struct entry *entry = probes->oldest, *newer; entry; entry = newer) {
		newer = entry->newer;
		free(entry);
	}
	free(probes);
}

/* The node is not part of who a probe is: a pod keeps its name where it moves. */
static uint64_t identity_hash(const struct probes *probes, const struct identity *identity)
{
	uint64_t hash = probes->seed;

	hash = hash_bytes(identity->cluster, strlen(identity->cluster), hash);
	hash = hash_bytes(identity->namespace, strlen(identity->namespace), hash);
	return hash_bytes(identity->host, strlen(identity->host), hash);
}

static bool is_same_identity(const struct identity *a, const struct identity *b)
{
	return strcmp(a->host, b->host) == 0 && strcmp(a->namespace, b->namespace) == 0 &&
	       strcmp(a->cluster, b->cluster) == 0;
}

static struct entry **bucket_of(struct probes *probes, uint64_t hash)
{
	return &probes->buckets[hash & (N_BUCKETS - 1)];
}

static struct entry *find(struct probes *probes, const struct identity *identity, uint64_t hash)
{
	struct entry *entry = *bucket_of(probes, hash);

	while (entry && (entry->hash != hash || !is_same_identity(&entry->view.identity, identity)))
		entry = entry->next_in_bucket;
	return entry;
}

static void heard_unlink(struct probes *probes, struct entry *entry)
{
	*(entry->older ? &entry->older->newer : &probes->oldest) = entry->newer;
	*(entry->newer ? &entry->newer->older : &probes->newest) = entry->older;
}

static void heard_append(struct probes *probes, struct entry *entry)
{
	entry->older = probes->newest;
	entry->newer = NULL;
	*(probes->newest ? &probes->newest->newer : &probes->oldest) = entry;
	probes->newest = entry;
}

static void due_unlink(struct probes *probes, const struct entry *entry)
{
	struct entry **at = &probes->due;

	while (*at != entry)
		at = &(*at)->next_due;
	*at = entry->next_due;
}

static void forget(struct probes *probes, struct entry *entry)
{
	struct entry **at = bucket_of(probes, entry->hash);

	while (*at != entry)
		at = &(*at)->next_in_bucket;
	*at = entry->next_in_bucket;
	if (entry->is_due)
		due_unlink(probes, entry);
	heard_unlink(probes, entry);
	probes->n--;
	free(entry);
}

static struct entry *add(struct probes *probes, uint64_t hash, int64_t now_ms)
{
	struct entry *entry;
	struct entry **bucket;

	if (probes->n == PROBES_MAX) {
		if (now_ms - probes->oldest->view.seen_ms < PROBES_STALE_MS)
			return NULL;
		forget(probes, probes->oldest);
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	bucket = bucket_of(probes, hash);
	entry->hash = hash;
	entry->next_in_bucket = *bucket;
	*bucket = entry;
	heard_append(probes, entry);
	probes->n++;
	return entry;
}

static bool is_outdated(const struct probe_view *view, const struct report *report)
{
	return memcmp(view->boot_id, report->boot_id, BOOT_ID_LEN) == 0 &&
	       report->sequence <= view->sequence;
}

/*
 * Not by the captured bytes: these are told with each part of an interval, also with the first one
 * of which the others never come.
 */
static void reckon_unreported(struct probe_view *view, const struct report *report)
{
	struct totals until = view->totals;
	const struct totals *now = &report->totals;
	uint64_t told = view->sealed_bytes + view->totals.self_bytes;
	uint64_t passed;

	if (!until.is_comparable || !now->is_comparable)
		return;
	if (now->if_rx_bytes_open < until.if_rx_bytes || now->if_tx_bytes_open < until.if_tx_bytes)
		return; /* another interface, or a start before that one */
	until.if_rx_bytes = now->if_rx_bytes_open;
	until.if_tx_bytes = now->if_tx_bytes_open;
	if (totals_interface_bytes(&until, &passed) && passed > told)
		view->unreported_bytes += passed - told;
}

bool probes_update(
	struct probes *probes, const struct report *report, bool is_first, int64_t now_ms)
{
	uint64_t hash = identity_hash(probes, &report->identity);
	struct entry *entry = find(probes, &report->identity, hash);

	if (!entry)
		entry = add(probes, hash, now_ms);
	if (!entry)
		return false;
	heard_unlink(probes, entry);
	heard_append(probes, entry);
	entry->view.seen_ms = now_ms;
	if (is_outdated(&entry->view, report))
		return true;
	if (is_first)
		reckon_unreported(&entry->view, report);
	entry->view.identity = report->identity;
	memcpy(entry->view.boot_id, report->boot_id, BOOT_ID_LEN);
	entry->view.totals = report->totals;
	entry->view.sequence = report->sequence;
	entry->view.sealed_bytes = report->sealed_bytes;
	entry->view.is_final = report->is_final;
	return true;
}

size_t probes_count(const struct probes *probes)
{
	return probes->n;
}

size_t probes_heard(const struct probes *probes, int64_t since_ms)
{
	const struct entry *entry = probes->newest;
	size_t n = 0;

	for (; entry && entry->view.seen_ms >= since_ms; entry = entry->older)
		n++;
	return n;
}

/* Of one boot totals only rise: a datagram that comes late takes none back. */
void probes_batch_add(struct probes *probes, const struct report *report, uint32_t k)
{
	uint64_t hash = identity_hash(probes, &report->identity);
	struct entry *entry = find(probes, &report->identity, hash);
	struct probe_said *said;

	if (!entry)
		return; /* it was refused, counted there */
	said = &entry->said;
	if (!entry->is_due) {
		entry->is_due = true;
		entry->next_due = probes->due;
		probes->due = entry;
	}
	if (memcmp(said->boot_id, report->boot_id, BOOT_ID_LEN) == 0 &&
		report->sequence < said->sequence)
		return;
	*said = (struct probe_said){.identity = &entry->view.identity,
		.sequence = report->sequence,
		.start_ms = report->start_ms,
		.k = k,
		.end_ms = report_end_ms(report),
		.sealed_bytes = report->sealed_bytes,
		.unreported_bytes = entry->view.unreported_bytes,
		.totals = report->totals};
	memcpy(said->boot_id, report->boot_id, BOOT_ID_LEN);
}

const struct probe_said *probes_take_due(struct probes *probes)
{
	struct entry *entry = probes->due;

	if (!entry)
		return NULL;
	probes->due = entry->next_due;
	entry->is_due = false;
	return &entry->said;
}

/* A view is the first member of its entry. */
const struct probe_view *probes_newest(const struct probes *probes)
{
	return probes->newest ? &probes->newest->view : NULL;
}

const struct probe_view *probes_older(const struct probe_view *view)
{
	const struct entry *older = ((const struct entry *)(const void *)view)->older;

	return older ? &older->view : NULL;
}

const struct probe_view *probes_newer(const struct probe_view *view)
{
	const struct entry *newer = ((const struct entry *)(const void *)view)->newer;

	return newer ? &newer->view : NULL;
}
