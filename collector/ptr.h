/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the PTR records call addresses: asked for one at a time per address and no faster than a
 * token bucket fills, remembered for their TTL, negative answers too. Never blocks.
 *
 * An observer's query goes while the bucket holds more than what the observer took lately, of which
 * a quarter is forgotten each second. So one that asks alone has the whole rate, and half of a
 * burst; of two that ask for all there is each has half; and who asks little comes before who asks
 * much. Observers whose hashes share a slot share a share.
 */
#pragma once

#include "addr.h"
#include "loop.h"
#include "record.h"
#include "stats.h"

#define PTR_CACHE_ADDRESSES 65536
#define PTR_ASKED_MAX       4096 /* queries without an answer yet */
#define PTR_ASK_PER_SECOND  50   /* a token bucket: what the resolver has to bear for long ... */
#define PTR_ASK_BURST       200  /* ... and at once */
#define PTR_OBSERVERS       4096 /* slots of their shares */

struct ptr;
/* server: "ADDR[:PORT]" or NULL for resolv.conf's. Keeps loop and stats until ptr_close. */
int ptr_open(struct loop *loop, const char *server, struct stats *stats, struct ptr **ret,
	char err[static ERR_LEN]);
void ptr_close(struct ptr *ptr);

/*
 * *ret_text: the best that is known, borrowed until the next call, or NULL. True: an answer is
 * awaited and nothing is known yet. observer: whose share a query takes; borrowed for the call.
 */
bool ptr_lookup(struct ptr *ptr, const struct addr *addr, const struct identity *observer,
	int64_t now_ms, const char **ret_text);
