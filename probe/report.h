/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interval's rows: connections collapsed to (local, remote, protocol, service port, role, name),
 * ranked by bytes; the heaviest N stay, the rest is summed exactly into the "~other" of its
 * protocol and role. Rows without a byte are left out, except those that count an event (a failed
 * attempt).
 */
#pragma once

#include "flow_table.h"
#include "record.h"

struct report_builder;

/* top: rows kept. Allocates everything it will ever use. NULL: out of memory. */
struct report_builder *report_builder_new(size_t flows_cap, size_t top, uint64_t seed);
void report_builder_free(struct report_builder *builder);

/*
 * Heaviest first, then the remainders. The records belong to the builder until its next call,
 * their names hold as flow_table_name's.
 * Sum of the records' bytes and packets = what the table accounted in this interval.
 */
size_t report_build(
	struct report_builder *builder, const struct flow_table *table, const struct record **ret);
