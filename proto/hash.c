/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include "clock.h"

#include <errno.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, len, seed);
}

uint64_t hash_random_seed(void)
{
	uint64_t seed;
	ssize_t n;

	do
		n = getrandom(&seed, sizeof(seed), 0);
	while (n < 0 && errno == EINTR);
	if (n == sizeof(seed))
		return seed;
	/* A sandbox without getrandom(2): time and a randomised stack address still vary. */
	seed = (uint64_t)clock_read_us(CLOCK_MONOTONIC) ^ (uint64_t)(uintptr_t)&seed;
	return hash_bytes(&seed, sizeof(seed), (uint64_t)clock_wall_ms());
}
