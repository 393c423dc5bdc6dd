/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table, and a list in the order in which the probes were heard: the one that has
 * been silent longest stands first, so that finding whom to replace takes no search, whatever an
 * attacker sends.
 */
#include "probes.h"

#include "hash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define N_BUCKETS 32768 /* a power of two above PROBES_MAX */

struct entry {
	struct probe_view view;
	uint64_t hash;
	struct entry *next_in_bucket;
	struct entry *older;
	struct entry *newer;
	struct probe_said said;
	bool is_due;
	struct entry *next_due;
};

struct probes {
	uint64_t seed;
	size_t n;
	struct entry *oldest;
	struct entry *newest;
	struct entry *due;
	struct entry *buckets[N_BUCKETS];
};

struct figure {
	const char *name;
	const char *type;
	const char *help;
	size_t offset; /* of a uint64_t in struct probe_view */
	int decimals;  /* of that number, behind the point */
};

static const struct figure figures[] = {
#define PART(field, name, type, help, decimals)                                                    \
	{                                                                                          \
		"nstats_probe_" name, type, help, offsetof(struct probe_view, field), decimals     \
	}
#define TOTAL(field, name, type, help) PART(totals.field, name, type, help, 0)
	TOTAL(captured_bytes, "captured_bytes_total", "counter", "Bytes that the probe captured"),
	TOTAL(captured_packets, "captured_packets_total", "counter",
		"Packets that the probe captured"),
	TOTAL(self_bytes, "self_bytes_total", "counter",
		"Bytes of the probe's own conversation with the collector"),
	TOTAL(self_packets, "self_packets_total", "counter",
		"Packets of the probe's own conversation with the collector"),
	TOTAL(kernel_drops, "kernel_drops_total", "counter",
		"Packets that the kernel dropped before the probe saw them"),
	PART(sealed_bytes, "sealed_bytes_total", "counter",
		"Traffic in the rows that the probe sealed", 0),
	PART(unreported_bytes, "unreported_bytes_total", "counter",
		"Bytes that passed the interface up to the probe's start, and that no earlier "
		"start of it reported",
		0),
	TOTAL(evicted_bytes, "evicted_bytes_total", "counter",
		"Traffic in datagrams that the probe's ring had to drop"),
	TOTAL(table_full_packets, "table_full_packets_total", "counter",
		"Packets counted as ~other since the flow table was full"),
	TOTAL(role_guessed, "role_guessed_total", "counter",
		"Connections whose role was guessed from the port numbers"),
	TOTAL(send_errors, "send_errors_total", "counter",
		"Datagrams that the probe could not send"),
	TOTAL(dns_names, "dns_names_total", "counter",
		"Addresses that got a name from an answer to the pod"),
	TOTAL(dns_unasked, "dns_unasked_total", "counter",
		"DNS answers to no question of the pod's: late, doubled, or forged"),
	TOTAL(dns_unread, "dns_unread_total", "counter",
		"DNS messages of the pod's that were cut short, in pieces, or malformed"),
	TOTAL(dns_unkept, "dns_unkept_total", "counter",
		"DNS questions, addresses and names of rows that the probe had no room for"),
	TOTAL(if_rx_bytes, "if_rx_bytes", "gauge", "The interface's own receive counter, now"),
	TOTAL(if_tx_bytes, "if_tx_bytes", "gauge", "The interface's own transmit counter, now"),
	TOTAL(if_rx_bytes_open, "if_rx_bytes_open", "gauge",
		"The interface's own receive counter when the capture was opened"),
	TOTAL(if_tx_bytes_open, "if_tx_bytes_open", "gauge",
		"The interface's own transmit counter when the capture was opened"),
	PART(totals.cpu_us, "cpu_seconds_total", "counter",
		"Processor time of the probe, user and system", 6),
	TOTAL(rss_bytes, "resident_memory_bytes", "gauge", "Resident memory of the probe"),
	PART(totals.uptime_ms, "uptime_seconds", "gauge", "Time since the probe started", 3),
#undef PART
#undef TOTAL
};

struct probes *probes_new(uint64_t hash_seed)
{
	struct probes *probes = calloc(1, sizeof(*probes));

	if (probes)
		probes->seed = hash_seed;
	return probes;
}

void probes_free(struct probes *probes)
{
	if (!probes)
		return;
	for (struct entry *entry = probes->oldest, *newer; entry; entry = newer) {
		newer = entry->newer;
		free(entry);
	}
	free(probes);
}

/* The node is not part of who a probe is: a pod keeps its name where it moves. */
static uint64_t identity_hash(const struct probes *probes, const struct identity *identity)
{
	uint64_t hash = probes->seed;

	hash = hash_bytes(identity->cluster, strlen(identity->cluster), hash);
	hash = hash_bytes(identity->namespace, strlen(identity->namespace), hash);
	return hash_bytes(identity->host, strlen(identity->host), hash);
}

static bool is_same_identity(const struct identity *a, const struct identity *b)
{
	return strcmp(a->host, b->host) == 0 && strcmp(a->namespace, b->namespace) == 0 &&
	       strcmp(a->cluster, b->cluster) == 0;
}

static struct entry **bucket_of(struct probes *probes, uint64_t hash)
{
	return &probes->buckets[hash & (N_BUCKETS - 1)];
}

static struct entry *find(struct probes *probes, const struct identity *identity, uint64_t hash)
{
	struct entry *entry = *bucket_of(probes, hash);

	while (entry && (entry->hash != hash || !is_same_identity(&entry->view.identity, identity)))
		entry = entry->next_in_bucket;
	return entry;
}

static void heard_unlink(struct probes *probes, struct entry *entry)
{
	*(entry->older ? &entry->older->newer : &probes->oldest) = entry->newer;
	*(entry->newer ? &entry->newer->older : &probes->newest) = entry->older;
}

static void heard_append(struct probes *probes, struct entry *entry)
{
	entry->older = probes->newest;
	entry->newer = NULL;
	*(probes->newest ? &probes->newest->newer : &probes->oldest) = entry;
	probes->newest = entry;
}

static void due_unlink(struct probes *probes, const struct entry *entry)
{
	struct entry **at = &probes->due;

	while (*at != entry)
		at = &(*at)->next_due;
	*at = entry->next_due;
}

static void forget(struct probes *probes, struct entry *entry)
{
	struct entry **at = bucket_of(probes, entry->hash);

	while (*at != entry)
		at = &(*at)->next_in_bucket;
	*at = entry->next_in_bucket;
	if (entry->is_due)
		due_unlink(probes, entry);
	heard_unlink(probes, entry);
	probes->n--;
	free(entry);
}

static struct entry *add(struct probes *probes, uint64_t hash, int64_t now_ms)
{
	struct entry *entry;
	struct entry **bucket;

	if (probes->n == PROBES_MAX) {
		if (now_ms - probes->oldest->view.seen_ms < PROBES_STALE_MS)
			return NULL;
		forget(probes, probes->oldest);
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	bucket = bucket_of(probes, hash);
	entry->hash = hash;
	entry->next_in_bucket = *bucket;
	*bucket = entry;
	heard_append(probes, entry);
	probes->n++;
	return entry;
}

static bool is_outdated(const struct probe_view *view, const struct report *report)
{
	return memcmp(view->boot_id, report->boot_id, BOOT_ID_LEN) == 0 &&
	       report->sequence <= view->sequence;
}

/*
 * Not by the captured bytes: these are told with each part of an interval, also with the first one
 * of which the others never come.
 *
 * A report of the old start that comes late makes it the current one again: the new one is not
 * reckoned twice.
 */
static void reckon_unreported(struct probe_view *view, const struct report *report)
{
	struct totals until = view->totals;
	const struct totals *now = &report->totals;
	uint64_t told = view->sealed_bytes + view->totals.self_bytes;
	uint64_t passed;

	if (memcmp(view->reckoned_boot_id, report->boot_id, BOOT_ID_LEN) == 0)
		return;
	if (!until.is_comparable || !now->is_comparable)
		return;
	if (now->if_rx_bytes_open < until.if_rx_bytes || now->if_tx_bytes_open < until.if_tx_bytes)
		return; /* another interface, or a start before that one */
	memcpy(view->reckoned_boot_id, report->boot_id, BOOT_ID_LEN);
	until.if_rx_bytes = now->if_rx_bytes_open;
	until.if_tx_bytes = now->if_tx_bytes_open;
	if (totals_interface_bytes(&until, &passed) && passed > told)
		view->unreported_bytes += passed - told;
}

bool probes_update(struct probes *probes, const struct report *report, int64_t now_ms)
{
	uint64_t hash = identity_hash(probes, &report->identity);
	struct entry *entry = find(probes, &report->identity, hash);

	if (!entry)
		entry = add(probes, hash, now_ms);
	if (!entry)
		return false;
	heard_unlink(probes, entry);
	heard_append(probes, entry);
	entry->view.seen_ms = now_ms;
	if (is_outdated(&entry->view, report))
		return true;
	reckon_unreported(&entry->view, report);
	entry->view.identity = report->identity;
	memcpy(entry->view.boot_id, report->boot_id, BOOT_ID_LEN);
	entry->view.totals = report->totals;
	entry->view.sequence = report->sequence;
	entry->view.sealed_bytes = report->sealed_bytes;
	entry->view.is_final = report->is_final;
	return true;
}

size_t probes_count(const struct probes *probes)
{
	return probes->n;
}

size_t probes_heard(const struct probes *probes, int64_t since_ms)
{
	const struct entry *entry = probes->newest;
	size_t n = 0;

	for (; entry && entry->view.seen_ms >= since_ms; entry = entry->older)
		n++;
	return n;
}

/* Of one boot totals only rise: a datagram that comes late takes none back. */
void probes_batch_add(struct probes *probes, const struct report *report)
{
	uint64_t hash = identity_hash(probes, &report->identity);
	struct entry *entry = find(probes, &report->identity, hash);
	struct probe_said *said;

	if (!entry)
		return; /* it was refused, counted there */
	said = &entry->said;
	if (!entry->is_due) {
		entry->is_due = true;
		entry->next_due = probes->due;
		probes->due = entry;
	}
	if (memcmp(said->boot_id, report->boot_id, BOOT_ID_LEN) == 0 &&
		report->sequence < said->sequence)
		return;
	*said = (struct probe_said){.identity = &entry->view.identity,
		.sequence = report->sequence,
		.start_ms = report->start_ms,
		.end_ms = report_end_ms(report),
		.sealed_bytes = report->sealed_bytes,
		.unreported_bytes = entry->view.unreported_bytes,
		.totals = report->totals};
	memcpy(said->boot_id, report->boot_id, BOOT_ID_LEN);
}

const struct probe_said *probes_take_due(struct probes *probes)
{
	struct entry *entry = probes->due;

	if (!entry)
		return NULL;
	probes->due = entry->next_due;
	entry->is_due = false;
	return &entry->said;
}

/*
 * Prometheus' text format escapes three characters, and takes UTF-8 only: one probe with other
 * bytes in its name would make the whole page unreadable.
 */
static void render_label(struct strbuf *out, const char *name, const char *value)
{
	strbuf_text(out, name);
	strbuf_text(out, "=\"");
	for (; *value; value++) {
		if (*value == '\n')
			strbuf_text(out, "\\n");
		else if (*value == '\\' || *value == '"')
			strbuf_printf(out, "\\%c", *value);
		else
			strbuf_char(out, *value >= ' ' && *value < 0x7f ? *value : '?');
	}
	strbuf_char(out, '"');
}

static void render_number(struct strbuf *out, uint64_t value, int decimals)
{
	uint64_t one = 1;

	for (int i = 0; i < decimals; i++)
		one *= 10;
	strbuf_u64(out, value / one);
	if (decimals > 0)
		strbuf_printf(out, ".%0*" PRIu64, decimals, value % one);
}

static void render_line(struct strbuf *out, const char *name, const struct probe_view *view,
	uint64_t value, int decimals)
{
	strbuf_text(out, name);
	strbuf_char(out, '{');
	render_label(out, "cluster", view->identity.cluster);
	render_label(out, ",namespace", view->identity.namespace);
	render_label(out, ",host", view->identity.host);
	strbuf_text(out, "} ");
	render_number(out, value, decimals);
	strbuf_char(out, '\n');
}

static void render_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void render_figure(
	const struct probes *probes, const struct figure *figure, struct strbuf *out)
{
	render_head(out, figure->name, figure->type, figure->help);
	for (const struct entry *entry = probes->oldest; entry; entry = entry->newer) {
		uint64_t value;

		memcpy(&value, (const char *)&entry->view + figure->offset, sizeof(value));
		render_line(out, figure->name, &entry->view, value, figure->decimals);
	}
}

static void render_coverage(const struct probes *probes, struct strbuf *out)
{
	static const char name[] = "nstats_probe_coverage";

	render_head(out, name, "gauge",
		"Captured of what passed the interface, where these can be compared");
	for (const struct entry *entry = probes->oldest; entry; entry = entry->newer) {
		uint64_t coverage;

		if (totals_coverage(&entry->view.totals, &coverage))
			render_line(out, name, &entry->view, coverage, 9);
	}
}

static void render_ledger(
	const struct probes *probes, const struct ledger *ledger, struct strbuf *out)
{
	static const struct figure of_boot[] = {
		{"nstats_probe_stored_bytes_total", "counter",
			"Traffic of the probe that is committed",
			offsetof(struct ledger_boot_state, stored_bytes), 0},
		{"nstats_probe_lost_bytes", "gauge",
			"Traffic that the probe sealed and that never arrived",
			offsetof(struct ledger_boot_state, lost_bytes), 0},
	};

	for (size_t i = 0; i < sizeof(of_boot) / sizeof(of_boot[0]); i++) {
		const struct figure *figure = &of_boot[i];

		render_head(out, figure->name, figure->type, figure->help);
		for (const struct entry *entry = probes->oldest; entry; entry = entry->newer) {
			struct ledger_boot_state state;
			uint64_t value;

			if (!ledger_boot(ledger, entry->view.boot_id, &state))
				continue;
			memcpy(&value, (const char *)&state + figure->offset, sizeof(value));
			render_line(out, figure->name, &entry->view, value, 0);
		}
	}
}

void probes_render(const struct probes *probes, const struct ledger *ledger, struct strbuf *out)
{
	static const char final[] = "nstats_probe_final";

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		render_figure(probes, &figures[i], out);
	render_ledger(probes, ledger, out);
	render_coverage(probes, out);
	render_head(out, final, "gauge", "1 after the probe's last report before it ended");
	for (const struct entry *entry = probes->oldest; entry; entry = entry->newer)
		render_line(out, final, &entry->view, entry->view.is_final, 0);
}
