/* SPDX-License-Identifier: Apache-2.0 */
#include "kube.h"

#include "clock.h"
#include "hash.h"
#include "http_client.h"
#include "kube_watch.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRE_EVERY_MS 30000

struct kube {
	struct loop *loop;
	struct stats *stats;
	struct kube_access access;
	struct http_client *client;
	struct kube_map *map;
	struct kube_watch *watches[KUBE_N_KINDS];
	struct loop_timer timer;
	int64_t start_until_ms;
};

static void expire(void *ctx, int64_t now_ms)
{
	struct kube *kube = ctx;

	kube_map_expire(kube->map, clock_wall_ms());
	kube->stats->kube_past = kube_map_count_past(kube->map);
	loop_timer_set(kube->loop, &kube->timer, now_ms + EXPIRE_EVERY_MS);
}

static int parts_open(struct kube *kube, char err[static ERR_LEN])
{
	struct kube_watch_parts parts = {.loop = kube->loop,
		.stats = kube->stats,
		.access = &kube->access,
		.silence_ms = KUBE_WATCH_SILENCE_MS};
	int r = http_client_open(kube->loop, &kube->client, err);

	if (r < 0)
		return r;
	kube->map = kube_map_new(KUBE_MAP_OBJECTS_MAX, hash_random_seed());
	if (!kube->map)
		goto no_memory;
	parts.client = kube->client;
	parts.map = kube->map;
	for (int kind = 0; kind < KUBE_N_KINDS; kind++) {
		kube->watches[kind] = kube_watch_new(&parts, (enum kube_kind)kind);
		if (!kube->watches[kind])
			goto no_memory;
	}
	return 0;

no_memory:
	snprintf(err, ERR_LEN, "names of Kubernetes: %s", strerror(ENOMEM));
	return -ENOMEM;
}

int kube_open(struct loop *loop, const struct kube_config *config, struct stats *stats,
	struct kube **ret, char err[static ERR_LEN])
{
	struct kube_access access;
	int r = kube_access_find(config, &access, err);
	struct kube *kube;

	*ret = NULL;
	if (r <= 0)
		return r;
	kube = calloc(1, sizeof(*kube));
	if (!kube) {
		snprintf(err, ERR_LEN, "names of Kubernetes: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	kube->loop = loop;
	kube->stats = stats;
	kube->access = access;
	kube->timer = (struct loop_timer){.fn = expire, .ctx = kube};
	kube->start_until_ms = clock_mono_ms() + KUBE_START_MS;
	r = parts_open(kube, err);
	if (r < 0) {
		kube_close(kube);
		return r;
	}
	loop_timer_set(loop, &kube->timer, clock_mono_ms() + EXPIRE_EVERY_MS);
	log_info("reads Kubernetes", "url=\"%s\"", kube->access.url);
	if (kube_access_is_exposed(&kube->access))
		log_warn("a token is sent without TLS",
			"url=\"%s\" act=\"sent as asked; use https\"", kube->access.url);
	*ret = kube;
	return 0;
}

void kube_close(struct kube *kube)
{
	if (!kube)
		return;
	for (int kind = 0; kind < KUBE_N_KINDS; kind++)
		kube_watch_free(kube->watches[kind]);
	loop_timer_cancel(kube->loop, &kube->timer);
	kube_map_free(kube->map);
	http_client_close(kube->client);
	free(kube);
}

bool kube_is_starting(const struct kube *kube, int64_t now_ms)
{
	if (!kube || now_ms >= kube->start_until_ms)
		return false;
	for (int kind = 0; kind < KUBE_N_KINDS; kind++)
		if (!kube_watch_is_settled(kube->watches[kind]))
			return true;
	return false;
}

bool kube_address(struct kube *kube, const struct addr *addr, int64_t at_ms, struct kube_owner *ret)
{
	return kube && kube_map_address(kube->map, addr, at_ms, ret);
}

bool kube_pod(struct kube *kube, const char *namespace, const char *name, int64_t at_ms,
	struct kube_owner *ret)
{
	return kube && kube_map_pod(kube->map, namespace, name, at_ms, ret);
}
