/* SPDX-License-Identifier: Apache-2.0 */
#include "scope.h"

#include <string.h>

/* The IANA special-purpose registries (RFC 6890), RFC 6598 among the private, and RFC 5771. */
static enum scope scope_v4(const uint8_t b[static 4])
{
	if (b[0] == 0 || b[0] == 127 || b[0] >= 224 || (b[0] == 169 && b[1] == 254))
		return SCOPE_SPECIAL;
	if (b[0] == 10 || (b[0] == 172 && b[1] >> 4 == 1) || (b[0] == 192 && b[1] == 168) ||
		(b[0] == 100 && b[1] >> 6 == 1))
		return SCOPE_PRIVATE;
	return SCOPE_PUBLIC;
}

/* RFC 4291 2.4, RFC 4193. */
static enum scope scope_v6(const uint8_t b[static 16])
{
	static const uint8_t zeros[15];

	if (b[0] == 0xff || (b[0] == 0xfe && b[1] >> 6 == 2))
		return SCOPE_SPECIAL;
	if (b[0] == 0 && memcmp(b, zeros, sizeof(zeros)) == 0 && b[15] <= 1)
		return SCOPE_SPECIAL;
	return b[0] >> 1 == 0xfc >> 1 ? SCOPE_PRIVATE : SCOPE_PUBLIC;
}

struct addr scope_behind_nat64(const struct addr *addr)
{
	static const uint8_t prefix[12] = {0, 0x64, 0xff, 0x9b};

	if (addr->len != 16 || memcmp(addr->bytes, prefix, sizeof(prefix)) != 0)
		return *addr;
	return addr_v4(addr->bytes + sizeof(prefix));
}

enum scope scope_of(const struct addr *addr)
{
	const struct addr far = scope_behind_nat64(addr);

	if (far.len == 4)
		return scope_v4(far.bytes);
	return far.len == 16 ? scope_v6(far.bytes) : SCOPE_SPECIAL;
}

const char *scope_kind(enum scope scope)
{
	return scope == SCOPE_PUBLIC ? "external" : "other";
}
