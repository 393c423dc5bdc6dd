/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>

static const struct {
	const char *name;
	size_t offset;
} totals_fields[] = {
	{"captured_bytes", offsetof(struct totals, captured_bytes)},
	{"captured_packets", offsetof(struct totals, captured_packets)},
	{"self_bytes", offsetof(struct totals, self_bytes)},
	{"self_packets", offsetof(struct totals, self_packets)},
	{"kernel_drops", offsetof(struct totals, kernel_drops)},
	{"if_rx_bytes_open", offsetof(struct totals, if_rx_bytes_open)},
	{"if_tx_bytes_open", offsetof(struct totals, if_tx_bytes_open)},
	{"if_rx_bytes", offsetof(struct totals, if_rx_bytes)},
	{"if_tx_bytes", offsetof(struct totals, if_tx_bytes)},
	{"evicted_bytes", offsetof(struct totals, evicted_bytes)},
	{"table_full_packets", offsetof(struct totals, table_full_packets)},
	{"role_guessed", offsetof(struct totals, role_guessed)},
	{"send_errors", offsetof(struct totals, send_errors)},
	{"dns_names", offsetof(struct totals, dns_names)},
	{"dns_unasked", offsetof(struct totals, dns_unasked)},
	{"dns_unread", offsetof(struct totals, dns_unread)},
	{"dns_unkept", offsetof(struct totals, dns_unkept)},
};
#define N_TOTALS_FIELDS (sizeof(totals_fields) / sizeof(totals_fields[0]))
static_assert(N_TOTALS_FIELDS * sizeof(uint64_t) == offsetof(struct totals, cpu_us),
	"a field is missing");

/*
 * RFC 8259 section 7. Bytes beyond ASCII become \u0080 to \u00ff one by one: a host name has none,
 * and the line is valid JSON whatever the environment held.
 */
static void print_text(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static const char *remote_text(const struct record *record, char buf[static ADDR_STRLEN])
{
	switch (record->kind) {
	case RECORD_OTHER:
		return "~other";
	case RECORD_NON_IP:
		return "~non-ip";
	case RECORD_MALFORMED:
		return "~malformed";
	case RECORD_FLOW:
		break;
	}
	addr_format(&record->remote, buf);
	return buf;
}

static void print_ends(FILE *out, const struct record *record)
{
	char local[ADDR_STRLEN] = "-", remote[ADDR_STRLEN], proto[RECORD_PROTO_LEN];
	bool is_flow = record->kind == RECORD_FLOW;
	bool has_proto = is_flow || record->kind == RECORD_OTHER;
	const char *role = record->role == ROLE_CLIENT ? "client" : "server";

	if (is_flow)
		addr_format(&record->local, local);
	fprintf(out,
		",\"local\":\"%s\",\"remote\":\"%s\",\"proto\":\"%s\",\"port\":%u,\"role\":\"%s\"",
		local, remote_text(record, remote),
		has_proto ? record_proto_name(record->proto, proto) : "-",
		is_flow ? record->port : 0U, has_proto ? role : "-");
}

static void print_event(FILE *out, const char *name, uint64_t value)
{
	if (value)
		fprintf(out, ",\"%s\":%" PRIu64, name, value);
}

void print_record(FILE *out, const struct report *report, const struct record *record)
{
	const struct counters *sum = &record->sum;

	fprintf(out,
		"{\"start_ms\":%" PRIu64 ",\"interval_ms\":%" PRIu32 ",\"host\":", report->start_ms,
		report->interval_ms);
	print_text(out, report->identity.host);
	print_ends(out, record);
	fprintf(out,
		",\"tx_bytes\":%" PRIu64 ",\"rx_bytes\":%" PRIu64 ",\"tx_packets\":%" PRIu64
		",\"rx_packets\":%" PRIu64,
		sum->tx_bytes, sum->rx_bytes, sum->tx_packets, sum->rx_packets);
	if (record->name) {
		fputs(",\"name\":", out);
		print_text(out, record->name);
	}
	print_event(out, "connections", sum->connections);
	print_event(out, "retransmits", sum->retransmits);
	print_event(out, "resets", sum->resets);
	print_event(out, "failed", sum->failed);
	print_event(out, "rtt_us", sum->rtt_us);
	fputs("}\n", out);
}

void print_totals(FILE *out, const struct totals *totals)
{
	fputs("{\"totals\":{", out);
	for (size_t i = 0; i < N_TOTALS_FIELDS; i++) {
		const char *at = (const char *)totals + totals_fields[i].offset;

		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", totals_fields[i].name,
			*(const uint64_t *)(const void *)at);
	}
	if (totals->uptime_ms != 0)
		fprintf(out,
			",\"cpu_us\":%" PRIu64 ",\"rss_bytes\":%" PRIu64 ",\"uptime_ms\":%" PRIu64
			",\"comparable\":%s",
			totals->cpu_us, totals->rss_bytes, totals->uptime_ms,
			totals->is_comparable ? "true" : "false");
	fputs("}}\n", out);
}
