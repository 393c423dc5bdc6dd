/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which series a record belongs to. One that is new and beyond the budget (series.h) loses its
 * port, then its name, which becomes the operator's label or "~other". Before rows are summed, so
 * that totals are exact.
 */
#pragma once

#include "series.h"
#include "tags.h"

/* Records, by what they lost and by what was full then: its pod's share, or all. */
struct fold_counts {
	uint64_t port_pod;
	uint64_t port_total;
	uint64_t name_pod;
	uint64_t name_total;
};

/*
 * The record's series as text, to *out, and its tags as they then are. series: NULL: no budget.
 * What the record is not a flow of, but a remainder, stays what it is.
 */
void fold_record(struct series *series, struct series_owner owner, const struct record *record,
	struct tags *tags, struct strbuf *out, struct fold_counts *counts);
