/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One kind of objects of Kubernetes, kept up to date in the map: a list in pages, then a watch from
 * where the list ended, over and over
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/). What fails is asked again: a page
 * or a watch where it stopped; where the server no longer knows that version (410, as a status or
 * as an event), from a new list. Until that is complete the map keeps what it had.
 */
#pragma once

#include "http_client.h"
#include "kube_access.h"
#include "kube_map.h"
#include "loop.h"
#include "stats.h"

#define KUBE_PAGE            500
#define KUBE_WATCH_MIN_S     300 /* how long a watch is asked to last: as much, or twice that */
#define KUBE_LIST_SILENCE_MS 30000
/* Bookmarks come about once a minute; with a server that sends none, watching anew costs little. */
#define KUBE_WATCH_SILENCE_MS 100000

struct kube_watch_parts {
	struct loop *loop;
	struct http_client *client;
	struct kube_map *map;
	struct stats *stats;
	const struct kube_access *access;
	int64_t silence_ms; /* of a watch, before it is believed to be dead */
};

struct kube_watch;
/* Begins at once. Keeps what parts holds until kube_watch_free, which comes before
 * http_client_close. NULL: no memory. */
struct kube_watch *kube_watch_new(const struct kube_watch_parts *parts, enum kube_kind kind);
void kube_watch_free(struct kube_watch *watch);

/* The first list is there, or there is no right to it. */
bool kube_watch_is_settled(const struct kube_watch *watch);
