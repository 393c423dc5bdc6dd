/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_names.h"

#include "cursor.h"

#include <string.h>

#define HEADER_LEN   12
#define NAME_MAX_LEN 255 /* RFC 1035 2.3.4, in wire form with the root's zero */
#define LABEL_MAX    63
#define LABELS_MAX   127
#define CNAMES_MAX   16
#define RECORDS_MAX  256
#define CLASS_IN     1
#define TYPE_CNAME   5

#define FLAG_ANSWER    0x8000
#define FLAG_OPCODE    0x7800
#define FLAG_TRUNCATED 0x0200
#define FLAG_RECURSE   0x0100
#define RCODE_MASK     0x000f
#define RCODE_NXDOMAIN 3

/* Wire form, uncompressed, lower case: equal names are equal memory. */
struct name {
	size_t len;
	uint8_t bytes[NAME_MAX_LEN];
};

struct resource {
	struct name owner;
	uint16_t type;
	uint16_t class;
	struct cursor data; /* over the whole message, since names in it may point back */
	uint16_t data_len;
};

static uint8_t to_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool name_equal(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool append_label(struct name *name, const uint8_t *label, size_t len)
{
	/* One byte of length before the label, and the root's zero still to come. */
	if (len > LABEL_MAX || name->len + 1 + len + 1 > NAME_MAX_LEN)
		return false;
	name->bytes[name->len++] = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		name->bytes[name->len++] = to_lower(label[i]);
	return true;
}

static bool is_name_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '\\')
			return false;
	}
	return true;
}

static bool name_from_text(const char *text, struct name *ret)
{
	struct name name = {.len = 0};

	while (*text) {
		size_t len = strcspn(text, ".");

		if (len == 0 || !is_name_text(text, len) ||
			!append_label(&name, (const uint8_t *)text, len))
			return false;
		text += len;
		if (*text == '.')
			text++;
	}
	if (name.len == 0)
		return false;
	name.bytes[name.len++] = 0;
	*ret = name;
	return true;
}

/*
 * RFC 1035 4.1.4. Each pointer must lead to before the place where the run of labels it ends began:
 * then no chain of them can turn in a circle.
 */
static bool read_name(struct cursor *c, struct name *ret)
{
	struct cursor at = *c;
	size_t earliest = at.pos;
	bool has_jumped = false;

	ret->len = 0;
	for (int i = 0; i <= 2 * LABELS_MAX; i++) {
		uint8_t len = cursor_u8(&at);
		const uint8_t *label;

		if ((len & 0xc0) == 0xc0) {
			size_t target = (size_t)(len & 0x3f) << 8 | cursor_u8(&at);

			if (at.failed || target >= earliest)
				return false;
			if (!has_jumped)
				*c = at;
			has_jumped = true;
			earliest = at.pos = target;
			continue;
		}
		label = cursor_take(&at, len);
		if (at.failed || len > LABEL_MAX)
			return false;
		if (len == 0) {
			ret->bytes[ret->len++] = 0;
			if (!has_jumped)
				*c = at;
			return true;
		}
		if (!append_label(ret, label, len))
			return false;
	}
	return false;
}

static bool read_resource(struct cursor *c, struct resource *ret)
{
	if (!read_name(c, &ret->owner))
		return false;
	ret->type = cursor_u16(c);
	ret->class = cursor_u16(c);
	cursor_skip(c, 4); /* TTL */
	ret->data_len = cursor_u16(c);
	ret->data = *c;
	cursor_skip(c, ret->data_len);
	return !c->failed;
}

/* An address of the type asked for; its data has that type's length, which is_well_formed saw to.
 */
static struct addr read_address(const struct resource *resource)
{
	const uint8_t *bytes = resource->data.data + resource->data.pos;

	return resource->type == WIRE_NAMES_TYPE_A ? addr_v4(bytes) : addr_v6(bytes);
}

static bool is_data_good(const struct resource *resource)
{
	struct cursor data = resource->data;
	struct name target;

	if (resource->class != CLASS_IN)
		return true;
	switch (resource->type) {
	case WIRE_NAMES_TYPE_A:
		return resource->data_len == 4;
	case WIRE_NAMES_TYPE_AAAA:
		return resource->data_len == 16;
	case TYPE_CNAME:
		return read_name(&data, &target) &&
		       data.pos == resource->data.pos + resource->data_len;
	default:
		return true;
	}
}

/* answers stands at the first of n records. */
static bool is_well_formed(struct cursor answers, unsigned int n)
{
	struct resource resource;

	if (n > RECORDS_MAX)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		if (!read_resource(&answers, &resource) || !is_data_good(&resource))
			return false;
	}
	return true;
}

/*
 * Addresses that belong to *name itself. Where it has none but an alias, *name becomes that alias's
 * target and *ret_is_alias true. The order of records is not relied upon.
 */
static size_t collect(struct cursor answers, unsigned int n, uint16_t type, struct name *name,
	struct addr *ret, size_t cap, bool *ret_is_alias)
{
	struct name target = {.len = 0};
	struct resource resource;
	size_t n_found = 0;

	for (unsigned int i = 0; i < n && read_resource(&answers, &resource); i++) {
		if (resource.class != CLASS_IN || !name_equal(&resource.owner, name))
			continue;
		if (resource.type == type && n_found < cap)
			ret[n_found++] = read_address(&resource);
		else if (resource.type == TYPE_CNAME)
			read_name(&resource.data, &target);
	}
	*ret_is_alias = n_found == 0 && target.len > 0;
	if (*ret_is_alias)
		*name = target;
	return n_found;
}

static enum wire_names_result follow(struct cursor answers, unsigned int n, struct name name,
	uint16_t type, struct addr *ret, size_t cap, size_t *ret_n)
{
	for (int i = 0; i <= CNAMES_MAX; i++) {
		bool is_alias;
		size_t n_found = collect(answers, n, type, &name, ret, cap, &is_alias);

		if (!is_alias) {
			*ret_n = n_found;
			return n_found > 0 ? WIRE_NAMES_OK : WIRE_NAMES_EMPTY;
		}
	}
	return WIRE_NAMES_MALFORMED;
}

size_t wire_names_question(
	const char *name, uint16_t type, uint16_t id, uint8_t ret[static WIRE_NAMES_QUESTION_MAX])
{
	const uint8_t head[HEADER_LEN] = {
		(uint8_t)(id >> 8), (uint8_t)id, FLAG_RECURSE >> 8, 0, 0, 1, /* one question */
	};
	const uint8_t tail[4] = {(uint8_t)(type >> 8), (uint8_t)type, 0, CLASS_IN};
	struct name question;

	if (!name_from_text(name, &question))
		return 0;
	memcpy(ret, head, HEADER_LEN);
	memcpy(ret + HEADER_LEN, question.bytes, question.len);
	memcpy(ret + HEADER_LEN + question.len, tail, sizeof(tail));
	return HEADER_LEN + question.len + sizeof(tail);
}

static bool is_question(struct cursor *c, const struct name *name, uint16_t type)
{
	struct name asked;
	uint16_t asked_type, asked_class;

	if (!read_name(c, &asked))
		return false;
	asked_type = cursor_u16(c);
	asked_class = cursor_u16(c);
	return !c->failed && name_equal(&asked, name) && asked_type == type &&
	       asked_class == CLASS_IN;
}

enum wire_names_result wire_names_answer(const uint8_t *data, size_t len, const char *name,
	uint16_t type, uint16_t id, struct addr *ret, size_t cap, size_t *ret_n)
{
	struct cursor c = cursor_at(data, len);
	uint16_t got_id = cursor_u16(&c);
	uint16_t flags = cursor_u16(&c);
	uint16_t n_questions = cursor_u16(&c);
	uint16_t n_answers = cursor_u16(&c);
	struct name asked;

	cursor_skip(&c, 4); /* authority, additional */
	if (c.failed)
		return WIRE_NAMES_MALFORMED;
	if (got_id != id || (flags & (FLAG_ANSWER | FLAG_OPCODE)) != FLAG_ANSWER)
		return WIRE_NAMES_NOT_OURS;
	if (n_questions != 1 || !name_from_text(name, &asked) || !is_question(&c, &asked, type))
		return WIRE_NAMES_NOT_OURS;
	if (flags & FLAG_TRUNCATED)
		return WIRE_NAMES_FAILED;
	if ((flags & RCODE_MASK) != 0 && (flags & RCODE_MASK) != RCODE_NXDOMAIN)
		return WIRE_NAMES_FAILED;
	if (!is_well_formed(c, n_answers))
		return WIRE_NAMES_MALFORMED;
	if ((flags & RCODE_MASK) == RCODE_NXDOMAIN) {
		*ret_n = 0;
		return WIRE_NAMES_EMPTY;
	}
	return follow(c, n_answers, asked, type, ret, cap, ret_n);
}
