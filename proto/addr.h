/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses, prefixes and "host:port" texts. Plain values: nothing here allocates or looks up.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_STRLEN   46  /* INET6_ADDRSTRLEN */
#define ADDR_HOST_LEN 254 /* a DNS name (RFC 1035 2.3.4: 253 bytes as text) and NUL */

/* Bytes behind len are zero, so that two addresses may be compared and hashed as memory. */
struct addr {
	uint8_t len; /* 4, 16, or 0 for "none" */
	uint8_t bytes[16];
};

struct cidr {
	struct addr addr; /* host bits are zero */
	uint8_t bits;
};

struct addr addr_v4(const uint8_t bytes[static 4]);
struct addr addr_v6(const uint8_t bytes[static 16]);
bool addr_equal(const struct addr *a, const struct addr *b);

/* "-" for none; IPv6 as in RFC 5952. */
void addr_format(const struct addr *addr, char ret[static ADDR_STRLEN]);

/* Numeric IPv4 or IPv6, no brackets, no zone. 0, or -EINVAL with *ret untouched. */
int addr_parse(const char *text, struct addr *ret);

/* "10.0.0.0/8"; a bare address is a prefix of its full length. 0 or -EINVAL. */
int cidr_parse(const char *text, struct cidr *ret);
bool cidr_contains(const struct cidr *cidr, const struct addr *addr);

/*
 * "host", "host:port", "1.2.3.4:port", "[::1]:port", "[::1]", "::1". The port is 1 to 65535;
 * default_port where the text has none. 0 or -EINVAL, outputs untouched on failure.
 */
int addr_split_host(const char *text, uint16_t default_port, char ret_host[static ADDR_HOST_LEN],
	uint16_t *ret_port);

/* Returns the length to pass to the kernel; 0 for "none". */
socklen_t addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ret);

/* A v4-mapped IPv6 address (what a dual-stack socket reports) comes back as IPv4. */
void addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *ret, uint16_t *ret_port);
