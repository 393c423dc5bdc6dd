/* SPDX-License-Identifier: Apache-2.0 */
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static struct addr addr_of(const uint8_t *bytes, uint8_t len)
{
	struct addr addr = {.len = len};

	memcpy(addr.bytes, bytes, len);
	return addr;
}

struct addr addr_v4(const uint8_t bytes[static 4])
{
	return addr_of(bytes, 4);
}

struct addr addr_v6(const uint8_t bytes[static 16])
{
	return addr_of(bytes, 16);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void addr_format(const struct addr *addr, char ret[static ADDR_STRLEN])
{
	int family = addr->len == 4 ? AF_INET : AF_INET6;

	if (addr->len == 0 || !inet_ntop(family, addr->bytes, ret, ADDR_STRLEN))
		snprintf(ret, ADDR_STRLEN, "-");
}

int addr_parse(const char *text, struct addr *ret)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*ret = addr_v4(bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*ret = addr_v6(bytes);
	else
		return -EINVAL;
	return 0;
}

/* At most 5 digits and nothing else; false leaves *ret untouched. */
static bool digits_parse(const char *text, uint32_t max, uint32_t *ret)
{
	size_t len = strspn(text, "0123456789");
	uint32_t n = 0;

	if (len == 0 || len > 5 || text[len] != '\0')
		return false;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (uint32_t)(text[i] - '0');
	if (n > max)
		return false;
	*ret = n;
	return true;
}

static void clear_host_bits(struct addr *addr, size_t bits)
{
	for (size_t i = 0; i < addr->len; i++) {
		size_t keep = bits < i * 8 ? 0 : bits - i * 8;

		if (keep < 8)
			addr->bytes[i] &= (uint8_t)(0xff00 >> keep);
	}
}

int cidr_parse(const char *text, struct cidr *ret)
{
	size_t len = strcspn(text, "/");
	char host[ADDR_STRLEN];
	struct addr addr;
	uint32_t bits;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (addr_parse(host, &addr) < 0)
		return -EINVAL;
	bits = addr.len * 8U;
	if (text[len] == '/' && !digits_parse(text + len + 1, bits, &bits))
		return -EINVAL;
	clear_host_bits(&addr, bits);
	*ret = (struct cidr){.addr = addr, .bits = (uint8_t)bits};
	return 0;
}

bool cidr_contains(const struct cidr *cidr, const struct addr *addr)
{
	struct addr prefix = *addr;

	if (addr->len == 0)
		return false;
	clear_host_bits(&prefix, cidr->bits);
	return addr_equal(&prefix, &cidr->addr);
}

static bool is_host_name(const char *text, size_t len)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

	return len > 0 && len < ADDR_HOST_LEN && strspn(text, allowed) >= len;
}

static bool is_v6_address(const char *text, size_t len)
{
	char copy[ADDR_STRLEN];
	struct addr addr;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return addr_parse(copy, &addr) == 0 && addr.len == 16;
}

/* Where the host stands in one of the header's forms, and the port's text, or NULL. */
static bool find_host(
	const char *text, const char **ret_host, size_t *ret_len, const char **ret_port)
{
	const char *colon = strchr(text, ':');
	bool is_bracketed = text[0] == '[';
	bool is_v6 = is_bracketed || (colon && strchr(colon + 1, ':'));
	const char *host = is_bracketed ? text + 1 : text;
	size_t len = strcspn(host, is_bracketed ? "]" : is_v6 ? "" : ":");
	const char *rest = host + len;

	if (is_bracketed && *rest++ != ']')
		return false;
	if (is_v6 ? !is_v6_address(host, len) : !is_host_name(host, len))
		return false;
	*ret_host = host;
	*ret_len = len;
	*ret_port = *rest == ':' ? rest + 1 : NULL;
	return *rest == ':' || *rest == '\0';
}

int addr_split_host(const char *text, uint16_t default_port, char ret_host[static ADDR_HOST_LEN],
	uint16_t *ret_port)
{
	uint32_t port = default_port;
	const char *port_text;
	const char *host;
	size_t len;

	if (!find_host(text, &host, &len, &port_text))
		return -EINVAL;
	if (port_text && (!digits_parse(port_text, UINT16_MAX, &port) || port == 0))
		return -EINVAL;
	memcpy(ret_host, host, len);
	ret_host[len] = '\0';
	*ret_port = (uint16_t)port;
	return 0;
}

socklen_t addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

	memset(ret, 0, sizeof(*ret));
	if (addr->len == 4) {
		memcpy(&in.sin_addr, addr->bytes, 4);
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	if (addr->len == 16) {
		memcpy(&in6.sin6_addr, addr->bytes, 16);
		memcpy(ret, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

void addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *ret, uint16_t *ret_port)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	*ret = (struct addr){0};
	*ret_port = 0;
	if (ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		*ret = addr_of((const uint8_t *)&in.sin_addr, 4);
		*ret_port = ntohs(in.sin_port);
	} else if (ss->ss_family == AF_INET6) {
		memcpy(&in6, ss, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			*ret = addr_of(in6.sin6_addr.s6_addr + 12, 4);
		else
			*ret = addr_of(in6.sin6_addr.s6_addr, 16);
		*ret_port = ntohs(in6.sin6_port);
	}
}
