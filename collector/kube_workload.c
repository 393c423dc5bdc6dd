/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_workload.h"

#include <stdbool.h>
#include <string.h>

#define SCHEDULE_DIGITS_MIN 8
#define RANDOM_ALPHABET     "bcdfghjklmnpqrstvwxz2456789"
#define RANDOM_LEN          5
#define TEMPLATE_LEN_MIN    7 /* a 32-bit number in decimal, a letter for each digit */
#define TEMPLATE_LEN_MAX    10

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

/* How much is left of the first len without "-" and a last part of so many random characters; all
 * of it where it does not end so. */
static size_t len_without_random(const char *name, size_t len, size_t n_min, size_t n_max)
{
	size_t n = 0;

	while (n < len && strchr(RANDOM_ALPHABET, name[len - 1 - n]))
		n++;
	if (n < n_min || n > n_max || n + 1 >= len || name[len - 1 - n] != '-')
		return len;
	return len - n - 1;
}

void kube_workload_stem(const char *pod, char ret[static KUBE_NAME_MAX + 1])
{
	size_t whole = strlen(pod);
	size_t len = len_without_random(pod, whole, RANDOM_LEN, RANDOM_LEN);

	bool is_cut = len < whole;

	if (len > KUBE_NAME_MAX)
		len = KUBE_NAME_MAX;
	memcpy(ret, pod, len);
	ret[len] = '\0';
	if (!is_cut)
		return;
	ret[len_without_random(ret, strlen(ret), TEMPLATE_LEN_MIN, TEMPLATE_LEN_MAX)] = '\0';
	ret[len_without_schedule(ret)] = '\0';
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
