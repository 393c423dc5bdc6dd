/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where live frames come from: the interface, found by its name or by the default route, and the
 * capture on it. A patient source is never at its end: what does not open (no such interface yet,
 * no default route, no NET_RAW) or is lost is opened again, with pauses, and the log says so once a
 * reason. The pod that the probe sits in must not have to do without its app for that.
 */
#pragma once

#include "capture.h"
#include "link.h"

struct source_config {
	const char *interface; /* shorter than LINK_NAME_LEN, kept; NULL: the default route's */
	bool is_patient;
	bool is_dns_on; /* DNS messages are captured whole */
};

struct source;

/* Impatient: opens the capture, or fails with a sentence. Patient: fails only without memory. 0 or
 * -errno. */
int source_new(const struct source_config *config, struct source **ret, char err[static ERR_LEN]);
void source_free(struct source *source);

/* Opens the capture where that is due. Returns when to call again (monotonic ms). */
int64_t source_step(struct source *source, int64_t now_ms);

/* How the interface was right before the capture on it was opened. */
struct source_opening {
	struct link_state state;
	bool is_comparable; /* captured bytes and its counters count the same */
};
/* True once for each opening, before its first frame is dispatched. */
bool source_take_opening(struct source *source, struct source_opening *ret);

/* For poll(2); -1 while nothing is open. */
int source_fd(const struct source *source);
/* As capture_dispatch. Where nothing is open, or a patient source has just lost it: 0. */
int source_dispatch(
	struct source *source, int max, capture_fn *fn, void *ctx, char err[static ERR_LEN]);

/* "" before the first opening. */
const char *source_interface(const struct source *source);
/* Why nothing is captured, a sentence; NULL: the capture is open. */
const char *source_trouble(const struct source *source);

/* The interface as it is now. -ENETDOWN: nothing is open; -ENODEV: it is gone, or another one has
 * its name; -errno. */
int source_describe(struct source *source, struct link_state *ret);
/* Of all captures so far. */
uint64_t source_kernel_drops(struct source *source);
