/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as bytes, whatever this machine's order is: big-endian (be) or little-endian (le). */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_be16(const uint8_t *at)
{
	uint16_t n;

	memcpy(&n, at, sizeof(n));
	return be16toh(n);
}

static inline uint32_t bytes_be32(const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return be32toh(n);
}

static inline uint64_t bytes_be64(const uint8_t *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof(n));
	return be64toh(n);
}

static inline uint32_t bytes_le32(const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return le32toh(n);
}

static inline uint64_t bytes_le64(const uint8_t *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof(n));
	return le64toh(n);
}

static inline void bytes_put_be16(uint8_t *at, uint16_t n)
{
	n = htobe16(n);
	memcpy(at, &n, sizeof(n));
}

static inline void bytes_put_be64(uint8_t *at, uint64_t n)
{
	n = htobe64(n);
	memcpy(at, &n, sizeof(n));
}

static inline void bytes_put_le32(uint8_t *at, uint32_t n)
{
	n = htole32(n);
	memcpy(at, &n, sizeof(n));
}

static inline void bytes_put_le64(uint8_t *at, uint64_t n)
{
	n = htole64(n);
	memcpy(at, &n, sizeof(n));
}
