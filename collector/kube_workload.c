/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_workload.h"

#include <stdio.h>
#include <string.h>

#define SCHEDULE_DIGITS_MIN 8

/* How much of the name is left without "-" and suffix; all of it where it does not end so. */
static size_t len_without(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	if (suffix_len == 0 || len < suffix_len + 2 || name[len - suffix_len - 1] != '-' ||
		strcmp(name + len - suffix_len, suffix) != 0)
		return len;
	return len - suffix_len - 1;
}

static size_t len_without_schedule(const char *name)
{
	const char *dash = strrchr(name, '-');
	size_t n_digits = dash ? strspn(dash + 1, "0123456789") : 0;

	if (!dash || dash == name || n_digits < SCHEDULE_DIGITS_MIN || dash[1 + n_digits])
		return strlen(name);
	return (size_t)(dash - name);
}

void kube_workload(const struct kube_owned *owned, char ret[static KUBE_NAME_MAX + 1])
{
	const char *name = owned->owner;
	size_t len;

	if (strcmp(owned->owner_kind, "Node") == 0 || !*name)
		name = owned->pod;
	if (strcmp(owned->owner_kind, "ReplicaSet") == 0)
		len = len_without(name, owned->template_hash);
	else if (strcmp(owned->owner_kind, "Job") == 0)
		len = len_without_schedule(name);
	else if (strcmp(owned->owner_kind, "Node") == 0)
		len = len_without(name, owned->node);
	else
		len = strlen(name);
	if (len > KUBE_NAME_MAX)
		len = KUBE_NAME_MAX;
	memcpy(ret, name, len);
	ret[len] = '\0';
}
