/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pod is an instance of, from what the pod itself says of its owner: no right to read
 * ReplicaSets or Jobs is needed. Pure.
 */
#pragma once

#include "kube_terms.h"

#include <stddef.h>

struct kube_owned {
	const char *pod;
	const char *node;
	const char *owner_kind; /* "" for a pod without an owner */
	const char *owner;
	const char *template_hash; /* the label pod-template-hash; "" for none */
};

/*
 * ReplicaSet: its name without the template's hash, the Deployment's. Job: its name without the
 * scheduled time, "-" and 8 or more digits, that a CronJob puts behind its own name (minutes since
 * the epoch, seconds before Kubernetes 1.21); wrong for a Job that somebody names so by hand. Node,
 * which owns the mirror of a static pod: the pod's name without the node's. Any other owner's name
 * as it stands; without an owner the pod's.
 */
void kube_workload(const struct kube_owned *owned, char ret[static KUBE_NAME_MAX + 1]);

/*
 * The same as far as a pod's name alone tells: without the five characters that a controller puts
 * behind it (their alphabet: apimachinery's util/rand), and then without a template's hash or a
 * scheduled time. A name that only looks so is cut as well.
 */
void kube_workload_stem(const char *pod, char ret[static KUBE_NAME_MAX + 1]);
