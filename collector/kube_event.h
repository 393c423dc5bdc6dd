/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object, an event or a list's envelope of the Kubernetes API (core/v1, as JSON) as plain C, and
 * the only file that includes json-c. What is missing or of another type is as if it were not
 * there; what has no name or uid is no object.
 */
#pragma once

#include "kube_terms.h"

enum kube_event_type {
	KUBE_PUT, /* ADDED, MODIFIED */
	KUBE_DELETED,
	KUBE_BOOKMARK, /* only object.version */
	KUBE_ERROR,
};

struct kube_event {
	enum kube_event_type type;
	struct kube_object object;
	int code;            /* KUBE_ERROR: a Status's code, 410 for "too old"; 0: none */
	const char *message; /* KUBE_ERROR; "" for none */
};

struct kube_list {
	const char *version;
	const char *next; /* metadata.continue; "" on the last page */
};

struct kube_parser;
struct kube_parser *kube_parser_new(void); /* NULL: no memory */
void kube_parser_free(struct kube_parser *parser);

/* A list's items bear no kind: it is what was asked for. Outputs are borrowed from the parser until
 * its next call. False: malformed. */
bool kube_parse_object(struct kube_parser *parser, enum kube_kind kind, const char *text,
	size_t len, struct kube_object *ret);
bool kube_parse_event(struct kube_parser *parser, enum kube_kind kind, const char *text, size_t len,
	struct kube_event *ret);
bool kube_parse_list(
	struct kube_parser *parser, const char *text, size_t len, struct kube_list *ret);

/* metav1.Time, RFC 3339 in UTC: "2026-11-26T16:00:00Z", perhaps with a fraction. Unix time in
 * milliseconds; 0: it is none. */
int64_t kube_parse_time(const char *text);
