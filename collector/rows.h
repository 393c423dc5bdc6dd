/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums by (point's time, full series key) of one batch. Two addresses that resolve to one name are
 * one row here: written as two points they would overwrite each other. Bounded; pure.
 */
#pragma once

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row {
	int64_t time_ms;
	uint32_t interval_ms;
	const char *series;
	size_t series_len;
	struct counters sum;
};

struct rows;
struct rows *rows_new(size_t max_rows, uint64_t hash_seed);
void rows_free(struct rows *rows);

/* Copies the series. interval_ms: the longest of those summed. False: full or no memory, not added.
 */
bool rows_add(struct rows *rows, const struct row *row);

size_t rows_count(const struct rows *rows);
/* In the order in which they first came; holds until rows_reset. */
const struct row *rows_at(const struct rows *rows, size_t i);
void rows_reset(struct rows *rows);
