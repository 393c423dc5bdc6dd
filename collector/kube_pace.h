/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may go wrong with a list or a watch of Kubernetes, what is asked for next, and how soon: a
 * server in trouble must not be troubled more by those who ask. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KUBE_DELAY_MAX_MS   60000
#define KUBE_REFUSED_MS     60000 /* between questions for which the right is missing */
#define KUBE_LASTING_MS     10000 /* a watch that was of use */
#define KUBE_SHORT_WATCH_MS 1000  /* one that ends sooner is not followed by another at once */

enum kube_stage {
	KUBE_LISTING,
	KUBE_WATCHING,
};

enum kube_trouble {
	KUBE_TROUBLE_NONE,
	KUBE_TROUBLE_UNREACHABLE,
	KUBE_TROUBLE_SILENT,
	KUBE_TROUBLE_UNAUTHORIZED,
	KUBE_TROUBLE_FORBIDDEN,
	KUBE_TROUBLE_BUSY,
	KUBE_TROUBLE_EXPIRED,
	KUBE_TROUBLE_UNDECODABLE,
	KUBE_TROUBLE_FAILED, /* any other answer */
};

/* Of an HTTP status; 0: there was no answer. */
enum kube_trouble kube_pace_trouble(int status);

struct kube_pace {
	enum kube_stage stage;
	unsigned failures; /* in a row, of what is asked for now */
	unsigned relists; /* in a row, without a watch that lasted; pages that work do not end it */
};

/* After a trouble: the stage is that of what is to be asked next. retry_after_s: what the server
 * asked for, or less than 0. Gives the pause; *ret_is_anew: no part of what was answered before is
 * of use any more. */
int64_t kube_pace_failed(struct kube_pace *pace, enum kube_trouble trouble, int64_t lasted_ms,
	int64_t retry_after_s, uint64_t random, bool *ret_is_anew);

/* After a page, perhaps the last, or a watch that ended as it should. Gives the pause. */
int64_t kube_pace_ended(struct kube_pace *pace, int64_t lasted_ms, bool is_list_whole);
