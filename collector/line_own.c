/* SPDX-License-Identifier: Apache-2.0 */
#include "line_own.h"

#include <stddef.h>
#include <string.h>

#define US_PER_S     1000000
#define US_PER_MS    1000
#define MS_PER_S     1000
#define ONE          UINT64_C(1000000000) /* of a coverage */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A number in a struct, and how many of its unit are one of the field's. */
struct field {
	const char *name;
	size_t offset;
	uint64_t per_unit;
};

static const struct field totals_fields[] = {
#define TOTAL(field)                                                                               \
	{                                                                                          \
#field, offsetof(struct totals, field), 1                                          \
	}
	TOTAL(captured_bytes),
	TOTAL(captured_packets),
	TOTAL(self_bytes),
	TOTAL(evicted_bytes),
	TOTAL(kernel_drops),
	TOTAL(table_full_packets),
	TOTAL(send_errors),
	TOTAL(cpu_us),
	TOTAL(rss_bytes),
	{"uptime_s", offsetof(struct totals, uptime_ms), MS_PER_S},
#undef TOTAL
};

static const struct field stats_fields[] = {
#define STAT(field)                                                                                \
	{                                                                                          \
#field, offsetof(struct stats, field), 1                                           \
	}
	STAT(accepted_bytes),
	STAT(committed_bytes),
	STAT(delivered_bytes),
	STAT(delivered_lines),
	STAT(rejected_lines),
	STAT(rejected_bytes),
	STAT(evicted_bytes),
	STAT(lost_bytes),
	STAT(missing_bytes),
	STAT(waiting_bytes),
	STAT(datagrams),
	STAT(duplicates),
	STAT(receive_drops),
	STAT(commits),
	STAT(commit_failures),
	STAT(spool_bodies),
	STAT(spool_lines),
	STAT(spool_bytes),
	STAT(spool_data_bytes),
	STAT(spool_max_bytes),
	STAT(spool_used_bytes),
	STAT(spool_quota_bytes),
	{"spool_oldest_s", offsetof(struct stats, spool_oldest_us), US_PER_S},
	STAT(dead_lines),
	STAT(posts),
	STAT(posts_kept),
	STAT(probes),
	{"commit_ms", offsetof(struct stats, commit_us), US_PER_MS},
	{"delivery_ms", offsetof(struct stats, delivery_us), US_PER_MS},
	STAT(cpu_us),
	STAT(rss_bytes),
#undef STAT
};

static void put_tag(struct strbuf *out, const char *name, const char *value)
{
	char cleaned[LINE_VALUE_MAX + 1];

	line_clean(value, cleaned);
	strbuf_char(out, ',');
	strbuf_text(out, name);
	strbuf_char(out, '=');
	strbuf_text(out, cleaned);
}

/* separator: a space before the first field, a comma before the others. */
static void put_field(struct strbuf *out, char separator, const char *name, uint64_t value)
{
	strbuf_char(out, separator);
	strbuf_text(out, name);
	strbuf_char(out, '=');
	strbuf_u64(out, value < INT64_MAX ? value : INT64_MAX);
	strbuf_char(out, 'i');
}

static void put_fields(struct strbuf *out, const void *from, const struct field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value;

		memcpy(&value, (const char *)from + fields[i].offset, sizeof(value));
		put_field(out, i == 0 ? ' ' : ',', fields[i].name, value / fields[i].per_unit);
	}
}

static void put_time(struct strbuf *out, uint64_t time_ms)
{
	strbuf_char(out, ' ');
	strbuf_u64(out, time_ms);
	strbuf_char(out, '\n');
}

void line_probe(struct strbuf *out, const struct line_probe *probe)
{
	const struct identity *identity = probe->identity;
	uint64_t interface_bytes = 0, coverage;

	strbuf_text(out, "nstats_probe");
	put_tag(out, "cluster", identity->cluster);
	put_tag(out, "hosts", identity->host);
	put_tag(out, "namespace", identity->namespace);
	put_tag(out, "node", probe->node);
	put_tag(out, "workload", probe->workload);
	put_tag(out, "zone", probe->zone);
	put_fields(out, probe->totals, totals_fields, ARRAY_LEN(totals_fields));
	(void)totals_interface_bytes(probe->totals, &interface_bytes);
	put_field(out, ',', "interface_bytes", interface_bytes);
	put_field(out, ',', "sealed_bytes", probe->sealed_bytes);
	put_field(out, ',', "stored_bytes", probe->stored_bytes);
	put_field(out, ',', "lost_bytes", probe->lost_bytes);
	put_field(out, ',', "unreported_bytes", probe->unreported_bytes);
	if (totals_coverage(probe->totals, &coverage))
		strbuf_printf(out, ",coverage=%llu.%09llu", (unsigned long long)(coverage / ONE),
			(unsigned long long)(coverage % ONE));
	put_time(out, probe->time_ms);
}

static uint64_t rejected(const struct stats *stats)
{
	return stats->receive_truncated + stats->reject_oversize + stats->reject_undecodable +
	       stats->reject_limit + stats->reject_not_report + stats->reject_busy +
	       stats->reject_ahead + stats->reject_ledger_full;
}

void line_collector(struct strbuf *out, const struct line_collector *collector)
{
	const struct stats *stats = collector->stats;

	strbuf_text(out, "nstats_collector");
	put_tag(out, "cluster", collector->cluster);
	put_tag(out, "hosts", collector->host);
	put_fields(out, stats, stats_fields, ARRAY_LEN(stats_fields));
	put_field(out, ',', "datagrams_rejected", rejected(stats));
	put_time(out, collector->time_ms);
}
