/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "label_file.h"
#include "line.h"
#include "name_seen.h"
#include "ptr.h"
#include "scope.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(LINE_VALUE_MAX < ADDR_HOST_LEN, "a cleaned name fits");

struct names {
	struct kube *kube; /* NULL: off */
	const char *cluster;
	bool is_by_pod;
	struct label_file *labels; /* NULL: none */
	struct ptr *ptr;           /* NULL: off */
	struct stats *stats;
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

/* Where there are several clusters each has its own addresses and pods, and one is asked. */
static bool is_elsewhere(const struct names *names, const struct identity *observer)
{
	return names->cluster && observer && strcmp(names->cluster, observer->cluster) != 0;
}

/* Of a pod, say: Kubernetes takes 192.0.2.1 for a name. */
static bool is_another_address(const char *text, const struct addr *addr)
{
	struct addr other;

	return addr_parse(text, &other) == 0 && !addr_equal(&other, addr);
}

/* False: it is nobody's, or its name is unusable; an owner's is not checked by the API server. */
static bool lookup_kube(
	struct names *names, const struct names_question *question, struct name *ret)
{
	static const char *const kinds[] = {
		[KUBE_POD] = "pod", [KUBE_SERVICE] = "service", [KUBE_NODE] = "node"};
	struct kube_owner owner;
	bool is_by_workload;

	if (is_elsewhere(names, question->observer) ||
		!kube_address(names->kube, &question->addr, question->at_ms, &owner))
		return false;
	is_by_workload = owner.kind == KUBE_POD && owner.workload && !names->is_by_pod;
	line_clean(is_by_workload ? owner.workload : owner.name, ret->text);
	if (ret->text[0] == '~' || is_another_address(ret->text, &question->addr))
		return false;
	ret->by = NAMED_BY_KUBERNETES;
	ret->kind = kinds[owner.kind];
	ret->namespace = owner.namespace;
	ret->zone = owner.zone;
	return true;
}

/* What the pod asked for says more of what it wants there than any record of the address. */
static bool lookup_seen(
	struct names *names, const struct names_question *question, struct name *ret)
{
	const char *namespace = question->observer ? question->observer->namespace : "";

	if (!question->seen)
		return false;
	if (!name_seen_clean(question->seen, scope_of(&question->addr), namespace, ret->text)) {
		names->stats->seen_unusable++;
		return false;
	}
	ret->by = NAMED_BY_DNS;
	return true;
}

static bool lookup_label(struct name *ret)
{
	if (!ret->label)
		return false;
	ret->by = NAMED_BY_LABEL;
	snprintf(ret->text, sizeof(ret->text), "%s", ret->label);
	return true;
}

/* The last resort is the address. True: an answer is awaited that may be better. */
static bool lookup_ptr(struct names *names, const struct names_question *question, int64_t now_ms,
	struct name *ret)
{
	static const struct identity nobody;
	const struct identity *observer = question->observer ? question->observer : &nobody;
	const struct addr *addr = &question->addr;
	const char *text = NULL;
	bool is_awaited = false;

	enum scope scope = scope_of(addr);
	bool is_starting =
		!is_elsewhere(names, question->observer) && kube_is_starting(names->kube, now_ms);

	/* What is public is hardly ever the cluster's; of the rest perhaps nobody needs to be
	 * asked. */
	if (names->ptr && (scope == SCOPE_PUBLIC || (scope == SCOPE_PRIVATE && !is_starting)))
		is_awaited = ptr_lookup(names->ptr, addr, observer, now_ms, &text);
	is_awaited |= is_starting;
	ret->by = text ? NAMED_BY_PTR : NAMED_BY_ADDRESS;
	if (text)
		snprintf(ret->text, sizeof(ret->text), "%s", text);
	else
		addr_format(addr, ret->text);
	return is_awaited;
}

bool names_are_starting(const struct names *names, int64_t now_ms)
{
	return kube_is_starting(names->kube, now_ms);
}

bool names_lookup(struct names *names, const struct names_question *question, int64_t now_ms,
	struct name *ret)
{
	const struct addr *addr = &question->addr;

	ret->kind = scope_kind(scope_of(addr));
	ret->namespace = ret->zone = NULL;
	ret->label = names->labels ? label_file_find(names->labels, addr) : NULL;
	return lookup_kube(names, question, ret) || lookup_seen(names, question, ret) ||
	       lookup_label(ret) || !lookup_ptr(names, question, now_ms, ret);
}

void names_reload(struct names *names)
{
	if (names->labels)
		label_file_read(names->labels);
}

void names_pod(
	struct names *names, const struct identity *identity, int64_t at_ms, struct names_pod *ret)
{
	struct kube_owner owner;

	*ret = (struct names_pod){0};
	if (is_elsewhere(names, identity) ||
		!kube_pod(names->kube, identity->namespace, identity->host, at_ms, &owner))
		return;
	ret->workload = owner.workload;
	ret->node = owner.node;
	ret->zone = owner.zone;
}

int names_open(struct loop *loop, const struct names_config *config, struct stats *stats,
	struct names **ret, char err[static ERR_LEN])
{
	struct names *names = calloc(1, sizeof(*names));
	int r;

	if (!names) {
		snprintf(err, ERR_LEN, "names: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	names->stats = stats;
	names->is_by_pod = config->is_by_pod;
	names->cluster = config->cluster;
	r = kube_open(loop, &config->kube, stats, &names->kube, err);
	if (r == 0 && config->labels)
		r = label_file_open(loop, config->labels, stats, &names->labels, err);
	if (r == 0 && config->is_ptr_on)
		r = ptr_open(loop, config->dns_server, stats, &names->ptr, err);
	if (r < 0) {
		names_close(names);
		return r;
	}
	*ret = names;
	return 0;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	ptr_close(names->ptr);
	kube_close(names->kube);
	label_file_close(names->labels);
	free(names);
}
