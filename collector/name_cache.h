/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and what a look-up said of them, for as long as its TTL; negative answers too. Fixed
 * capacity, the least recently used goes. Pure: time is passed in, monotonic milliseconds.
 */
#pragma once

#include "addr.h"

#define NAME_CACHE_TTL_MIN_MS      30000
#define NAME_CACHE_TTL_MAX_MS      3600000
#define NAME_CACHE_NEGATIVE_TTL_MS 300000
#define NAME_CACHE_FAILED_TTL_MS   30000 /* time-outs and SERVFAIL: ask again soon */

enum name_cache_state {
	NAME_CACHE_ABSENT, /* never asked, or expired */
	NAME_CACHE_ASKED,  /* an answer is awaited */
	NAME_CACHE_NAME,
	NAME_CACHE_NEGATIVE, /* there is none, for now */
};

struct name_cache;
struct name_cache *name_cache_new(size_t cap, uint64_t hash_seed);
void name_cache_free(struct name_cache *cache);

/*
 * *ret_name holds until the next call: the name for NAME_CACHE_NAME; for ABSENT and ASKED what the
 * address was called before its TTL ran out, which serves until the answer is there (RFC 8767), so
 * that a series does not flip; else NULL.
 */
enum name_cache_state name_cache_get(
	struct name_cache *cache, const struct addr *addr, int64_t now_ms, const char **ret_name);

/* False: full of addresses that are being asked for. */
bool name_cache_ask(struct name_cache *cache, const struct addr *addr, int64_t now_ms);
void name_cache_put(struct name_cache *cache, const struct addr *addr, const char *name,
	int64_t ttl_ms, int64_t now_ms);
/* name_cache_put without a name. */
void name_cache_put_negative(
	struct name_cache *cache, const struct addr *addr, int64_t ttl_ms, int64_t now_ms);
size_t name_cache_count(const struct name_cache *cache);
