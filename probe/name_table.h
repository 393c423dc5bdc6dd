/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which name the pod looked up to find an address: what its last answer said. 1,024 addresses, the
 * least recently used goes. Pure: time is passed in, in milliseconds.
 */
#pragma once

#include "addr.h"

#define NAME_TABLE_ADDRS_MAX 1024
#define NAME_TABLE_LIFE_MIN_MS                                                                     \
	300000 /* resolvers and programs keep what has no TTL to speak of                          \
		*/
#define NAME_TABLE_LIFE_MAX_MS 86400000

struct name_table;
/* Allocates everything that it will ever use. NULL: out of memory. */
struct name_table *name_table_new(uint64_t hash_seed);
void name_table_free(struct name_table *table);

/* For its TTL, within the bounds above. False: no room for the name; the address has none then. */
bool name_table_put(struct name_table *table, const struct addr *addr, const char *name,
	uint32_t ttl_s, int64_t now_ms);

/*
 * A name's reference, which is the caller's to drop; 0: not known, or its time is over. What is
 * asked for was used.
 */
uint16_t name_table_take(struct name_table *table, const struct addr *addr, int64_t now_ms);
/* A flow to addr under that name goes on: keeps what is known of addr for NAME_TABLE_LIFE_MIN_MS at
 * least, if that still is the name. */
void name_table_keep(
	struct name_table *table, const struct addr *addr, uint16_t ref, int64_t now_ms);
void name_table_drop(struct name_table *table, uint16_t ref);

/* See name_pool_text: holds until the next name_table_put. */
const char *name_table_text(const struct name_table *table, uint16_t ref);
