/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve_message.h"

#include "dns_answer.h"

#include <string.h>

size_t resolve_message_write(
	const char *name, uint16_t type, uint16_t id, uint8_t ret[static RESOLVE_MESSAGE_MAX])
{
	const uint8_t head[DNS_HEADER_LEN] = {
		(uint8_t)(id >> 8), (uint8_t)id, DNS_FLAG_RECURSE >> 8, 0, 0, 1, /* one question */
	};
	const uint8_t tail[4] = {(uint8_t)(type >> 8), (uint8_t)type, 0, DNS_CLASS_IN};
	struct dns_name question;

	if (!dns_name_from_text(name, &question))
		return 0;
	memcpy(ret, head, DNS_HEADER_LEN);
	memcpy(ret + DNS_HEADER_LEN, question.bytes, question.len);
	memcpy(ret + DNS_HEADER_LEN + question.len, tail, sizeof(tail));
	return DNS_HEADER_LEN + question.len + sizeof(tail);
}

/* The cursor stands behind the head. */
static bool is_ours(struct cursor *c, const char *name, uint16_t type, struct dns_question *ret)
{
	struct dns_name asked;

	return dns_name_from_text(name, &asked) && dns_read_question(c, ret) &&
	       dns_name_equal(&ret->name, &asked) && ret->type == type &&
	       ret->class == DNS_CLASS_IN;
}

static enum resolve_message_result read_addresses(struct cursor sections,
	const struct dns_head *head, const struct dns_question *question, struct addr *ret,
	size_t cap, size_t *ret_n)
{
	struct dns_found found;
	enum dns_answer_result result = dns_answer_read(sections, head, question, &found);
	bool has_addresses =
		result == DNS_ANSWER_FOUND && (head->flags & DNS_RCODE_MASK) != DNS_RCODE_NXDOMAIN;

	if (result == DNS_ANSWER_MALFORMED)
		return RESOLVE_MESSAGE_MALFORMED;
	if (!has_addresses) {
		*ret_n = 0;
		return RESOLVE_MESSAGE_EMPTY;
	}
	*ret_n = found.n < cap ? found.n : cap;
	memcpy(ret, found.addrs, *ret_n * sizeof(*ret));
	return RESOLVE_MESSAGE_OK;
}

enum resolve_message_result resolve_message_read(const uint8_t *data, size_t len, const char *name,
	uint16_t type, uint16_t id, struct addr *ret, size_t cap, size_t *ret_n)
{
	struct cursor c = cursor_at(data, len);
	struct dns_question question;
	struct dns_head head;
	unsigned int rcode;

	if (!dns_read_head(&c, &head))
		return RESOLVE_MESSAGE_MALFORMED;
	if (head.id != id || (head.flags & (DNS_FLAG_ANSWER | DNS_FLAG_OPCODE)) != DNS_FLAG_ANSWER)
		return RESOLVE_MESSAGE_NOT_OURS;
	if (head.n_questions != 1 || !is_ours(&c, name, type, &question))
		return RESOLVE_MESSAGE_NOT_OURS;
	rcode = head.flags & DNS_RCODE_MASK;
	if (head.flags & DNS_FLAG_TRUNCATED || (rcode != 0 && rcode != DNS_RCODE_NXDOMAIN))
		return RESOLVE_MESSAGE_FAILED;
	return read_addresses(c, &head, &question, ret, cap, ret_n);
}
