/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the cluster: pods, services and nodes, and whose an address was at a time. A pod
 * owns its addresses from its start on until it has succeeded, failed or is deleted; what is over
 * stays KUBE_MAP_HISTORY_MS longer, for intervals that come late. A list that is read again empties
 * nothing: what it did not name is over once it is complete. Pure; times are Unix milliseconds.
 *
 * Bounded: when it is full, what has been over for longest goes for what is new; with nothing over,
 * new objects are not taken.
 */
#pragma once

#include "kube_terms.h"

#define KUBE_MAP_OBJECTS_MAX 131072
#define KUBE_MAP_CLAIMS_MAX  262144
/* A probe's ring lasts for 74 min with as many rows as it sends by default. Until then, what it
 * kept during an outage is named as of its interval, as far as the collector was there. */
#define KUBE_MAP_HISTORY_MS (90 * 60 * 1000)

enum kube_map_result {
	KUBE_MAP_KEPT,
	KUBE_MAP_PAST, /* over for too long, nobody knows since when, or deleted before: not of use
			*/
	KUBE_MAP_FULL, /* or no memory: the object, or an address of it, is not taken */
};

/* Texts hold until the next change; NULL: not known. */
struct kube_owner {
	enum kube_kind kind;
	const char *name;
	const char *namespace;
	const char *workload;
	const char *node;
	const char *zone; /* a pod's is its node's */
};

struct kube_map;
/* objects_max: KUBE_MAP_OBJECTS_MAX, or less. NULL: no memory. */
struct kube_map *kube_map_new(size_t objects_max, uint64_t hash_seed);
void kube_map_free(struct kube_map *map);

/* It is there, as it is now. What is known of it by its uid is renewed. */
enum kube_map_result kube_map_put(
	struct kube_map *map, const struct kube_object *object, int64_t now_ms);
/* It is deleted: what is still told of it later is not believed. */
void kube_map_delete(struct kube_map *map, const struct kube_object *object, int64_t now_ms);

/* Around a list of all objects of the kind; a begin without an end does nothing. */
void kube_map_list_begin(struct kube_map *map, enum kube_kind kind);
/* How many were there before, and are not in the list. */
size_t kube_map_list_end(struct kube_map *map, enum kube_kind kind, int64_t now_ms);

/* Forgets what has been over for KUBE_MAP_HISTORY_MS. */
void kube_map_expire(struct kube_map *map, int64_t now_ms);

/* Those that are there; and those that are over, of all kinds. */
size_t kube_map_count(const struct kube_map *map, enum kube_kind kind);
size_t kube_map_count_past(const struct kube_map *map);

/* False: nobody who is known had the address then. */
bool kube_map_address(
	struct kube_map *map, const struct addr *addr, int64_t at_ms, struct kube_owner *ret);

/* A pod by its name. namespace "": not known, and then the name must be in one namespace only. */
bool kube_map_pod(struct kube_map *map, const char *namespace, const char *name, int64_t at_ms,
	struct kube_owner *ret);
