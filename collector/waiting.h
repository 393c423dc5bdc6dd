/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams that were accepted and are not yet in a batch, grouped by (boot, interval), since the
 * parts of an interval wait for each other. In order of arrival. Bounded; pure.
 */
#pragma once

#include "record.h"

/* What a datagram takes beside its records, in records: its report and its place. */
#define WAITING_DATAGRAM_COST 12

struct waiting_datagram {
	struct waiting_datagram *next;
	struct report report;
	uint64_t row_bytes; /* tx + rx of its records */
	size_t name_bytes;  /* of its names, which lie behind the records */
	size_t n;
	struct record records[];
};

struct waiting_group {
	uint8_t boot_id[BOOT_ID_LEN];
	uint64_t start_ms;
	int64_t since_ms; /* monotonic: the first one's arrival */
	uint32_t parts;
	uint32_t n_datagrams; /* that came, those already popped included */
	bool awaits_names;    /* the owner's */
	struct waiting_datagram *first;
	struct waiting_datagram **end;
	struct waiting_group *next; /* by arrival */
	struct waiting_group *previous;
	struct waiting_group *next_in_bucket;
};

struct waiting;
/* max: records, the datagrams' own cost and that of their names, in records' sizes, included. */
struct waiting *waiting_new(size_t max, uint64_t hash_seed);
void waiting_free(struct waiting *waiting);

bool waiting_has_room(const struct waiting *waiting, const struct record *records, size_t n);

/* Copies, names too. Returns its group; NULL: no room or no memory. */
struct waiting_group *waiting_add(struct waiting *waiting, const struct report *report,
	const struct record *records, size_t n, int64_t now_ms);

bool waiting_is_whole(const struct waiting_group *group);

/* The oldest; NULL: none. */
struct waiting_group *waiting_first(struct waiting *waiting);

/* Gives (free(3)) the group's first datagram. The last one's pop frees the group too. */
struct waiting_datagram *waiting_pop(struct waiting *waiting, struct waiting_group *group);
