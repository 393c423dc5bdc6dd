/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts that many things bear, kept once: two that are equal are the same pointer. Counted by
 * reference; how many there are is bounded by what holds them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct intern;
/* n_buckets: a power of two, about as many as there will be texts. NULL: no memory. */
struct intern *intern_new(size_t n_buckets, uint64_t hash_seed);
void intern_free(struct intern *intern);

/* Its first max_len bytes; a reference, to be given back by intern_put. NULL: no memory. */
const char *intern_get(struct intern *intern, const char *text, size_t max_len);
/* Takes NULL. */
void intern_put(struct intern *intern, const char *text);
size_t intern_count(const struct intern *intern);
