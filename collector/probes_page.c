/* SPDX-License-Identifier: Apache-2.0 */
#include "probes_page.h"

#include <inttypes.h>
#include <string.h>

#define HEADS_MAX 8192 /* bytes of HELP and TYPE, and of the number of those left out */
#define LEN(list) (sizeof(list) / sizeof((list)[0]))

struct figure {
	const char *name;
	const char *type;
	const char *help;
	size_t offset; /* of a uint64_t in struct probe_view or ledger_boot_state */
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

static const struct figure of_ledger[] = {
	{"nstats_probe_stored_bytes_total", "counter", "Traffic of the probe that is committed",
		offsetof(struct ledger_boot_state, stored_bytes), 0},
	{"nstats_probe_lost_bytes", "gauge", "Traffic that the probe sealed and that never arrived",
		offsetof(struct ledger_boot_state, lost_bytes), 0},
};

static const struct figure coverage_figure = {.name = "nstats_probe_coverage",
	.type = "gauge",
	.help = "Captured of what passed the interface, where these can be compared",
	.decimals = 9};

static const struct figure final_figure = {.name = "nstats_probe_final",
	.type = "gauge",
	.help = "1 after the probe's last report before it ended"};

static const struct figure left_out_figure = {.name = "nstats_probes_left_out",
	.type = "gauge",
	.help = "Probes heard of in the last hour that are not on this page for want of room"};

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

/* As render_label writes it. */
static size_t label_len(const char *value)
{
	size_t len = strlen(value);

	for (; *value; value++)
		len += *value == '\n' || *value == '\\' || *value == '"';
	return len;
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

static void render_line(struct strbuf *out, const struct figure *figure,
	const struct probe_view *view, uint64_t value)
{
	strbuf_text(out, figure->name);
	strbuf_char(out, '{');
	render_label(out, "cluster", view->identity.cluster);
	render_label(out, ",namespace", view->identity.namespace);
	render_label(out, ",host", view->identity.host);
	strbuf_text(out, "} ");
	render_number(out, value, figure->decimals);
	strbuf_char(out, '\n');
}

static void render_head(struct strbuf *out, const struct figure *figure)
{
	strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", figure->name, figure->help, figure->name,
		figure->type);
}

static uint64_t value_of(const struct figure *figure, const void *of)
{
	uint64_t value;

	memcpy(&value, (const char *)of + figure->offset, sizeof(value));
	return value;
}

static void render_figure(
	const struct probe_view *first, const struct figure *figure, struct strbuf *out)
{
	render_head(out, figure);
	for (const struct probe_view *view = first; view; view = probes_newer(view))
		render_line(out, figure, view, value_of(figure, view));
}

static void render_coverage(const struct probe_view *first, struct strbuf *out)
{
	render_head(out, &coverage_figure);
	for (const struct probe_view *view = first; view; view = probes_newer(view)) {
		uint64_t coverage;

		if (totals_coverage(&view->totals, &coverage))
			render_line(out, &coverage_figure, view, coverage);
	}
}

static void render_final(const struct probe_view *first, struct strbuf *out)
{
	render_head(out, &final_figure);
	for (const struct probe_view *view = first; view; view = probes_newer(view))
		render_line(out, &final_figure, view, view->is_final);
}

static void render_ledger(const struct probe_view *first, const struct figure *figure,
	const struct ledger *ledger, struct strbuf *out)
{
	render_head(out, figure);
	for (const struct probe_view *view = first; view; view = probes_newer(view)) {
		struct ledger_boot_state state;

		if (ledger_boot(ledger, view->boot_id, &state))
			render_line(out, figure, view, value_of(figure, &state));
	}
}

static void render_left_out(struct strbuf *out, size_t n)
{
	render_head(out, &left_out_figure);
	strbuf_printf(out, "%s %zu\n", left_out_figure.name, n);
}

static void render_all(
	const struct probe_view *first, const struct ledger *ledger, struct strbuf *out)
{
	for (size_t i = 0; i < LEN(figures); i++)
		render_figure(first, &figures[i], out);
	for (size_t i = 0; i < LEN(of_ledger); i++)
		render_ledger(first, &of_ledger[i], ledger, out);
	render_coverage(first, out);
	render_final(first, out);
}

static size_t line_len(const struct figure *figure, size_t labels_len, uint64_t value)
{
	size_t len = strlen(figure->name) + labels_len + 1;

	for (; value >= 10; value /= 10)
		len++;
	return len + (figure->decimals > 0 ? (size_t)figure->decimals + 1 : 0);
}

/* What the probe takes on the page, at most: of what is not in its view the longest number. */
static size_t lines_len(const struct probe_view *view)
{
	size_t labels_len = strlen("{cluster=\"\",namespace=\"\",host=\"\"} \n") +
			    label_len(view->identity.cluster) +
			    label_len(view->identity.namespace) + label_len(view->identity.host);
	size_t len = 0;

	for (size_t i = 0; i < LEN(figures); i++)
		len += line_len(&figures[i], labels_len, value_of(&figures[i], view));
	for (size_t i = 0; i < LEN(of_ledger); i++)
		len += line_len(&of_ledger[i], labels_len, UINT64_MAX);
	len += line_len(&coverage_figure, labels_len, UINT64_MAX);
	return len + line_len(&final_figure, labels_len, view->is_final);
}

static bool is_stale(const struct probe_view *view, int64_t now_ms)
{
	return now_ms - view->seen_ms >= PROBES_STALE_MS;
}

/* From where on all fit into the room; NULL: none does. */
static const struct probe_view *first_that_fits(
	const struct probes *probes, int64_t now_ms, size_t room, size_t *ret_n)
{
	const struct probe_view *first = NULL;
	const struct probe_view *view = probes_newest(probes);

	*ret_n = 0;
	for (; view && !is_stale(view, now_ms); view = probes_older(view)) {
		size_t len = lines_len(view);

		if (len > room)
			break;
		room -= len;
		first = view;
		++*ret_n;
	}
	return first;
}

void probes_page_render(const struct probes *probes, const struct ledger *ledger, int64_t now_ms,
	struct strbuf *out)
{
	size_t n_heard = probes_heard(probes, now_ms - PROBES_STALE_MS + 1);
	size_t begin = out->len;
	size_t room = out->max - begin;
	const struct probe_view *first;
	size_t n;

	if (out->failed)
		return;
	first = first_that_fits(probes, now_ms, room > HEADS_MAX ? room - HEADS_MAX : 0, &n);
	render_left_out(out, n_heard - n);
	render_all(first, ledger, out);
	if (!out->failed)
		return;
	strbuf_cut(out, begin); /* no memory */
	render_left_out(out, n_heard);
}
