/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "clock.h"
#include "dns.h"
#include "hash.h"
#include "line.h"
#include "name_cache.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_ADDRESSES 65536
#define ASKED_MAX       4096 /* queries without an answer yet */
#define ASK_PER_SECOND  50   /* a token bucket: what the resolver has to bear for long ... */
#define ASK_BURST       200  /* ... and at once */

static_assert(LINE_VALUE_MAX < ADDR_HOST_LEN, "a cleaned name fits");

enum scope {
	SCOPE_PUBLIC,
	SCOPE_PRIVATE,
	SCOPE_SPECIAL, /* loopback, link-local, multicast, unspecified: no PTR record speaks of it
			*/
};

struct names {
	struct dns *dns; /* NULL: PTR is off */
	struct name_cache *cache;
	struct stats *stats;
	unsigned n_asked;
	int64_t tokens_milli; /* thousandths of a query */
	int64_t tokens_ms;    /* as of then */
};

const char *named_by_text(enum named_by by)
{
	static const char *const texts[] = {
		[NAMED_BY_KUBERNETES] = "kubernetes",
		[NAMED_BY_DNS] = "dns",
		[NAMED_BY_LABEL] = "label",
		[NAMED_BY_PTR] = "ptr",
		[NAMED_BY_ADDRESS] = "address",
		[NAMED_BY_NONE] = "-",
	};

	return texts[by];
}

/* The IANA special-purpose registries (RFC 6890), RFC 6598 among the private, and RFC 5771. */
static enum scope scope_v4(const uint8_t b[static 4])
{
	if (b[0] == 0 || b[0] == 127 || b[0] >= 224 || (b[0] == 169 && b[1] == 254))
		return SCOPE_SPECIAL;
	if (b[0] == 10 || (b[0] == 172 && b[1] >> 4 == 1) || (b[0] == 192 && b[1] == 168) ||
		(b[0] == 100 && b[1] >> 6 == 1))
		return SCOPE_PRIVATE;
	return SCOPE_PUBLIC;
}

/* RFC 4291 2.4, RFC 4193. */
static enum scope scope_v6(const uint8_t b[static 16])
{
	static const uint8_t zeros[15];

	if (b[0] == 0xff || (b[0] == 0xfe && b[1] >> 6 == 2))
		return SCOPE_SPECIAL;
	if (b[0] == 0 && memcmp(b, zeros, sizeof(zeros)) == 0 && b[15] <= 1)
		return SCOPE_SPECIAL;
	return b[0] >> 1 == 0xfc >> 1 ? SCOPE_PRIVATE : SCOPE_PUBLIC;
}

static enum scope scope_of(const struct addr *addr)
{
	if (addr->len == 4)
		return scope_v4(addr->bytes);
	return addr->len == 16 ? scope_v6(addr->bytes) : SCOPE_SPECIAL;
}

/*
 * Made a value of a tag. False: nothing of it is left, it claims to be one of our own remainders
 * ("~other"), or it is an address, which would speak for somebody else.
 */
static bool ptr_clean(const char *raw, char ret[static ADDR_HOST_LEN])
{
	bool has_letters = false;
	struct addr addr;
	size_t len;

	line_clean(raw, ret);
	len = strlen(ret);
	if (len < LINE_VALUE_MAX && ret[len - 1] == '.')
		ret[--len] = '\0';
	for (size_t i = 0; i < len; i++) {
		has_letters |= isalnum((unsigned char)ret[i]) != 0;
		ret[i] = (char)tolower((unsigned char)ret[i]);
	}
	return has_letters && ret[0] != '~' && addr_parse(ret, &addr) < 0;
}

/* A server that fails says nothing about the name: what it was before stays, or there is none. */
static void name_keep(struct names *names, const struct addr *addr, int64_t now_ms)
{
	char text[ADDR_HOST_LEN];
	const char *former;

	name_cache_get(names->cache, addr, now_ms, &former);
	if (!former) {
		name_cache_put_negative(names->cache, addr, NAME_CACHE_FAILED_TTL_MS, now_ms);
		return;
	}
	snprintf(text, sizeof(text), "%s", former);
	name_cache_put(names->cache, addr, text, NAME_CACHE_FAILED_TTL_MS, now_ms);
}

static void answered(void *ctx, const struct addr *addr, enum dns_outcome outcome, const char *name,
	uint32_t ttl_s)
{
	struct names *names = ctx;
	int64_t now_ms = clock_mono_ms();
	char text[ADDR_HOST_LEN];

	names->n_asked--;
	switch (outcome) {
	case DNS_NAME:
		if (!ptr_clean(name, text))
			break;
		names->stats->ptr_names++;
		name_cache_put(names->cache, addr, text, (int64_t)ttl_s * 1000, now_ms);
		return;
	case DNS_FAILED:
		names->stats->ptr_failed++;
		name_keep(names, addr, now_ms);
		return;
	case DNS_NONE:
		break;
	}
	names->stats->ptr_none++;
	name_cache_put_negative(names->cache, addr, NAME_CACHE_NEGATIVE_TTL_MS, now_ms);
}

static bool token_take(struct names *names, int64_t now_ms)
{
	const int64_t max = (int64_t)ASK_BURST * 1000;

	if (now_ms > names->tokens_ms) {
		names->tokens_milli += (now_ms - names->tokens_ms) * ASK_PER_SECOND;
		names->tokens_ms = now_ms;
	}
	if (names->tokens_milli > max)
		names->tokens_milli = max;
	if (names->tokens_milli < 1000)
		return false;
	names->tokens_milli -= 1000;
	return true;
}

/* What is throttled is not remembered: it is asked for when its address is seen again. */
static bool ask(struct names *names, const struct addr *addr, int64_t now_ms)
{
	if (names->n_asked >= ASKED_MAX || !token_take(names, now_ms) ||
		!name_cache_ask(names->cache, addr, now_ms)) {
		names->stats->ptr_throttled++;
		return false;
	}
	names->n_asked++;
	names->stats->ptr_asked++;
	if (!dns_ask_ptr(names->dns, addr))
		answered(names, addr, DNS_FAILED, "", 0);
	return true;
}

/* *ret_text: the best that is known, or NULL. True: an answer is awaited and nothing is known yet.
 */
static bool ptr_lookup(
	struct names *names, const struct addr *addr, int64_t now_ms, const char **ret_text)
{
	enum name_cache_state state = name_cache_get(names->cache, addr, now_ms, ret_text);

	/* An answer may come at once: no server, or no memory. */
	if (state == NAME_CACHE_ABSENT && ask(names, addr, now_ms))
		state = name_cache_get(names->cache, addr, now_ms, ret_text);
	return state == NAME_CACHE_ASKED && !*ret_text;
}

bool names_lookup(struct names *names, const struct names_question *question, int64_t now_ms,
	struct name *ret)
{
	const struct addr *addr = &question->addr;
	enum scope scope = scope_of(addr);
	const char *text = NULL;
	bool is_awaited = false;

	ret->kind = scope == SCOPE_PUBLIC ? "external" : "other";
	ret->namespace = ret->zone = ret->label = NULL;
	if (names->dns && scope != SCOPE_SPECIAL)
		is_awaited = ptr_lookup(names, addr, now_ms, &text);
	if (text) {
		ret->by = NAMED_BY_PTR;
		snprintf(ret->text, sizeof(ret->text), "%s", text);
	} else {
		ret->by = NAMED_BY_ADDRESS;
		addr_format(addr, ret->text);
	}
	return !is_awaited;
}

void names_pod(
	struct names *names, const struct identity *identity, int64_t at_ms, struct names_pod *ret)
{
	(void)names;
	(void)identity;
	(void)at_ms;
	*ret = (struct names_pod){0};
}

int names_open(struct loop *loop, const struct names_config *config, struct stats *stats,
	struct names **ret, char err[static ERR_LEN])
{
	struct names *names = calloc(1, sizeof(*names));
	int r = -ENOMEM;

	if (names)
		names->cache = name_cache_new(CACHE_ADDRESSES, hash_random_seed());
	if (!names || !names->cache) {
		snprintf(err, ERR_LEN, "table of names: %s", strerror(ENOMEM));
		goto fail;
	}
	names->stats = stats;
	names->tokens_ms = clock_mono_ms();
	names->tokens_milli = (int64_t)ASK_BURST * 1000;
	if (config->is_ptr_on) {
		r = dns_open(loop, config->dns_server, answered, names, &names->dns, err);
		if (r < 0)
			goto fail;
	}
	*ret = names;
	return 0;

fail:
	names_close(names);
	return r;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	dns_close(names->dns);
	name_cache_free(names->cache);
	free(names);
}
