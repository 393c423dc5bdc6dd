/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_answer.h"

#define ALIASES_MAX   16
#define KEY_IPV4_HINT 4 /* RFC 9460 14.3.2 */
#define KEY_IPV6_HINT 6

/* An HTTPS or SVCB record: priority 0 makes it an alias (RFC 9460 2.4.1). */
struct service {
	uint16_t priority;
	struct dns_name target;
	struct cursor params; /* ends where the record does */
};

struct param {
	uint16_t key;
	struct cursor value;
	size_t len;
};

static bool read_service(const struct dns_resource *resource, struct service *ret)
{
	struct cursor c = resource->data;
	size_t end = c.pos + resource->data_len;

	ret->priority = cursor_u16(&c);
	if (!dns_read_name(&c, &ret->target) || c.failed || c.pos > end)
		return false;
	c.len = end;
	ret->params = c;
	return true;
}

static bool read_param(struct cursor *c, struct param *ret)
{
	ret->key = cursor_u16(c);
	ret->len = cursor_u16(c);
	ret->value = *c;
	cursor_skip(c, ret->len);
	return !c->failed;
}

static size_t hint_bytes(uint16_t key)
{
	switch (key) {
	case KEY_IPV4_HINT:
		return 4;
	case KEY_IPV6_HINT:
		return 16;
	default:
		return 0;
	}
}

/* RFC 9460 2.2: keys in strictly increasing order; 7.3: a hint is a list that is not empty. */
static bool is_service_good(const struct dns_resource *resource)
{
	struct service service;
	struct param param;
	int last = -1;

	if (!read_service(resource, &service))
		return false;
	while (cursor_left(&service.params) > 0) {
		size_t size;

		if (!read_param(&service.params, &param) || param.key <= last)
			return false;
		last = param.key;
		size = hint_bytes(param.key);
		if (size > 0 && (param.len == 0 || param.len % size != 0))
			return false;
	}
	return true;
}

static bool is_data_good(const struct dns_resource *resource)
{
	struct cursor data = resource->data;
	struct dns_name target;

	if (resource->class != DNS_CLASS_IN)
		return true;
	switch (resource->type) {
	case DNS_TYPE_A:
		return resource->data_len == 4;
	case DNS_TYPE_AAAA:
		return resource->data_len == 16;
	case DNS_TYPE_CNAME:
		return dns_read_name(&data, &target) &&
		       data.pos == resource->data.pos + resource->data_len;
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS:
		return is_service_good(resource);
	default:
		return true;
	}
}

static bool is_well_formed(struct cursor sections, const struct dns_head *head)
{
	struct dns_resource resource;
	unsigned int n = (unsigned int)head->n_answers + head->n_others;

	if (n > DNS_RECORDS_MAX)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		if (!dns_read_resource(&sections, &resource) || !is_data_good(&resource))
			return false;
	}
	return true;
}

static void shorten(struct dns_found *found, uint32_t ttl_s)
{
	if (ttl_s < found->ttl_s)
		found->ttl_s = ttl_s;
}

static void add_address(struct dns_found *found, struct cursor *c, size_t size)
{
	const uint8_t *bytes = cursor_take(c, size);

	if (!bytes)
		return;
	if (found->n == DNS_ANSWER_ADDRS_MAX) {
		found->n_left_out++;
		return;
	}
	found->addrs[found->n++] = size == 4 ? addr_v4(bytes) : addr_v6(bytes);
}

static void add_hints(struct dns_found *found, struct cursor params)
{
	struct param param;

	while (cursor_left(&params) > 0 && read_param(&params, &param)) {
		size_t size = hint_bytes(param.key);

		for (size_t done = 0; size > 0 && done < param.len; done += size)
			add_address(found, &param.value, size);
	}
}

/* Adds what a record of the type asked for holds, or notes where it leads: *target. */
static void take(
	const struct dns_resource *resource, struct dns_found *found, struct dns_name *target)
{
	struct cursor data = resource->data;
	struct service service;

	switch (resource->type) {
	case DNS_TYPE_A:
		add_address(found, &data, 4);
		break;
	case DNS_TYPE_AAAA:
		add_address(found, &data, 16);
		break;
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS:
		if (!read_service(resource, &service))
			break;
		if (service.priority == 0)
			*target = service.target;
		else
			add_hints(found, service.params);
		break;
	default:
		break;
	}
}

/*
 * Adds what belongs to *name itself. Where that is nothing but an alias, *name becomes the alias's
 * target, and true is returned.
 */
static bool collect(struct cursor answers, unsigned int n, uint16_t type, struct dns_name *name,
	struct dns_found *found)
{
	struct dns_name target = {.len = 0};
	struct dns_resource resource;

	for (unsigned int i = 0; i < n && dns_read_resource(&answers, &resource); i++) {
		if (resource.class != DNS_CLASS_IN || !dns_name_equal(&resource.owner, name))
			continue;
		if (resource.type == type)
			take(&resource, found, &target);
		else if (resource.type == DNS_TYPE_CNAME)
			dns_read_name(&resource.data, &target);
		else
			continue;
		shorten(found, resource.ttl_s);
	}
	if (found->n > 0 || target.len == 0)
		return false;
	*name = target;
	return true;
}

enum dns_answer_result dns_answer_read(struct cursor sections, const struct dns_head *head,
	const struct dns_question *question, struct dns_found *ret)
{
	struct dns_name name = question->name;

	if (!is_well_formed(sections, head))
		return DNS_ANSWER_MALFORMED;
	ret->n = ret->n_left_out = 0;
	ret->ttl_s = UINT32_MAX;
	for (int i = 0; i <= ALIASES_MAX; i++) {
		if (!collect(sections, head->n_answers, question->type, &name, ret))
			return ret->n > 0 ? DNS_ANSWER_FOUND : DNS_ANSWER_EMPTY;
	}
	return DNS_ANSWER_MALFORMED;
}
