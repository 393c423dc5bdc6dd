/* SPDX-License-Identifier: Apache-2.0 */
#include "ptr.h"

#include "clock.h"
#include "dns.h"
#include "hash.h"
#include "name_cache.h"
#include "name_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORGET_MS (PTR_ASK_BURST / PTR_ASK_PER_SECOND * 1000) /* so that one alone has it all */

struct share {
	int64_t taken_milli; /* as the tokens */
	int64_t ms;          /* as of then */
};

struct ptr {
	struct dns *dns;
	struct name_cache *cache;
	struct stats *stats;
	unsigned n_asked;
	int64_t tokens_milli; /* thousandths of a query */
	int64_t tokens_ms;    /* as of then */
	uint64_t seed;
	struct share shares[PTR_OBSERVERS];
};

/* A server that fails says nothing about the name: what it was before stays, or there is none. */
static void name_keep(struct ptr *ptr, const struct addr *addr, int64_t now_ms)
{
	char text[ADDR_HOST_LEN];
	const char *former;

	name_cache_get(ptr->cache, addr, now_ms, &former);
	if (!former) {
		name_cache_put_negative(ptr->cache, addr, NAME_CACHE_FAILED_TTL_MS, now_ms);
		return;
	}
	snprintf(text, sizeof(text), "%s", former);
	name_cache_put(ptr->cache, addr, text, NAME_CACHE_FAILED_TTL_MS, now_ms);
}

static void answered(void *ctx, const struct addr *addr, enum dns_outcome outcome, const char *name,
	uint32_t ttl_s)
{
	struct ptr *ptr = ctx;
	int64_t now_ms = clock_mono_ms();
	char text[ADDR_HOST_LEN];

	ptr->n_asked--;
	switch (outcome) {
	case DNS_NAME:
		if (!name_text_clean(name, text))
			break;
		ptr->stats->ptr_names++;
		name_cache_put(ptr->cache, addr, text, (int64_t)ttl_s * 1000, now_ms);
		return;
	case DNS_FAILED:
		ptr->stats->ptr_failed++;
		name_keep(ptr, addr, now_ms);
		return;
	case DNS_NONE:
		break;
	}
	ptr->stats->ptr_none++;
	name_cache_put_negative(ptr->cache, addr, NAME_CACHE_NEGATIVE_TTL_MS, now_ms);
}

static void tokens_fill(struct ptr *ptr, int64_t now_ms)
{
	const int64_t max = (int64_t)PTR_ASK_BURST * 1000;

	if (now_ms > ptr->tokens_ms) {
		ptr->tokens_milli += (now_ms - ptr->tokens_ms) * PTR_ASK_PER_SECOND;
		ptr->tokens_ms = now_ms;
	}
	if (ptr->tokens_milli > max)
		ptr->tokens_milli = max;
}

static struct share *share_of(struct ptr *ptr, const struct identity *observer, int64_t now_ms)
{
	uint64_t hash = hash_bytes(observer->cluster, strlen(observer->cluster), ptr->seed);
	struct share *share;

	hash = hash_bytes(observer->namespace, strlen(observer->namespace), hash);
	hash = hash_bytes(observer->host, strlen(observer->host), hash);
	share = &ptr->shares[hash % PTR_OBSERVERS];
	if (now_ms > share->ms) {
		share->taken_milli =
			share->taken_milli * FORGET_MS / (FORGET_MS + now_ms - share->ms);
		share->ms = now_ms;
	}
	return share;
}

static bool token_take(struct ptr *ptr, const struct identity *observer, int64_t now_ms)
{
	struct share *share;

	tokens_fill(ptr, now_ms);
	if (ptr->tokens_milli < 1000)
		return false;
	share = share_of(ptr, observer, now_ms);
	if (ptr->tokens_milli < 1000 + share->taken_milli)
		return false;
	ptr->tokens_milli -= 1000;
	share->taken_milli += 1000;
	return true;
}

/* What is throttled is not remembered: it is asked for when its address is seen again. */
static bool ask(
	struct ptr *ptr, const struct addr *addr, const struct identity *observer, int64_t now_ms)
{
	if (ptr->n_asked >= PTR_ASKED_MAX || !token_take(ptr, observer, now_ms) ||
		!name_cache_ask(ptr->cache, addr, now_ms)) {
		ptr->stats->ptr_throttled++;
		return false;
	}
	ptr->n_asked++;
	ptr->stats->ptr_asked++;
	if (!dns_ask_ptr(ptr->dns, addr))
		answered(ptr, addr, DNS_FAILED, "", 0);
	return true;
}

bool ptr_lookup(struct ptr *ptr, const struct addr *addr, const struct identity *observer,
	int64_t now_ms, const char **ret_text)
{
	enum name_cache_state state = name_cache_get(ptr->cache, addr, now_ms, ret_text);

	/* An answer may come at once: no server, or no memory. */
	if (state == NAME_CACHE_ABSENT && ask(ptr, addr, observer, now_ms))
		state = name_cache_get(ptr->cache, addr, now_ms, ret_text);
	return state == NAME_CACHE_ASKED && !*ret_text;
}

int ptr_open(struct loop *loop, const char *server, struct stats *stats, struct ptr **ret,
	char err[static ERR_LEN])
{
	struct ptr *ptr = calloc(1, sizeof(*ptr));
	int r = -ENOMEM;

	if (ptr)
		ptr->cache = name_cache_new(PTR_CACHE_ADDRESSES, hash_random_seed());
	if (!ptr || !ptr->cache) {
		snprintf(err, ERR_LEN, "table of PTR records: %s", strerror(ENOMEM));
		goto fail;
	}
	ptr->stats = stats;
	ptr->seed = hash_random_seed();
	ptr->tokens_ms = clock_mono_ms();
	ptr->tokens_milli = (int64_t)PTR_ASK_BURST * 1000;
	r = dns_open(loop, server, answered, ptr, &ptr->dns, err);
	if (r < 0)
		goto fail;
	*ret = ptr;
	return 0;

fail:
	ptr_close(ptr);
	return r;
}

void ptr_close(struct ptr *ptr)
{
	if (!ptr)
		return;
	dns_close(ptr->dns);
	name_cache_free(ptr->cache);
	free(ptr);
}
