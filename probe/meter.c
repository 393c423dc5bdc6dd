/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include "clock.h"
#include "flow_table.h"
#include "hash.h"
#include "log.h"
#include "lookups.h"
#include "name_table.h"
#include "print.h"
#include "report.h"
#include "rising.h"
#include "usage.h"
#include "wire.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_MAX_MS 8000 /* for the last acknowledgements; a pod has 30 s to end, mostly */

struct meter {
	struct meter_config config;
	struct meter_parts parts;
	struct flow_table *table;
	struct name_table *names; /* NULL with --dns off, and so are look-ups */
	struct lookups *lookups;
	struct report_builder *builder;
	struct deliver *deliver; /* NULL with --print */
	struct role_sockets role_sockets;
	struct totals totals;
	bool has_opening;
	struct link_counters ahead; /* totals' of the interface's own, modulo 2^64 */
	int64_t started_ms;         /* monotonic */
	int usage;                  /* usage_open */
	struct rising drops, evictions, table_full, refusals, bad_acks;
};

static int open_deliver(struct meter *meter, char err[static ERR_LEN])
{
	const struct deliver_config config = {
		.sender = meter->parts.sender,
		.resolver = meter->parts.resolver,
		.port = meter->config.collector_port,
		.ring_bytes = meter->config.ring_bytes,
		/* Half: what an interval's end has begun is over before the next one ends. */
		.spread_ms = meter->config.is_file ? 0 : meter->config.interval_ms / 2,
		.is_patient = meter->config.is_file,
	};

	return meter->config.is_print ? 0 : deliver_new(&config, &meter->deliver, err);
}

static bool open_names(struct meter *meter)
{
	const struct direction *live = meter->config.is_file ? NULL : &meter->config.direction;

	if (!meter->config.is_dns_on)
		return true;
	meter->names = name_table_new(hash_random_seed());
	if (!meter->names)
		return false;
	meter->lookups = lookups_new(meter->names, live, hash_random_seed());
	flow_table_set_names(meter->table, meter->names);
	return meter->lookups != NULL;
}

int meter_new(const struct meter_config *config, const struct meter_parts *parts,
	struct meter **ret, char err[static ERR_LEN])
{
	struct meter *meter = calloc(1, sizeof(*meter));
	int r = -ENOMEM;

	snprintf(err, ERR_LEN, "flow table for %zu flows: out of memory", config->flows_cap);
	if (!meter)
		return r;
	meter->config = *config;
	meter->parts = *parts;
	meter->started_ms = clock_mono_ms();
	meter->usage = usage_open();
	meter->table = flow_table_new(config->flows_cap, hash_random_seed());
	meter->builder = report_builder_new(config->flows_cap, config->top, hash_random_seed());
	if (!meter->table || !meter->builder || !open_names(meter))
		goto fail;
	r = open_deliver(meter, err);
	if (r < 0)
		goto fail;
	*ret = meter;
	return 0;

fail:
	meter_free(meter);
	return r;
}

void meter_free(struct meter *meter)
{
	if (!meter)
		return;
	deliver_free(meter->deliver);
	report_builder_free(meter->builder);
	flow_table_free(meter->table);
	lookups_free(meter->lookups);
	name_table_free(meter->names);
	usage_close(meter->usage);
	free(meter);
}

static void set_interface_bytes(struct meter *meter, const struct link_counters *now)
{
	meter->totals.if_rx_bytes = now->rx_bytes + meter->ahead.rx_bytes;
	meter->totals.if_tx_bytes = now->tx_bytes + meter->ahead.tx_bytes;
}

void meter_take_opening(struct meter *meter, const struct source_opening *opening)
{
	struct totals *totals = &meter->totals;
	const struct link_counters *counters = &opening->state.counters;

	direction_update(
		&meter->config.direction, &opening->state.direction, meter->config.has_own_locals);
	totals->is_comparable = opening->is_comparable && !meter->has_opening;
	if (meter->has_opening) {
		meter->ahead.rx_bytes = totals->if_rx_bytes - counters->rx_bytes;
		meter->ahead.tx_bytes = totals->if_tx_bytes - counters->tx_bytes;
	} else {
		totals->if_rx_bytes_open = counters->rx_bytes;
		totals->if_tx_bytes_open = counters->tx_bytes;
	}
	set_interface_bytes(meter, counters);
	meter->has_opening = true;
}

/* A file that is printed: all that there is to say stands in the line of its totals. */
static bool is_silent(const struct meter *meter)
{
	return meter->config.is_file && meter->config.is_print;
}

void meter_add(struct meter *meter, enum packet_link link, const struct capture_frame *frame,
	int64_t now_us)
{
	const struct role_sockets *sockets = meter->parts.sockets ? &meter->role_sockets : NULL;
	enum packet_way way;
	struct packet packet;
	enum packet_result result =
		packet_parse(link, frame->data, frame->cap_len, frame->wire_len, &packet);

	meter->totals.captured_bytes += packet.length;
	meter->totals.captured_packets++;
	/* What a file holds is another's conversation. */
	if (meter->deliver && !meter->config.is_file && result == PACKET_OK &&
		deliver_owns(meter->deliver, &packet)) {
		meter->totals.self_bytes += packet.length;
		meter->totals.self_packets++;
		return;
	}
	way = direction_of(&meter->config.direction, &packet);
	if (meter->lookups && lookups_wants(&packet))
		lookups_add(meter->lookups, &packet, way, frame->data, now_us / 1000);
	flow_table_add(meter->table, result, &packet, way, sockets, now_us);
}

static uint64_t bad_acks(const struct meter *meter)
{
	return meter->deliver ? deliver_bad_acks(meter->deliver) : 0;
}

static void warn_of_losses(struct meter *meter, int64_t now_ms)
{
	const struct totals *totals = &meter->totals;

	if (rising_begins(&meter->drops, totals->kernel_drops, now_ms))
		log_warn("kernel drops packets", "drops=%" PRIu64, totals->kernel_drops);
	if (rising_begins(&meter->evictions, totals->evicted_bytes, now_ms))
		log_warn("ring is full", "evicted_bytes=%" PRIu64 " act=\"oldest datagrams go\"",
			totals->evicted_bytes);
	if (rising_begins(&meter->refusals, totals->send_errors, now_ms))
		log_warn("collector does not take datagrams",
			"send_errors=%" PRIu64 " act=\"tried again\"", totals->send_errors);
	if (rising_begins(&meter->table_full, totals->table_full_packets, now_ms))
		log_warn("flow table is full", "packets=%" PRIu64 " act=\"counted as ~other\"",
			totals->table_full_packets);
	if (rising_begins(&meter->bad_acks, bad_acks(meter), now_ms))
		log_warn("acknowledgements are forged or damaged",
			"bad_acks=%" PRIu64 " act=ignored", bad_acks(meter));
}

/*
 * MAC and addresses change while we look: bonding fails over, a VPN gets its address. Without an
 * answer the last values stay: the interface may just have gone.
 */
static void read_link(struct meter *meter)
{
	struct meter_config *config = &meter->config;
	struct link_state now;

	if (source_describe(meter->parts.source, &now) < 0)
		return;
	set_interface_bytes(meter, &now.counters);
	direction_update(&config->direction, &now.direction, config->has_own_locals);
}

static void read_lookups(struct meter *meter)
{
	const struct lookups_stats *stats = lookups_stats(meter->lookups);

	meter->totals.dns_names = stats->names;
	meter->totals.dns_unasked = stats->unasked;
	meter->totals.dns_unread = stats->unread;
	meter->totals.dns_unkept = stats->unkept;
}

static void read_totals(struct meter *meter)
{
	struct totals *totals = &meter->totals;
	const struct flow_table_stats *stats = flow_table_stats(meter->table);

	totals->table_full_packets = stats->full_packets;
	totals->role_guessed = stats->role_guessed;
	if (meter->lookups)
		read_lookups(meter);
	if (meter->parts.source) {
		totals->kernel_drops = source_kernel_drops(meter->parts.source);
		read_link(meter);
	}
	if (meter->deliver) {
		totals->evicted_bytes = deliver_evicted_bytes(meter->deliver);
		totals->send_errors = sender_errors(meter->parts.sender);
		totals->dns_unkept += deliver_names_left_out(meter->deliver);
	}
}

/* What a file's rows are does not depend on the machine that read it. */
static void read_usage(struct meter *meter)
{
	struct totals *totals = &meter->totals;

	if (is_silent(meter))
		return;
	totals->cpu_us = usage_cpu_us();
	totals->rss_bytes = usage_rss_bytes(meter->usage);
	totals->uptime_ms = (uint64_t)(clock_mono_ms() - meter->started_ms);
}

int64_t meter_line_ms(const struct meter *meter, int64_t time_ms)
{
	int64_t length_ms = meter->config.interval_ms;

	if (time_ms < 0)
		return 0;
	if (time_ms >= WIRE_START_MAX_MS)
		time_ms = WIRE_START_MAX_MS - 1;
	return time_ms / length_ms * length_ms;
}

static uint32_t clamp_length(int64_t length_ms)
{
	if (length_ms < 1)
		return 1;
	return length_ms < WIRE_INTERVAL_MAX_MS ? (uint32_t)length_ms : WIRE_INTERVAL_MAX_MS;
}

/* A signal must not cut a line in the middle: a write(2) that it breaks off is an error to stdio.
 */
static void hold_signals(sigset_t *ret_before)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGINT);
	sigprocmask(SIG_BLOCK, &held, ret_before);
}

static void print_rows(const struct report *head, const struct record *rows, size_t n)
{
	sigset_t before;

	hold_signals(&before);
	for (size_t i = 0; i < n; i++)
		print_record(stdout, head, &rows[i]);
	fflush(stdout);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void meter_close_interval(struct meter *meter, const struct meter_interval *interval)
{
	struct report head = {
		.start_ms = (uint64_t)interval->start_ms,
		.begin_ms = (uint32_t)interval->begin_ms,
		.interval_ms = clamp_length(interval->length_ms),
		.is_final = interval->is_final,
		.identity = meter->config.identity,
	};
	const struct record *rows;
	size_t n;

	flow_table_expire(meter->table, interval->now_us);
	n = report_build(meter->builder, meter->table, &rows);
	read_totals(meter);
	read_usage(meter);
	if (!is_silent(meter))
		warn_of_losses(meter, interval->now_us / 1000);
	head.totals = meter->totals;
	if (meter->deliver) {
		deliver_rows(meter->deliver, &head, rows, n);
	} else {
		print_rows(&head, rows, n);
	}
	flow_table_next_interval(meter->table, interval->now_us);
}

static int end_print(struct meter *meter, char err[static ERR_LEN])
{
	sigset_t before;
	bool is_written;

	hold_signals(&before);
	print_totals(stdout, &meter->totals);
	is_written = fflush(stdout) == 0 && !ferror(stdout);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (is_written)
		return 0;
	snprintf(err, ERR_LEN, "standard output: rows could not be written");
	return -EIO;
}

static void end_deliver(struct meter *meter)
{
	bool has_something = meter->totals.captured_packets > 0;

	if (has_something && !deliver_flush(meter->deliver, FLUSH_MAX_MS))
		log_warn("not all is acknowledged", "act=\"given up\"");
	meter->totals.evicted_bytes = deliver_evicted_bytes(meter->deliver);
	meter->totals.send_errors = sender_errors(meter->parts.sender);
}

int meter_end(struct meter *meter, char err[static ERR_LEN])
{
	const struct totals *totals = &meter->totals;
	int r = 0;

	if (meter->deliver)
		end_deliver(meter);
	else
		r = end_print(meter, err);
	if (!is_silent(meter))
		log_info("probe ends",
			"captured_bytes=%" PRIu64 " captured_packets=%" PRIu64
			" self_bytes=%" PRIu64 " kernel_drops=%" PRIu64 " evicted_bytes=%" PRIu64
			" send_errors=%" PRIu64 " bad_acks=%" PRIu64,
			totals->captured_bytes, totals->captured_packets, totals->self_bytes,
			totals->kernel_drops, totals->evicted_bytes, totals->send_errors,
			bad_acks(meter));
	return r;
}

void meter_refresh_sockets(struct meter *meter)
{
	if (meter->parts.sockets)
		sockets_refresh(meter->parts.sockets, &meter->role_sockets);
}

const struct totals *meter_totals(const struct meter *meter)
{
	return &meter->totals;
}

struct deliver *meter_deliver(struct meter *meter)
{
	return meter->deliver;
}
