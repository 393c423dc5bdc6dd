/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/kube_split collector/kube_event collector/kube_workload collector/kube_map */
/* uses: collector/kube_slots collector/kube_claims collector/intern collector/strbuf proto/addr */
/* uses: proto/hash */
/*
 * What an API server may say: the first byte chooses between a list and a watch and whose kind it
 * is, the second how long a chunk is; the rest is the answer. Objects go the whole way, into a map
 * that is soon full.
 */
#include "kube_event.h"
#include "kube_map.h"
#include "kube_split.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_MAX 8
#define NOW         INT64_C(1795708800000)

struct session {
	struct kube_parser *parser;
	struct kube_map *map;
	enum kube_kind kind;
	bool is_list;
	int64_t now_ms;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(struct session *s, const struct kube_object *object)
{
	struct kube_owner owner;

	for (size_t i = 0; i < object->n_addrs; i++)
		if (kube_map_address(s->map, &object->addrs[i], s->now_ms, &owner))
			assert(strlen(owner.name) > 0 && strlen(owner.name) <= KUBE_NAME_MAX);
	kube_map_pod(s->map, object->namespace, object->name, s->now_ms, &owner);
}

static bool object_given(void *ctx, const char *text, size_t len)
{
	struct session *s = ctx;
	struct kube_event event = {.type = KUBE_PUT};

	assert(len <= KUBE_SPLIT_OBJECT_MAX);
	s->now_ms += 1000;
	if (s->is_list ? !kube_parse_object(s->parser, s->kind, text, len, &event.object)
		       : !kube_parse_event(s->parser, s->kind, text, len, &event))
		return s->is_list;
	if (event.type == KUBE_PUT)
		kube_map_put(s->map, &event.object, s->now_ms);
	if (event.type == KUBE_DELETED)
		kube_map_delete(s->map, &event.object, s->now_ms);
	if (event.type == KUBE_PUT || event.type == KUBE_DELETED)
		look_up(s, &event.object);
	return event.type != KUBE_ERROR;
}

static void answer(struct session *s, const char *text, size_t len, size_t step)
{
	struct kube_split split;
	struct kube_list list;
	const char *envelope;
	size_t envelope_len;
	bool is_ok = true;

	kube_split_init(&split, object_given, s);
	kube_split_begin(&split, s->is_list);
	kube_map_list_begin(s->map, s->kind);
	for (size_t at = 0; is_ok && at < len; at += step)
		is_ok = kube_split_feed(&split, text + at, step < len - at ? step : len - at);
	envelope = is_ok ? kube_split_envelope(&split, &envelope_len) : NULL;
	if (envelope && kube_parse_list(s->parser, envelope, envelope_len, &list))
		kube_map_list_end(s->map, s->kind, s->now_ms);
	kube_split_done(&split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session s = {.now_ms = NOW};

	if (size < 2)
		return 0;
	s.parser = kube_parser_new();
	s.map = kube_map_new(OBJECTS_MAX, 1);
	s.is_list = data[0] & 1;
	s.kind = (enum kube_kind)((data[0] >> 1) % KUBE_N_KINDS);
	answer(&s, (const char *)data + 2, size - 2, (size_t)data[1] + 1);
	kube_map_expire(s.map, s.now_ms + 2 * (int64_t)KUBE_MAP_HISTORY_MS);
	assert(kube_map_count_past(s.map) == 0);
	kube_map_free(s.map);
	kube_parser_free(s.parser);
	return 0;
}
