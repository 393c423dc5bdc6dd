/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts the API server's answers into single objects as they arrive, so that a page of 500 fat pods
 * never stands in memory: a list's answer {"kind":"PodList","metadata":{…},"items":[{…},…]} into
 * its items and the envelope around them, a watch's into its events {"type":…,"object":{…}}, one
 * after the other (https://kubernetes.io/docs/reference/using-api/api-concepts/). What names never
 * need (annotations, managedFields, containers, …) is left out while it passes by: its value
 * becomes 0.
 *
 * It counts brackets and strings and is no judge of JSON: the parser that gets an object is. Pure.
 */
#pragma once

#include "strbuf.h"

#define KUBE_SPLIT_OBJECT_MAX   (256 * 1024) /* without what is left out */
#define KUBE_SPLIT_DEPTH_MAX    24           /* likewise, of an object */
#define KUBE_SPLIT_ENVELOPE_MAX 16384

/* An object's text, borrowed for the call. False: enough. */
typedef bool kube_split_fn(void *ctx, const char *text, size_t len);

struct kube_split {
	kube_split_fn *fn;
	void *ctx;
	bool is_list;
	uint64_t n_skipped; /* objects over a maximum: left out, and the rest goes on */

	/* the rest is its own */
	struct strbuf object;
	struct strbuf envelope;
	struct strbuf *out; /* where bytes go; NULL: nowhere */
	size_t depth;
	size_t object_depth; /* of the object that is being read; 0: none is */
	size_t items_depth;  /* of the list's array; 0: outside */
	size_t drop_depth;   /* of what a value that is left out stands in; 0: none is */
	size_t key_at;       /* the last string in *out */
	size_t key_len;
	bool is_in_string;
	bool is_escaped;
	bool is_items_next;
	bool is_done; /* the list's envelope is closed */
};

void kube_split_init(struct kube_split *split, kube_split_fn *fn, void *ctx);
void kube_split_done(struct kube_split *split);

/* Before each answer. n_skipped goes on. */
void kube_split_begin(struct kube_split *split, bool is_list);

/* False: fn had enough, or this is no such answer; then no more may come before the next begin. */
bool kube_split_feed(struct kube_split *split, const char *data, size_t len);

/* A list's envelope, with empty items, borrowed until the next begin; NULL: the list is cut off. */
const char *kube_split_envelope(const struct kube_split *split, size_t *ret_len);
