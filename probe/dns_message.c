/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_message.h"

#define LABEL_MAX  63
#define LABELS_MAX 127

static uint8_t to_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool append_label(struct dns_name *name, const uint8_t *label, size_t len)
{
	/* One byte of length before the label, and the root's zero still to come. */
	if (len > LABEL_MAX || name->len + 1 + len + 1 > DNS_NAME_MAX)
		return false;
	name->bytes[name->len++] = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		name->bytes[name->len++] = to_lower(label[i]);
	return true;
}

static bool is_label_text(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '\\' || text[i] == '.')
			return false;
	}
	return true;
}

bool dns_name_from_text(const char *text, struct dns_name *ret)
{
	struct dns_name name = {.len = 0};

	while (*text) {
		size_t len = strcspn(text, ".");
		const uint8_t *label = (const uint8_t *)text;

		if (len == 0 || !is_label_text(label, len) || !append_label(&name, label, len))
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

bool dns_name_to_text(const struct dns_name *name, char ret[static ADDR_HOST_LEN])
{
	char text[DNS_NAME_MAX];
	size_t n = 0;

	/* A label's length becomes the dot before it: the text has one byte less than the labels.
	 */
	for (size_t at = 0; at < name->len && name->bytes[at] != 0; at += 1U + name->bytes[at]) {
		const uint8_t *label = name->bytes + at + 1;

		if (!is_label_text(label, name->bytes[at]))
			return false;
		if (n > 0)
			text[n++] = '.';
		memcpy(text + n, label, name->bytes[at]);
		n += name->bytes[at];
	}
	if (n == 0)
		return false;
	memcpy(ret, text, n);
	ret[n] = '\0';
	return true;
}

/*
 * RFC 1035 4.1.4. Each pointer must lead to before the place where the run of labels it ends began:
 * then no chain of them can turn in a circle.
 */
bool dns_read_name(struct cursor *c, struct dns_name *ret)
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

bool dns_read_head(struct cursor *c, struct dns_head *ret)
{
	uint32_t n_others;

	ret->id = cursor_u16(c);
	ret->flags = cursor_u16(c);
	ret->n_questions = cursor_u16(c);
	ret->n_answers = cursor_u16(c);
	n_others = cursor_u16(c);
	n_others += cursor_u16(c);
	ret->n_others = n_others < UINT16_MAX ? (uint16_t)n_others : UINT16_MAX;
	return !c->failed;
}

bool dns_read_question(struct cursor *c, struct dns_question *ret)
{
	if (!dns_read_name(c, &ret->name))
		return false;
	ret->type = cursor_u16(c);
	ret->class = cursor_u16(c);
	return !c->failed;
}

bool dns_read_resource(struct cursor *c, struct dns_resource *ret)
{
	if (!dns_read_name(c, &ret->owner))
		return false;
	ret->type = cursor_u16(c);
	ret->class = cursor_u16(c);
	ret->ttl_s = cursor_u32(c);
	ret->data_len = cursor_u16(c);
	ret->data = *c;
	cursor_skip(c, ret->data_len);
	return !c->failed;
}
