/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of the cluster in slots: found by uid and by name, and those that are over in a list
 * by when that was learnt. Fixed capacity. What is over is forgotten, oldest first, where something
 * new needs room. Texts are interned: equal ones are one pointer. Pure.
 */
#pragma once

#include "intern.h"
#include "kube_claims.h"
#include "kube_terms.h"

#define KUBE_SLOT_NONE UINT32_MAX

enum kube_slot_state {
	KUBE_SLOT_FREE,
	KUBE_SLOT_LIVE,
	KUBE_SLOT_OVER, /* succeeded, failed, or in a list no more: it may be told of again */
	KUBE_SLOT_GONE, /* deleted */
};

struct kube_slot {
	uint64_t uid[2]; /* its hashes by two seeds: nobody can aim at both */
	struct kube_span span;
	int64_t delete_ms;
	int64_t over_ms; /* when it was learnt */
	const char *name;
	const char *namespace;
	const char *workload; /* NULL, as the next two, where not known */
	const char *node;
	const char *zone;
	uint32_t next_uid; /* in the bucket; of free slots the next one */
	uint32_t next_name;
	uint32_t older;
	uint32_t newer;
	uint32_t first_claim;
	uint32_t list; /* the last one that it was in */
	uint8_t kind;
	uint8_t state;
};

struct kube_slots {
	struct kube_claims *claims;
	struct kube_slot *slots;
	size_t n; /* that were ever used */
	size_t n_past;
	size_t n_live[KUBE_N_KINDS];

	/* the rest is its own */
	uint64_t seeds[2];
	struct intern *texts;
	uint32_t *by_uid;
	uint32_t *by_name;
	uint32_t mask;
	size_t cap;
	uint32_t free;
	uint32_t oldest; /* of those that are over */
	uint32_t newest;
};

/* False: no memory; kube_slots_done takes the half of it. */
bool kube_slots_init(struct kube_slots *slots, size_t cap, size_t claims_cap, uint64_t hash_seed);
void kube_slots_done(struct kube_slots *slots);

/* NULL: there is none. */
struct kube_slot *kube_slots_find(struct kube_slots *slots, enum kube_kind kind, const char *uid);
/* A new one, live, with its uid, names and span; NULL: full of what lives, or no memory. */
struct kube_slot *kube_slots_new(struct kube_slots *slots, const struct kube_object *object);

/* It was live: is over from now on. */
void kube_slots_end(
	struct kube_slots *slots, struct kube_slot *slot, int64_t until_ms, int64_t now_ms);
void kube_slots_revive(struct kube_slots *slots, struct kube_slot *slot);
/* Forgets what was over before since_ms. */
void kube_slots_expire(struct kube_slots *slots, int64_t since_ms);

/* One of the slot's texts becomes the value; without memory NULL. */
void kube_slots_text(struct kube_slots *slots, const char **text, const char *value);

/* The first of a name, and the next; NULL: no more. */
struct kube_slot *kube_slots_named(struct kube_slots *slots, const char *name);
struct kube_slot *kube_slots_next_named(
	struct kube_slots *slots, const struct kube_slot *slot, const char *name);
