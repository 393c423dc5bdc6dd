/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, each held once however many addresses and flows refer to it, in memory of a fixed size.
 * A reference is a small number, 0 is none. Pure; allocates at its start only.
 */
#pragma once

#include "addr.h"

#define NAME_POOL_NAMES_MAX 2048
#define NAME_POOL_BYTES     65536 /* a name takes its length and 4 */

struct name_pool;
struct name_pool *name_pool_new(uint64_t hash_seed); /* NULL: out of memory */
void name_pool_free(struct name_pool *pool);

/* text is 1 to 253 bytes long. 0: no room; else one more reference to it, to be dropped again. */
uint16_t name_pool_take(struct name_pool *pool, const char *text);
/* Both take 0 too. A name without references goes. */
void name_pool_hold(struct name_pool *pool, uint16_t ref);
void name_pool_drop(struct name_pool *pool, uint16_t ref);

/*
 * Holds until the next name_pool_take; NULL for 0. Equal names have one text: pointers of one
 * moment may be compared.
 */
const char *name_pool_text(const struct name_pool *pool, uint16_t ref);
