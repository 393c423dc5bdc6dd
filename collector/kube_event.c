/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_event.h"

#include "kube_split.h"
#include "kube_workload.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH_MAX (KUBE_SPLIT_DEPTH_MAX + 1)

struct kube_parser {
	struct json_tokener *tokener;
	struct json_object *root; /* of the last call: what was given out is in there */
	char workload[KUBE_NAME_MAX + 1];
};

struct kube_parser *kube_parser_new(void)
{
	struct kube_parser *parser = calloc(1, sizeof(*parser));

	if (!parser)
		return NULL;
	parser->tokener = json_tokener_new_ex(DEPTH_MAX);
	if (!parser->tokener) {
		free(parser);
		return NULL;
	}
	json_tokener_set_flags(parser->tokener, JSON_TOKENER_STRICT);
	return parser;
}

void kube_parser_free(struct kube_parser *parser)
{
	if (!parser)
		return;
	json_object_put(parser->root);
	json_tokener_free(parser->tokener);
	free(parser);
}

static struct json_object *parse(struct kube_parser *parser, const char *text, size_t len)
{
	json_object_put(parser->root);
	parser->root = NULL;
	if (len > KUBE_SPLIT_OBJECT_MAX)
		return NULL;
	json_tokener_reset(parser->tokener);
	parser->root = json_tokener_parse_ex(parser->tokener, text, (int)len);
	return json_object_is_type(parser->root, json_type_object) ? parser->root : NULL;
}

/* A member that is of the type, or NULL; of NULL and of what is no object too. */
static struct json_object *member(struct json_object *of, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (json_object_is_type(of, json_type_object))
		json_object_object_get_ex(of, key, &value);
	return json_object_is_type(value, type) ? value : NULL;
}

static struct json_object *object_of(struct json_object *of, const char *key)
{
	return member(of, key, json_type_object);
}

static const char *text_of(struct json_object *of, const char *key)
{
	struct json_object *value = member(of, key, json_type_string);

	return value ? json_object_get_string(value) : "";
}

static size_t n_of(struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

/* n digits; -1: others. */
static int digits(const char *text, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

int64_t kube_parse_time(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00";
	struct tm tm;

	for (size_t i = 0; shape[i]; i++) {
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		if (shape[i] == '0' ? !is_digit : text[i] != shape[i])
			return 0;
	}
	tm = (struct tm){.tm_year = digits(text, 4) - 1900,
		.tm_mon = digits(text + 5, 2) - 1,
		.tm_mday = digits(text + 8, 2),
		.tm_hour = digits(text + 11, 2),
		.tm_min = digits(text + 14, 2),
		.tm_sec = digits(text + 17, 2)};
	text += strlen(shape);
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	if (text[0] != 'Z' || text[1] || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_year < 70)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static int64_t time_of(struct json_object *of, const char *key)
{
	return kube_parse_time(text_of(of, key));
}

/* "" and "None" are no addresses. What is beyond the maximum is left out. */
static void add_addr(struct kube_object *ret, const char *text)
{
	struct addr addr;

	if (ret->n_addrs == KUBE_ADDRS_MAX || addr_parse(text, &addr) < 0)
		return;
	for (size_t i = 0; i < ret->n_addrs; i++)
		if (addr_equal(&ret->addrs[i], &addr))
			return;
	ret->addrs[ret->n_addrs++] = addr;
}

/* The owner that is marked as the controller, else the first. */
static struct json_object *owner_of(struct json_object *metadata)
{
	struct json_object *owners = member(metadata, "ownerReferences", json_type_array);

	for (size_t i = 0; i < n_of(owners); i++) {
		struct json_object *owner = json_object_array_get_idx(owners, i);

		if (json_object_get_boolean(member(owner, "controller", json_type_boolean)))
			return owner;
	}
	return n_of(owners) ? json_object_array_get_idx(owners, 0) : NULL;
}

/* 0: not known, as where a container still runs in a pod that has failed (evicted, past its
 * deadline).
 */
static int64_t finish_of(struct json_object *status)
{
	struct json_object *containers = member(status, "containerStatuses", json_type_array);
	int64_t latest_ms = 0;

	for (size_t i = 0; i < n_of(containers); i++) {
		struct json_object *state =
			object_of(json_object_array_get_idx(containers, i), "state");
		int64_t ms = time_of(object_of(state, "terminated"), "finishedAt");

		if (ms == 0)
			return 0;
		if (ms > latest_ms)
			latest_ms = ms;
	}
	return latest_ms;
}

/* A Deployment's, and Argo Rollouts', which has a label of its own. */
static const char *template_hash_of(struct json_object *metadata)
{
	struct json_object *labels = object_of(metadata, "labels");
	const char *hash = text_of(labels, "pod-template-hash");

	return *hash ? hash : text_of(labels, "rollouts-pod-template-hash");
}

static void read_pod_addrs(struct json_object *status, struct kube_object *ret)
{
	struct json_object *ips = member(status, "podIPs", json_type_array);

	for (size_t i = 0; i < n_of(ips); i++)
		add_addr(ret, text_of(json_object_array_get_idx(ips, i), "ip"));
	add_addr(ret, text_of(status, "podIP"));
}

static void read_pod(struct kube_parser *parser, struct json_object *root, struct kube_object *ret)
{
	struct json_object *metadata = object_of(root, "metadata");
	struct json_object *spec = object_of(root, "spec");
	struct json_object *status = object_of(root, "status");
	struct json_object *owner = owner_of(metadata);
	const char *phase = text_of(status, "phase");
	int64_t start_ms = time_of(status, "startTime");
	struct kube_owned owned = {.pod = ret->name,
		.node = text_of(spec, "nodeName"),
		.owner_kind = text_of(owner, "kind"),
		.owner = text_of(owner, "name"),
		.template_hash = template_hash_of(metadata)};

	kube_workload(&owned, parser->workload);
	ret->workload = parser->workload;
	ret->node = owned.node;
	if (start_ms)
		ret->start_ms = start_ms;
	ret->is_over = strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
	if (ret->is_over)
		ret->finish_ms = finish_of(status);
	if (!json_object_get_boolean(member(spec, "hostNetwork", json_type_boolean)))
		read_pod_addrs(status, ret);
}

static void read_service(struct json_object *root, struct kube_object *ret)
{
	struct json_object *spec = object_of(root, "spec");
	struct json_object *ips = member(spec, "clusterIPs", json_type_array);

	for (size_t i = 0; i < n_of(ips); i++) {
		struct json_object *ip = json_object_array_get_idx(ips, i);

		if (json_object_is_type(ip, json_type_string))
			add_addr(ret, json_object_get_string(ip));
	}
	add_addr(ret, text_of(spec, "clusterIP"));
}

static void read_node(struct json_object *root, struct kube_object *ret)
{
	struct json_object *labels = object_of(object_of(root, "metadata"), "labels");
	struct json_object *addresses =
		member(object_of(root, "status"), "addresses", json_type_array);

	ret->zone = text_of(labels, "topology.kubernetes.io/zone");
	if (!*ret->zone) /* before Kubernetes 1.17 */
		ret->zone = text_of(labels, "failure-domain.beta.kubernetes.io/zone");
	for (size_t i = 0; i < n_of(addresses); i++) {
		struct json_object *one = json_object_array_get_idx(addresses, i);
		const char *type = text_of(one, "type");

		if (strcmp(type, "InternalIP") == 0 || strcmp(type, "ExternalIP") == 0)
			add_addr(ret, text_of(one, "address"));
	}
}

static bool read_object(struct kube_parser *parser, enum kube_kind kind, struct json_object *root,
	struct kube_object *ret)
{
	struct json_object *metadata = object_of(root, "metadata");

	*ret = (struct kube_object){.kind = kind,
		.uid = text_of(metadata, "uid"),
		.version = text_of(metadata, "resourceVersion"),
		.name = text_of(metadata, "name"),
		.namespace = text_of(metadata, "namespace"),
		.workload = "",
		.node = "",
		.zone = "",
		.start_ms = time_of(metadata, "creationTimestamp"),
		.delete_ms = time_of(metadata, "deletionTimestamp")};
	if (!*ret->name || !*ret->uid)
		return false;
	switch (kind) {
	case KUBE_POD:
		read_pod(parser, root, ret);
		break;
	case KUBE_SERVICE:
		read_service(root, ret);
		break;
	case KUBE_NODE:
		read_node(root, ret);
		break;
	}
	return true;
}

bool kube_parse_object(struct kube_parser *parser, enum kube_kind kind, const char *text,
	size_t len, struct kube_object *ret)
{
	return read_object(parser, kind, parse(parser, text, len), ret);
}

static bool read_bookmark(struct json_object *object, struct kube_event *ret)
{
	ret->object.version = text_of(object_of(object, "metadata"), "resourceVersion");
	return *ret->object.version != '\0';
}

static void read_status(struct json_object *status, struct kube_event *ret)
{
	ret->code = json_object_get_int(member(status, "code", json_type_int));
	ret->message = text_of(status, "message");
}

bool kube_parse_event(struct kube_parser *parser, enum kube_kind kind, const char *text, size_t len,
	struct kube_event *ret)
{
	struct json_object *root = parse(parser, text, len);
	struct json_object *object = object_of(root, "object");
	const char *type = text_of(root, "type");

	*ret = (struct kube_event){.message = ""};
	if (strcmp(type, "BOOKMARK") == 0) {
		ret->type = KUBE_BOOKMARK;
		return read_bookmark(object, ret);
	}
	if (strcmp(type, "ERROR") == 0) {
		ret->type = KUBE_ERROR;
		read_status(object, ret);
		return true;
	}
	if (strcmp(type, "DELETED") == 0)
		ret->type = KUBE_DELETED;
	else if (strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0)
		return false;
	return read_object(parser, kind, object, &ret->object);
}

bool kube_parse_list(
	struct kube_parser *parser, const char *text, size_t len, struct kube_list *ret)
{
	struct json_object *root = parse(parser, text, len);
	struct json_object *metadata = object_of(root, "metadata");
	const char *kind = text_of(root, "kind");
	size_t kind_len = strlen(kind);

	ret->version = text_of(metadata, "resourceVersion");
	ret->next = text_of(metadata, "continue");
	return *ret->version && kind_len > 4 && strcmp(kind + kind_len - 4, "List") == 0;
}
