/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define US_PER_S 1000000

struct stats_row {
	const char *name; /* with its labels */
	const char *type;
	const char *help; /* of the first row of a name */
	size_t offset;
};

static const struct stats_row rows[] = {
#define X(field, name, type, help) {name, type, help, offsetof(struct stats, field)},
	COLLECTOR_STATS(X)
#undef X
};

static size_t base_len(const char *name)
{
	return strcspn(name, "{");
}

static bool is_same_metric(const struct stats_row *a, const struct stats_row *b)
{
	size_t len = base_len(a->name);

	return len == base_len(b->name) && memcmp(a->name, b->name, len) == 0;
}

static bool is_in_us(const struct stats_row *row)
{
	return strstr(row->name, "_seconds") != NULL;
}

void stats_render(const struct stats *stats, struct strbuf *out)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct stats_row *row = &rows[i];
		int len = (int)base_len(row->name);
		uint64_t value;

		if (i == 0 || !is_same_metric(row, &rows[i - 1])) {
			strbuf_printf(out, "# HELP %.*s %s\n", len, row->name, row->help);
			strbuf_printf(out, "# TYPE %.*s %s\n", len, row->name, row->type);
		}
		memcpy(&value, (const char *)stats + row->offset, sizeof(value));
		if (is_in_us(row))
			strbuf_printf(out, "%s %" PRIu64 ".%06" PRIu64 "\n", row->name,
				value / US_PER_S, value % US_PER_S);
		else
			strbuf_printf(out, "%s %" PRIu64 "\n", row->name, value);
	}
}
