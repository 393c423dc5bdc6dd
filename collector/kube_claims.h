/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owned an address when: claims, each for a time, several on one address. Fixed capacity. Pure;
 * times are Unix milliseconds.
 */
#pragma once

#include "kube_terms.h"

#define KUBE_CLAIMS_PER_ADDR 8
#define KUBE_CLAIM_NONE      UINT32_MAX

struct kube_claim {
	struct addr addr;
	bool is_node; /* behind others of that time: where each pod is a node of its own, it is the
			 pod that is of interest */
	uint32_t object;  /* the owner's, as it was given */
	uint32_t next;    /* the table's own */
	uint32_t sibling; /* the owner's next claim: the owner's to set */
	struct kube_span span;
};

struct kube_claims;
struct kube_claims *kube_claims_new(size_t cap, uint64_t hash_seed); /* NULL: no memory */
void kube_claims_free(struct kube_claims *claims);

/*
 * An address has KUBE_CLAIMS_PER_ADDR claims at most: of those that are over the first goes, which
 * its owner sees by an addr that is none. KUBE_CLAIM_NONE: full, all of them still hold, or it was
 * over before all others.
 */
uint32_t kube_claims_add(struct kube_claims *claims, const struct kube_claim *claim);
void kube_claims_remove(struct kube_claims *claims, uint32_t i);
struct kube_claim *kube_claims_at(struct kube_claims *claims, uint32_t i);

/* From when on nobody had the address any more, nodes aside: from_ms or later, now_ms at the
 * latest. */
int64_t kube_claims_free_since(
	struct kube_claims *claims, const struct addr *addr, int64_t from_ms, int64_t now_ms);

/* Whose the address was; KUBE_CLAIM_NONE: nobody's who is known. */
uint32_t kube_claims_find(struct kube_claims *claims, const struct addr *addr, int64_t at_ms);
