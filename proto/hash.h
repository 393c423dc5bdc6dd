/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded hash of keys that come from outside: without the seed nobody can aim collisions at a
 * table.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

/* From the kernel's random source. */
uint64_t hash_random_seed(void);
