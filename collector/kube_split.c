/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_split.h"

#include <string.h>

/* The fat of pods and nodes. Whatever it means elsewhere, nothing by these names is looked at. */
static const char *const left_out[] = {"managedFields", "annotations", "containers",
	"initContainers", "ephemeralContainers", "initContainerStatuses", "volumes", "conditions",
	"images", "tolerations", "affinity", "topologySpreadConstraints", "nodeInfo"};

/* A chunk, and from where on its bytes are not yet in *out. */
struct chunk {
	const char *data;
	size_t len;
	size_t at;
	size_t begin;
};

void kube_split_init(struct kube_split *s, kube_split_fn *fn, void *ctx)
{
	*s = (struct kube_split){.fn = fn, .ctx = ctx};
	strbuf_init(&s->object, KUBE_SPLIT_OBJECT_MAX);
	strbuf_init(&s->envelope, KUBE_SPLIT_ENVELOPE_MAX);
}

void kube_split_done(struct kube_split *s)
{
	strbuf_done(&s->object);
	strbuf_done(&s->envelope);
}

void kube_split_begin(struct kube_split *s, bool is_list)
{
	strbuf_reset(&s->object);
	strbuf_reset(&s->envelope);
	s->is_list = is_list;
	s->out = is_list ? &s->envelope : NULL;
	s->depth = s->object_depth = s->items_depth = s->drop_depth = 0;
	s->key_at = s->key_len = 0;
	s->is_in_string = s->is_escaped = s->is_items_next = s->is_done = false;
}

static bool is_kept(const struct kube_split *s)
{
	return s->out && s->drop_depth == 0;
}

/* Bytes before end go where bytes went until now; from there on it may be elsewhere. */
static void flush(struct kube_split *s, struct chunk *c, size_t end)
{
	if (is_kept(s) && end > c->begin)
		strbuf_append(s->out, c->data + c->begin, end - c->begin);
	c->begin = end;
}

/* Where the byte at c->at stands, or will stand, in *out. */
static size_t place(const struct kube_split *s, const struct chunk *c)
{
	return s->out->len + (c->at - c->begin);
}

/* Leaves c->at on the closing quote, or at the chunk's end. */
static void pass_string(struct kube_split *s, struct chunk *c)
{
	for (; c->at < c->len; c->at++) {
		if (s->is_escaped) {
			s->is_escaped = false;
			continue;
		}
		if (c->data[c->at] == '\\')
			s->is_escaped = true;
		if (c->data[c->at] != '"')
			continue;
		s->is_in_string = false;
		if (is_kept(s))
			s->key_len = place(s, c) - s->key_at;
		return;
	}
}

/* A colon may have no string before it, and the last one was in another object. */
static bool is_key(const struct kube_split *s, const char *name)
{
	return s->key_len == strlen(name) && s->key_at + s->key_len <= s->out->len &&
	       memcmp(s->out->data + s->key_at, name, s->key_len) == 0;
}

/* The string before was a key. */
static void value_begins(struct kube_split *s, struct chunk *c)
{
	if (!is_kept(s))
		return;
	flush(s, c, c->at + 1);
	if (s->out->failed)
		return;
	if (!s->object_depth) {
		s->is_items_next = s->depth == 1 && is_key(s, "items");
		return;
	}
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		if (!is_key(s, left_out[i]))
			continue;
		strbuf_char(s->out, '0');
		s->drop_depth = s->depth;
		return;
	}
}

/* At the comma or bracket behind a value that is left out. */
static void value_ends(struct kube_split *s, struct chunk *c)
{
	s->is_items_next = false;
	if (s->drop_depth != s->depth || s->depth == 0)
		return;
	flush(s, c, c->at);
	s->drop_depth = 0;
}

/* A bracket that is in no object; s->depth counts it already. */
static bool outer_opens(struct kube_split *s, struct chunk *c, char bracket)
{
	size_t depth_of_objects = s->is_list ? s->items_depth + 1 : 1;

	if (s->is_items_next && bracket == '[') {
		flush(s, c, c->at + 1);
		s->out = NULL;
		s->items_depth = s->depth;
		return true;
	}
	if (s->is_list && !s->items_depth)
		return s->depth > 1 || (bracket == '{' && !s->is_done);
	if (bracket != '{' || s->depth != depth_of_objects)
		return false;
	flush(s, c, c->at);
	strbuf_reset(&s->object);
	s->out = &s->object;
	s->object_depth = s->depth;
	return true;
}

static bool opens(struct kube_split *s, struct chunk *c, char bracket)
{
	bool is_ok = true;

	s->depth++;
	if (!s->object_depth)
		is_ok = outer_opens(s, c, bracket);
	else if (is_kept(s) && s->depth - s->object_depth >= KUBE_SPLIT_DEPTH_MAX)
		s->object.failed = true;
	s->is_items_next = false;
	return is_ok;
}

static bool object_ends(struct kube_split *s, struct chunk *c)
{
	flush(s, c, c->at + 1);
	s->out = NULL;
	s->object_depth = 0;
	s->depth--;
	if (!s->object.failed)
		return s->fn(s->ctx, s->object.data, s->object.len);
	s->n_skipped++;
	return true;
}

static bool closes(struct kube_split *s, struct chunk *c)
{
	if (s->depth == 0)
		return false;
	value_ends(s, c);
	if (s->object_depth == s->depth)
		return object_ends(s, c);
	if (s->items_depth == s->depth) {
		flush(s, c, c->at);
		s->items_depth = 0;
		s->out = &s->envelope;
	}
	s->depth--;
	s->is_done = s->is_list && s->depth == 0;
	return true;
}

/* What is no bracket, quote, comma or colon. Between objects and around all there is only space. */
static bool is_in_place(const struct kube_split *s, char c)
{
	if (s->object_depth || (s->is_list && s->depth && !s->items_depth))
		return true;
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || (c == ',' && s->items_depth);
}

static bool take(struct kube_split *s, struct chunk *c)
{
	char byte = c->data[c->at];

	switch (byte) {
	case '{':
	case '[':
		return opens(s, c, byte);
	case '}':
	case ']':
		return closes(s, c);
	case ',':
		value_ends(s, c);
		break;
	case ':':
		value_begins(s, c);
		break;
	case '"':
		s->is_in_string = true;
		if (is_kept(s))
			s->key_at = place(s, c) + 1;
		break;
	default:
		break;
	}
	return is_in_place(s, byte);
}

bool kube_split_feed(struct kube_split *s, const char *data, size_t len)
{
	struct chunk c = {.data = data, .len = len};

	for (; c.at < len; c.at++) {
		if (s->is_in_string)
			pass_string(s, &c);
		else if (!take(s, &c))
			return false;
	}
	flush(s, &c, len);
	return !s->envelope.failed;
}

const char *kube_split_envelope(const struct kube_split *s, size_t *ret_len)
{
	if (!s->is_done || s->envelope.failed)
		return NULL;
	*ret_len = s->envelope.len;
	return s->envelope.data;
}
