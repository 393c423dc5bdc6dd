/* SPDX-License-Identifier: Apache-2.0 */
#include "losses.h"

#include "log.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define REJECTED "datagrams are rejected"
#define AGAIN    "unacknowledged: probes send them again"

struct row {
	size_t offset; /* of the counter in struct stats */
	const char *msg;
	const char *field;
	const char *act;
};

#define ROW(counter, ...)                                                                          \
	{                                                                                          \
		offsetof(struct stats, counter), __VA_ARGS__                                       \
	}
static const struct row rows[] = {
	ROW(evicted_bytes, "spool is full", "evicted_bytes", "oldest bodies go"),
	ROW(dead_evicted_bytes, "dead letters go", "evicted_bytes", "oldest or damaged ones"),
	ROW(rows_dropped_bytes, "an interval came in too many pieces", "dropped_bytes",
		"the rest is dropped"),
	ROW(lost_bytes, "traffic is lost before it arrives", "lost_bytes",
		"its probes gave it up, or it came too late"),
	ROW(receive_drops, "kernel drops datagrams", "drops", AGAIN),
	ROW(receive_truncated, REJECTED, "truncated", "dropped"),
	ROW(reject_oversize, REJECTED, "oversize", "dropped"),
	ROW(reject_undecodable, REJECTED, "undecodable", "dropped"),
	ROW(reject_limit, REJECTED, "limit", "dropped"),
	ROW(reject_not_report, REJECTED, "not_report", "dropped"),
	ROW(reject_busy, REJECTED, "busy", AGAIN),
	ROW(reject_ahead, REJECTED, "ahead", AGAIN),
	ROW(reject_ledger_full, REJECTED, "ledger_full", "unacknowledged until there is room"),
};
#undef ROW
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))
static_assert(N_ROWS <= LOSSES_MAX, "no room for a row");

static uint64_t counted(const struct stats *stats, const struct row *row)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + row->offset, sizeof(value));
	return value;
}

void losses_init(struct losses *losses, const struct stats *stats)
{
	*losses = (struct losses){0};
	for (size_t i = 0; i < N_ROWS; i++)
		losses->risings[i].last = counted(stats, &rows[i]);
}

void losses_look(struct losses *losses, const struct stats *stats, int64_t now_ms)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];
		uint64_t value = counted(stats, row);

		if (rising_begins(&losses->risings[i], value, now_ms))
			log_warn(
				row->msg, "%s=%" PRIu64 " act=\"%s\"", row->field, value, row->act);
	}
}
