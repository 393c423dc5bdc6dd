/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes as a source of names: keeps pods, services and nodes up to date, and says whose an
 * address was. It never blocks and never fails: without an API server, or without the rights, it
 * logs what is missing, asks again, and knows nothing. Namespaces are not read: their names stand
 * in what they hold.
 */
#pragma once

#include "kube_access.h"
#include "kube_map.h"
#include "loop.h"
#include "stats.h"

#define KUBE_START_MS 5000 /* how long the first lists are waited for */

struct kube;
/* Gives *ret, NULL where it is off or where there is no cluster. 0 or -errno. Keeps the strings. */
int kube_open(struct loop *loop, const struct kube_config *config, struct stats *stats,
	struct kube **ret, char err[static ERR_LEN]);
void kube_close(struct kube *kube);

/* Soon more will be known: the first lists are under way, for KUBE_START_MS at most. Monotonic. */
bool kube_is_starting(const struct kube *kube, int64_t now_ms);

/* As kube_map.h's; all three take NULL, which knows nothing. */
bool kube_address(
	struct kube *kube, const struct addr *addr, int64_t at_ms, struct kube_owner *ret);
bool kube_pod(struct kube *kube, const char *namespace, const char *name, int64_t at_ms,
	struct kube_owner *ret);
