/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_slots.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool kube_slots_init(struct kube_slots *m, size_t cap, size_t claims_cap, uint64_t hash_seed)
{
	size_t n_buckets = 1;

	while (n_buckets < cap)
		n_buckets *= 2;
	*m = (struct kube_slots){.seeds = {hash_seed, ~hash_seed},
		.mask = (uint32_t)n_buckets - 1,
		.cap = cap,
		.free = KUBE_SLOT_NONE,
		.oldest = KUBE_SLOT_NONE,
		.newest = KUBE_SLOT_NONE};
	m->claims = kube_claims_new(claims_cap, hash_seed);
	m->texts = intern_new(n_buckets, hash_seed);
	m->slots = calloc(cap, sizeof(*m->slots));
	m->by_uid = malloc(n_buckets * sizeof(*m->by_uid));
	m->by_name = malloc(n_buckets * sizeof(*m->by_name));
	if (!m->claims || !m->texts || !m->slots || !m->by_uid || !m->by_name)
		return false;
	memset(m->by_uid, 0xff, n_buckets * sizeof(*m->by_uid));
	memset(m->by_name, 0xff, n_buckets * sizeof(*m->by_name));
	return true;
}

void kube_slots_done(struct kube_slots *m)
{
	kube_claims_free(m->claims);
	intern_free(m->texts);
	free(m->slots);
	free(m->by_uid);
	free(m->by_name);
}

static uint32_t *uid_bucket(struct kube_slots *m, const uint64_t uid[static 2])
{
	return &m->by_uid[(uint32_t)uid[0] & m->mask];
}

static uint32_t *name_bucket(struct kube_slots *m, const char *name)
{
	return &m->by_name[(uint32_t)hash_bytes(name, strlen(name), m->seeds[0]) & m->mask];
}

static void uid_of(const struct kube_slots *m, const char *text, uint64_t ret[static 2])
{
	size_t len = strlen(text);

	ret[0] = hash_bytes(text, len, m->seeds[0]);
	ret[1] = hash_bytes(text, len, m->seeds[1]);
}

struct kube_slot *kube_slots_find(struct kube_slots *m, enum kube_kind kind, const char *text)
{
	uint64_t uid[2];
	uint32_t i;

	uid_of(m, text, uid);
	i = *uid_bucket(m, uid);
	while (i != KUBE_SLOT_NONE &&
		(m->slots[i].uid[0] != uid[0] || m->slots[i].uid[1] != uid[1] ||
			m->slots[i].kind != kind))
		i = m->slots[i].next_uid;
	return i == KUBE_SLOT_NONE ? NULL : &m->slots[i];
}

static void unlist(struct kube_slots *m, struct kube_slot *slot)
{
	*(slot->older == KUBE_SLOT_NONE ? &m->oldest : &m->slots[slot->older].newer) = slot->newer;
	*(slot->newer == KUBE_SLOT_NONE ? &m->newest : &m->slots[slot->newer].older) = slot->older;
	m->n_past--;
}

static void list_newest(struct kube_slots *m, struct kube_slot *slot)
{
	uint32_t i = (uint32_t)(slot - m->slots);

	slot->older = m->newest;
	slot->newer = KUBE_SLOT_NONE;
	*(m->newest == KUBE_SLOT_NONE ? &m->oldest : &m->slots[m->newest].newer) = i;
	m->newest = i;
	m->n_past++;
}

static void texts_put(struct kube_slots *m, struct kube_slot *slot)
{
	const char *texts[] = {slot->name, slot->namespace, slot->workload, slot->node, slot->zone};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		intern_put(m->texts, texts[i]);
}

/* A slot that is over, and in the list of those. */
static void forget(struct kube_slots *m, struct kube_slot *slot)
{
	uint32_t i = (uint32_t)(slot - m->slots);
	uint32_t *at = uid_bucket(m, slot->uid);

	while (*at != i)
		at = &m->slots[*at].next_uid;
	*at = slot->next_uid;
	at = name_bucket(m, slot->name);
	while (*at != i)
		at = &m->slots[*at].next_name;
	*at = slot->next_name;
	while (slot->first_claim != KUBE_CLAIM_NONE) {
		uint32_t claim = slot->first_claim;

		slot->first_claim = kube_claims_at(m->claims, claim)->sibling;
		kube_claims_remove(m->claims, claim);
	}
	unlist(m, slot);
	texts_put(m, slot);
	*slot = (struct kube_slot){.state = KUBE_SLOT_FREE, .next_uid = m->free};
	m->free = i;
}

static struct kube_slot *slot_take(struct kube_slots *m)
{
	uint32_t i = m->free;

	if (i == KUBE_SLOT_NONE && m->n < m->cap)
		return &m->slots[m->n++];
	if (i == KUBE_SLOT_NONE && m->oldest != KUBE_SLOT_NONE) {
		forget(m, &m->slots[m->oldest]);
		i = m->free;
	}
	if (i == KUBE_SLOT_NONE)
		return NULL;
	m->free = m->slots[i].next_uid;
	return &m->slots[i];
}

static const char *text_get(struct kube_slots *m, const char *text)
{
	return intern_get(m->texts, text, KUBE_NAME_MAX);
}

static void slot_return(struct kube_slots *m, struct kube_slot *slot)
{
	texts_put(m, slot);
	*slot = (struct kube_slot){.state = KUBE_SLOT_FREE, .next_uid = m->free};
	m->free = (uint32_t)(slot - m->slots);
}

struct kube_slot *kube_slots_new(struct kube_slots *m, const struct kube_object *object)
{
	struct kube_slot *slot = slot_take(m);
	uint32_t *bucket;

	if (!slot)
		return NULL;
	*slot = (struct kube_slot){.span = {object->start_ms, INT64_MAX},
		.name = text_get(m, object->name),
		.namespace = text_get(m, object->namespace),
		.first_claim = KUBE_CLAIM_NONE,
		.kind = (uint8_t)object->kind,
		.state = KUBE_SLOT_LIVE};
	if (!slot->name || !slot->namespace) {
		slot_return(m, slot);
		return NULL;
	}
	uid_of(m, object->uid, slot->uid);
	bucket = uid_bucket(m, slot->uid);
	slot->next_uid = *bucket;
	*bucket = (uint32_t)(slot - m->slots);
	bucket = name_bucket(m, slot->name);
	slot->next_name = *bucket;
	*bucket = (uint32_t)(slot - m->slots);
	m->n_live[object->kind]++;
	return slot;
}

void kube_slots_text(struct kube_slots *m, const char **text, const char *value)
{
	const char *former = *text;

	if (former && strncmp(former, value, KUBE_NAME_MAX) == 0)
		return;
	*text = text_get(m, value);
	intern_put(m->texts, former);
}

void kube_slots_end(struct kube_slots *m, struct kube_slot *slot, int64_t until_ms, int64_t now_ms)
{
	slot->span.until_ms = until_ms;
	slot->over_ms = now_ms;
	m->n_live[slot->kind]--;
	list_newest(m, slot);
}

void kube_slots_revive(struct kube_slots *m, struct kube_slot *slot)
{
	unlist(m, slot);
	slot->state = KUBE_SLOT_LIVE;
	slot->span.until_ms = INT64_MAX;
	m->n_live[slot->kind]++;
}

void kube_slots_expire(struct kube_slots *m, int64_t since_ms)
{
	while (m->oldest != KUBE_SLOT_NONE && m->slots[m->oldest].over_ms < since_ms)
		forget(m, &m->slots[m->oldest]);
}

static struct kube_slot *named(struct kube_slots *m, uint32_t i, const char *name)
{
	while (i != KUBE_SLOT_NONE && strcmp(m->slots[i].name, name) != 0)
		i = m->slots[i].next_name;
	return i == KUBE_SLOT_NONE ? NULL : &m->slots[i];
}

struct kube_slot *kube_slots_named(struct kube_slots *m, const char *name)
{
	return named(m, *name_bucket(m, name), name);
}

struct kube_slot *kube_slots_next_named(
	struct kube_slots *m, const struct kube_slot *slot, const char *name)
{
	return named(m, slot->next_name, name);
}
