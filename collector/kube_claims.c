/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_claims.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct kube_claims {
	uint64_t seed;
	size_t cap;
	size_t n;      /* slots that were ever used */
	uint32_t free; /* a list, by next */
	uint32_t mask;
	uint32_t *buckets;
	struct kube_claim *slots;
};

struct kube_claims *kube_claims_new(size_t cap, uint64_t hash_seed)
{
	struct kube_claims *c = calloc(1, sizeof(*c));
	size_t n_buckets = 1;

	assert(cap > 0 && cap < KUBE_CLAIM_NONE / 2);
	if (!c)
		return NULL;
	while (n_buckets < cap)
		n_buckets *= 2;
	*c = (struct kube_claims){.seed = hash_seed,
		.cap = cap,
		.free = KUBE_CLAIM_NONE,
		.mask = (uint32_t)n_buckets - 1};
	c->buckets = malloc(n_buckets * sizeof(*c->buckets));
	c->slots = calloc(cap, sizeof(*c->slots));
	if (!c->buckets || !c->slots) {
		kube_claims_free(c);
		return NULL;
	}
	memset(c->buckets, 0xff, n_buckets * sizeof(*c->buckets));
	return c;
}

void kube_claims_free(struct kube_claims *c)
{
	if (!c)
		return;
	free(c->buckets);
	free(c->slots);
	free(c);
}

struct kube_claim *kube_claims_at(struct kube_claims *c, uint32_t i)
{
	return &c->slots[i];
}

static uint32_t *bucket_of(struct kube_claims *c, const struct addr *addr)
{
	return &c->buckets[(uint32_t)hash_bytes(addr, sizeof(*addr), c->seed) & c->mask];
}

static void unhash(struct kube_claims *c, uint32_t i)
{
	uint32_t *at = bucket_of(c, &c->slots[i].addr);

	while (*at != i)
		at = &c->slots[*at].next;
	*at = c->slots[i].next;
	c->slots[i].addr = (struct addr){0};
}

/* False: the address has all the claims that it may have, and none was over before the new one. */
static bool make_room(struct kube_claims *c, const struct kube_claim *new)
{
	const struct addr *addr = &new->addr;
	uint32_t first_over = KUBE_CLAIM_NONE;
	unsigned n = 0;

	for (uint32_t i = *bucket_of(c, addr); i != KUBE_CLAIM_NONE; i = c->slots[i].next) {
		const struct kube_claim *claim = &c->slots[i];

		if (!addr_equal(&claim->addr, addr))
			continue;
		n++;
		if (claim->span.until_ms == INT64_MAX)
			continue;
		if (first_over == KUBE_CLAIM_NONE ||
			claim->span.until_ms < c->slots[first_over].span.until_ms)
			first_over = i;
	}
	if (n < KUBE_CLAIMS_PER_ADDR)
		return true;
	if (first_over == KUBE_CLAIM_NONE ||
		c->slots[first_over].span.until_ms > new->span.until_ms)
		return false;
	unhash(c, first_over);
	return true;
}

static uint32_t slot_take(struct kube_claims *c)
{
	uint32_t i = c->free;

	if (i != KUBE_CLAIM_NONE) {
		c->free = c->slots[i].next;
		return i;
	}
	return c->n < c->cap ? (uint32_t)c->n++ : KUBE_CLAIM_NONE;
}

uint32_t kube_claims_add(struct kube_claims *c, const struct kube_claim *claim)
{
	uint32_t *bucket = bucket_of(c, &claim->addr);
	uint32_t i;

	if (!make_room(c, claim))
		return KUBE_CLAIM_NONE;
	i = slot_take(c);
	if (i == KUBE_CLAIM_NONE)
		return i;
	c->slots[i] = *claim;
	c->slots[i].next = *bucket;
	*bucket = i;
	return i;
}

void kube_claims_remove(struct kube_claims *c, uint32_t i)
{
	if (c->slots[i].addr.len)
		unhash(c, i);
	c->slots[i].next = c->free;
	c->free = i;
}

int64_t kube_claims_free_since(
	struct kube_claims *c, const struct addr *addr, int64_t from_ms, int64_t now_ms)
{
	for (uint32_t i = *bucket_of(c, addr); i != KUBE_CLAIM_NONE; i = c->slots[i].next) {
		const struct kube_claim *claim = &c->slots[i];

		if (addr_equal(&claim->addr, addr) && !claim->is_node &&
			claim->span.until_ms > from_ms)
			from_ms = claim->span.until_ms;
	}
	return from_ms < now_ms ? from_ms : now_ms;
}

static bool is_better(const struct kube_claim *a, const struct kube_claim *b, int64_t at_ms)
{
	bool is_a_within = kube_span_distance(&a->span, at_ms) == 0;
	bool is_b_within = kube_span_distance(&b->span, at_ms) == 0;

	if (is_a_within && is_b_within && a->is_node != b->is_node)
		return b->is_node;
	return kube_span_is_better(&a->span, &b->span, at_ms);
}

uint32_t kube_claims_find(struct kube_claims *c, const struct addr *addr, int64_t at_ms)
{
	uint32_t best = KUBE_CLAIM_NONE;

	for (uint32_t i = *bucket_of(c, addr); i != KUBE_CLAIM_NONE; i = c->slots[i].next) {
		const struct kube_claim *claim = &c->slots[i];

		if (!addr_equal(&claim->addr, addr) ||
			kube_span_distance(&claim->span, at_ms) == INT64_MAX)
			continue;
		if (best == KUBE_CLAIM_NONE || is_better(claim, &c->slots[best], at_ms))
			best = i;
	}
	return best;
}
