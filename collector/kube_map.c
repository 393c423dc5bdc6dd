/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_map.h"

#include "kube_slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct kube_map {
	struct kube_slots slots;
	uint32_t lists[KUBE_N_KINDS]; /* the number of the one that goes on, or went last */
};

struct kube_map *kube_map_new(size_t objects_max, uint64_t hash_seed)
{
	const size_t claims_per_object = KUBE_MAP_CLAIMS_MAX / KUBE_MAP_OBJECTS_MAX;
	struct kube_map *m = calloc(1, sizeof(*m));

	assert(objects_max > 0 && objects_max <= KUBE_MAP_OBJECTS_MAX);
	if (!m)
		return NULL;
	if (!kube_slots_init(&m->slots, objects_max, objects_max * claims_per_object, hash_seed)) {
		kube_map_free(m);
		return NULL;
	}
	return m;
}

void kube_map_free(struct kube_map *m)
{
	if (!m)
		return;
	kube_slots_done(&m->slots);
	free(m);
}

/* From now on the slot's addresses are free. */
static void end_claims(struct kube_map *m, struct kube_slot *slot, int64_t until_ms)
{
	uint32_t i = slot->first_claim;

	while (i != KUBE_CLAIM_NONE) {
		struct kube_claim *claim = kube_claims_at(m->slots.claims, i);

		if (claim->span.until_ms > until_ms)
			claim->span.until_ms = until_ms;
		i = claim->sibling;
	}
}

static void end(struct kube_map *m, struct kube_slot *slot, enum kube_slot_state state,
	int64_t until_ms, int64_t now_ms)
{
	bool was_live = slot->state == KUBE_SLOT_LIVE;

	slot->state = (uint8_t)state;
	if (!was_live)
		return;
	kube_slots_end(&m->slots, slot, until_ms, now_ms);
	end_claims(m, slot, until_ms);
}

static bool has_addr(const struct kube_object *object, const struct addr *addr)
{
	for (size_t i = 0; i < object->n_addrs; i++)
		if (addr_equal(&object->addrs[i], addr))
			return true;
	return false;
}

/* The slot's claim on the address that holds now; one that was ended with the slot holds again. */
static bool is_claimed(struct kube_map *m, const struct kube_slot *slot, const struct addr *addr)
{
	uint32_t i = slot->first_claim;

	while (i != KUBE_CLAIM_NONE) {
		struct kube_claim *claim = kube_claims_at(m->slots.claims, i);

		if (addr_equal(&claim->addr, addr)) {
			claim->span.until_ms = INT64_MAX;
			return true;
		}
		i = claim->sibling;
	}
	return false;
}

/*
 * From when on an address is the slot's. Who was known without one may have waited for it: it is
 * its own from its start on, but not while another had it. A pod whose network was set up anew has
 * its new addresses from now on.
 */
static int64_t owned_from_ms(struct kube_map *m, const struct kube_slot *slot,
	const struct addr *addr, bool is_new, int64_t now_ms)
{
	if (is_new)
		return slot->span.from_ms;
	return kube_claims_free_since(m->slots.claims, addr, slot->span.from_ms, now_ms);
}

/* False: no room for some of them. The status of a pod may lose its addresses for a while; a
 * service or a node that has none gave them up. */
static bool claim_addrs(struct kube_map *m, struct kube_slot *slot,
	const struct kube_object *object, bool is_new, int64_t until_ms, int64_t now_ms)
{
	bool is_first = slot->first_claim == KUBE_CLAIM_NONE;
	bool ends_others = object->n_addrs > 0 || object->kind != KUBE_POD;
	bool is_ok = true;

	for (uint32_t i = slot->first_claim; i != KUBE_CLAIM_NONE && ends_others;) {
		struct kube_claim *claim = kube_claims_at(m->slots.claims, i);

		if (claim->span.until_ms > now_ms && !has_addr(object, &claim->addr))
			claim->span.until_ms = now_ms;
		i = claim->sibling;
	}
	for (size_t i = 0; i < object->n_addrs; i++) {
		struct kube_claim claim = {.addr = object->addrs[i],
			.is_node = object->kind == KUBE_NODE,
			.object = (uint32_t)(slot - m->slots.slots),
			.sibling = slot->first_claim,
			.span = {now_ms, until_ms}};
		uint32_t at;

		if (is_claimed(m, slot, &object->addrs[i]))
			continue;
		if (is_first)
			claim.span.from_ms = owned_from_ms(m, slot, &claim.addr, is_new, now_ms);
		at = kube_claims_add(m->slots.claims, &claim);
		if (at != KUBE_CLAIM_NONE)
			slot->first_claim = at;
		/* of what is over, an address remembers the last ones only: that is no lack of room
		 */
		is_ok &= at != KUBE_CLAIM_NONE || until_ms != INT64_MAX;
	}
	return is_ok;
}

/* When a pod that is over released its addresses. 0: nobody knows, and nobody needs it any more. */
static int64_t released_ms(
	const struct kube_slot *slot, const struct kube_object *object, int64_t now_ms)
{
	if (object->finish_ms)
		return object->finish_ms < now_ms ? object->finish_ms : now_ms;
	return slot && slot->state == KUBE_SLOT_LIVE ? now_ms : 0;
}

enum kube_map_result kube_map_put(
	struct kube_map *m, const struct kube_object *object, int64_t now_ms)
{
	int64_t until_ms = INT64_MAX;
	struct kube_slot *slot = kube_slots_find(&m->slots, object->kind, object->uid);
	bool is_new = !slot;
	bool is_ok;

	if (slot)
		slot->list = m->lists[object->kind];
	if (slot && slot->state == KUBE_SLOT_GONE)
		return KUBE_MAP_PAST;
	if (object->is_over)
		until_ms = released_ms(slot, object, now_ms);
	if (!slot && until_ms < now_ms - KUBE_MAP_HISTORY_MS)
		return KUBE_MAP_PAST;
	if (!slot)
		slot = kube_slots_new(&m->slots, object);
	if (!slot)
		return KUBE_MAP_FULL;
	if (slot->state == KUBE_SLOT_OVER && object->is_over)
		return KUBE_MAP_KEPT;
	if (slot->state == KUBE_SLOT_OVER)
		kube_slots_revive(&m->slots, slot);
	slot->list = m->lists[object->kind];
	slot->delete_ms = object->delete_ms;
	if (object->start_ms)
		slot->span.from_ms = object->start_ms;
	kube_slots_text(&m->slots, &slot->workload, object->workload);
	kube_slots_text(&m->slots, &slot->node, object->node);
	kube_slots_text(&m->slots, &slot->zone, object->zone);
	is_ok = claim_addrs(m, slot, object, is_new, until_ms, now_ms);
	if (object->is_over)
		end(m, slot, KUBE_SLOT_OVER, until_ms, now_ms);
	return is_ok ? KUBE_MAP_KEPT : KUBE_MAP_FULL;
}

void kube_map_delete(struct kube_map *m, const struct kube_object *object, int64_t now_ms)
{
	struct kube_slot *slot = kube_slots_find(&m->slots, object->kind, object->uid);

	if (slot)
		end(m, slot, KUBE_SLOT_GONE,
			object->is_over ? released_ms(slot, object, now_ms) : now_ms, now_ms);
}

void kube_map_list_begin(struct kube_map *m, enum kube_kind kind)
{
	m->lists[kind]++;
}

/* When it went nobody has seen: now at the latest, and once its deletion was to be done. */
size_t kube_map_list_end(struct kube_map *m, enum kube_kind kind, int64_t now_ms)
{
	size_t n_ended = 0;

	for (size_t i = 0; i < m->slots.n; i++) {
		struct kube_slot *slot = &m->slots.slots[i];
		int64_t until_ms = now_ms;

		if (slot->state != KUBE_SLOT_LIVE || slot->kind != kind ||
			slot->list == m->lists[kind])
			continue;
		if (slot->delete_ms && slot->delete_ms < now_ms)
			until_ms = slot->delete_ms;
		end(m, slot, KUBE_SLOT_OVER, until_ms, now_ms);
		n_ended++;
	}
	return n_ended;
}

void kube_map_expire(struct kube_map *m, int64_t now_ms)
{
	kube_slots_expire(&m->slots, now_ms - KUBE_MAP_HISTORY_MS);
}

size_t kube_map_count(const struct kube_map *m, enum kube_kind kind)
{
	return m->slots.n_live[kind];
}

size_t kube_map_count_past(const struct kube_map *m)
{
	return m->slots.n_past;
}

/* The best of a name at a time. NULL: there is none, or in several namespaces where it is not said
 * which. */
static struct kube_slot *find_named(struct kube_map *m, enum kube_kind kind, const char *namespace,
	const char *name, int64_t at_ms)
{
	struct kube_slot *best = NULL;

	for (struct kube_slot *slot = kube_slots_named(&m->slots, name); slot;
		slot = kube_slots_next_named(&m->slots, slot, name)) {
		if (slot->kind != kind || (*namespace && strcmp(slot->namespace, namespace) != 0) ||
			kube_span_distance(&slot->span, at_ms) == INT64_MAX)
			continue;
		if (best && best->namespace != slot->namespace)
			return NULL;
		if (!best || kube_span_is_better(&slot->span, &best->span, at_ms))
			best = slot;
	}
	return best;
}

static const char *known(const char *text)
{
	return text && *text ? text : NULL;
}

static void describe(
	struct kube_map *m, const struct kube_slot *slot, int64_t at_ms, struct kube_owner *ret)
{
	*ret = (struct kube_owner){.kind = slot->kind,
		.name = slot->name,
		.namespace = known(slot->namespace),
		.workload = known(slot->workload),
		.node = known(slot->node),
		.zone = known(slot->zone)};
	if (slot->kind == KUBE_POD && ret->node) {
		const struct kube_slot *node = find_named(m, KUBE_NODE, "", ret->node, at_ms);

		ret->zone = node ? known(node->zone) : NULL;
	}
}

bool kube_map_address(
	struct kube_map *m, const struct addr *addr, int64_t at_ms, struct kube_owner *ret)
{
	uint32_t i = kube_claims_find(m->slots.claims, addr, at_ms);

	if (i == KUBE_CLAIM_NONE)
		return false;
	describe(m, &m->slots.slots[kube_claims_at(m->slots.claims, i)->object], at_ms, ret);
	return true;
}

bool kube_map_pod(struct kube_map *m, const char *namespace, const char *name, int64_t at_ms,
	struct kube_owner *ret)
{
	const struct kube_slot *slot = find_named(m, KUBE_POD, namespace, name, at_ms);

	if (!slot)
		return false;
	describe(m, slot, at_ms, ret);
	return true;
}
