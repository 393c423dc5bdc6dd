/* SPDX-License-Identifier: Apache-2.0 */
#include "acks.h"

#include "hash.h"
#include "wire_ack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define N_BUCKETS 4096 /* a power of two */

struct entry {
	struct entry *next; /* in the bucket */
	struct entry *next_owed;
	struct entry *older; /* by the last datagram */
	struct entry *newer;
	int64_t noted_ms;
	uint8_t boot_id[BOOT_ID_LEN];
	struct receive_from from;
	size_t len;
	bool is_owed;
};

struct acks {
	const struct ledger *ledger;
	struct stats *stats;
	uint64_t seed;
	acks_send_fn *send;
	void *ctx;
	size_t n;
	struct entry *oldest;
	struct entry *newest;
	struct entry *owed;
	struct entry *buckets[N_BUCKETS];
};

struct acks *acks_new(const struct ledger *ledger, struct stats *stats, uint64_t hash_seed,
	acks_send_fn *send, void *ctx)
{
	struct acks *acks = calloc(1, sizeof(*acks));

	if (!acks)
		return NULL;
	acks->ledger = ledger;
	acks->stats = stats;
	acks->seed = hash_seed;
	acks->send = send;
	acks->ctx = ctx;
	return acks;
}

void acks_free(struct acks *acks)
{
	if (!acks)
		return;
	for (struct entry *entry = acks->oldest, *newer; entry; entry = newer) {
		newer = entry->newer;
		free(entry);
	}
	free(acks);
}

/* What points to the boot's entry; to NULL where there is none. */
static struct entry **find(struct acks *acks, const uint8_t *boot_id)
{
	uint64_t hash = hash_bytes(boot_id, BOOT_ID_LEN, acks->seed);
	struct entry **at = &acks->buckets[hash & (N_BUCKETS - 1)];

	while (*at && memcmp((*at)->boot_id, boot_id, BOOT_ID_LEN) != 0)
		at = &(*at)->next;
	return at;
}

static void list_unlink(struct acks *acks, struct entry *entry)
{
	*(entry->older ? &entry->older->newer : &acks->oldest) = entry->newer;
	*(entry->newer ? &entry->newer->older : &acks->newest) = entry->older;
}

static void list_append(struct acks *acks, struct entry *entry)
{
	entry->older = acks->newest;
	entry->newer = NULL;
	*(acks->newest ? &acks->newest->newer : &acks->oldest) = entry;
	acks->newest = entry;
}

static void owe(struct acks *acks, struct entry *entry)
{
	if (entry->is_owed)
		return;
	entry->is_owed = true;
	entry->next_owed = acks->owed;
	acks->owed = entry;
}

static struct entry *add(struct acks *acks, struct entry **at, const uint8_t *boot_id)
{
	struct entry *entry = acks->n < ACKS_MAX ? calloc(1, sizeof(*entry)) : NULL;

	if (!entry)
		return NULL;
	memcpy(entry->boot_id, boot_id, BOOT_ID_LEN);
	*at = entry;
	list_append(acks, entry);
	acks->n++;
	return entry;
}

void acks_note(struct acks *acks, const uint8_t boot_id[static BOOT_ID_LEN],
	const struct receive_from *from, size_t len, bool is_owed, int64_t now_ms)
{
	struct entry **at = find(acks, boot_id);
	struct entry *entry = *at ? *at : add(acks, at, boot_id);

	if (!entry) {
		acks->stats->acks_dropped++;
		return;
	}
	list_unlink(acks, entry);
	list_append(acks, entry);
	entry->from = *from;
	entry->len = len;
	entry->noted_ms = now_ms;
	if (is_owed)
		owe(acks, entry);
}

void acks_owe(struct acks *acks, const uint8_t boot_id[static BOOT_ID_LEN])
{
	struct entry *entry = *find(acks, boot_id);

	if (entry)
		owe(acks, entry);
}

static void send_one(struct acks *acks, const struct entry *entry)
{
	uint8_t buf[WIRE_DATAGRAM_MAX];
	struct ack ack;
	size_t len;

	if (!ledger_ack(acks->ledger, entry->boot_id, &ack))
		return;
	len = wire_ack_encode(&ack, entry->len, buf);
	if (len == 0 || !acks->send(acks->ctx, &entry->from, buf, len)) {
		acks->stats->acks_dropped++;
		return;
	}
	acks->stats->acks++;
	acks->stats->ack_bytes += len;
}

static void expire(struct acks *acks, int64_t now_ms)
{
	struct entry *entry = acks->oldest;

	while (entry && now_ms - entry->noted_ms > ACKS_KEPT_MS) {
		struct entry *newer = entry->newer;

		assert(!entry->older && !entry->is_owed);
		*find(acks, entry->boot_id) = entry->next;
		list_unlink(acks, entry);
		acks->n--;
		free(entry);
		entry = newer;
	}
}

void acks_send(struct acks *acks, int64_t now_ms)
{
	while (acks->owed) {
		struct entry *entry = acks->owed;

		acks->owed = entry->next_owed;
		entry->is_owed = false;
		send_one(acks, entry);
	}
	expire(acks, now_ms);
}
