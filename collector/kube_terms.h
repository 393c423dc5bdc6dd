/* SPDX-License-Identifier: Apache-2.0 */
/* What the modules that speak of Kubernetes mean by an object, and by owning something for a time.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kube_kind {
	KUBE_POD,
	KUBE_SERVICE,
	KUBE_NODE,
};
#define KUBE_N_KINDS 3

#define KUBE_NAME_MAX  253 /* RFC 1123 subdomains, the longest that the API takes */
#define KUBE_ADDRS_MAX 8   /* of an object; dual stack is 2, a node may have some more */

/*
 * An object as far as it is of use here. Texts are borrowed, "" where there is none. Times are Unix
 * time, 0 where not known.
 */
struct kube_object {
	enum kube_kind kind;
	const char *uid;
	const char *version; /* resourceVersion: opaque, never compared */
	const char *name;
	const char *namespace; /* "" for nodes */
	const char *workload;  /* pods: what it is an instance of */
	const char *node;      /* pods: where it runs */
	const char *zone;      /* nodes */
	int64_t start_ms;      /* from when on its addresses are its own */
	int64_t finish_ms;     /* pods that are over: when their last container ended */
	int64_t delete_ms;     /* deletion has begun, and is to be done by then */
	bool is_over;          /* a pod that has succeeded or failed: its addresses are free */
	size_t n_addrs;        /* none for a pod on the host's network: they are its node's */
	struct addr addrs[KUBE_ADDRS_MAX];
};

struct kube_span {
	int64_t from_ms;
	int64_t until_ms; /* INT64_MAX: still */
};

/*
 * The clocks of probes, of nodes and of the API server differ, and an interval that is asked for by
 * its end began before: what nobody else owned at that moment is believed to be of whom it was
 * just before, or will be at once.
 */
#define KUBE_BEFORE_MS 5000
#define KUBE_AFTER_MS  60000

/* From at_ms to the time of owning; 0: within. INT64_MAX: too far away to be believed. */
static inline int64_t kube_span_distance(const struct kube_span *span, int64_t at_ms)
{
	if (at_ms < span->from_ms)
		return span->from_ms - at_ms <= KUBE_BEFORE_MS ? span->from_ms - at_ms : INT64_MAX;
	if (at_ms < span->until_ms)
		return 0;
	return at_ms - span->until_ms < KUBE_AFTER_MS ? at_ms - span->until_ms + 1 : INT64_MAX;
}

/* Is a the better owner? The nearer one; of two within, the one that began later. */
static inline bool kube_span_is_better(
	const struct kube_span *a, const struct kube_span *b, int64_t at_ms)
{
	int64_t to_a = kube_span_distance(a, at_ms);
	int64_t to_b = kube_span_distance(b, at_ms);

	return to_a < to_b || (to_a == to_b && a->from_ms > b->from_ms);
}
