/* SPDX-License-Identifier: Apache-2.0 */
#include "collector_host.h"

#include "disk.h"
#include "hash.h"
#include "net.h"
#include "oracle.h"
#include "pipeline.h"
#include "sabotage.h"
#include "series.h"
#include "settings.h"
#include "ship.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#define WORKER_JOBS_MAX 8
#define SERIES_DAYS     7     /* as --series-days is by itself */
#define STOP_MS         3000  /* as main.c's */
#define DOWN_MS         30000 /* at most, after a crash that was not planned */

static struct {
	struct host clock;
	uint64_t life;
	bool is_up;
	bool is_crashing;
	bool is_starting;
	bool is_stopping;
	bool is_crash_due;
	struct collector_host_sums sums;
	struct ledger_limits limits;
	unsigned max_series;

	struct stats stats;
	uint64_t spooled_at_start;
	struct loop *loop;
	struct spool *spool;
	struct worker *worker;
	struct ledger *ledger;
	struct series *series; /* NULL: no budget */
	struct probes *probes;
	struct names *names;
	struct ship *ship;
	struct pipeline *pipeline;
} host;

void collector_host_begin(void)
{
	memset(&host, 0, sizeof(host));
}

const struct host *collector_host_clock(void)
{
	return &host.clock;
}

void collector_host_step_clock(int64_t by_ms)
{
	host.clock.wall_ahead_ms += by_ms;
	world_trace("collector: the clock steps by %lld ms", (long long)by_ms);
}

bool collector_host_is_up(void)
{
	return host.is_up;
}

bool collector_host_is_crashing(void)
{
	return host.is_crashing;
}

bool collector_host_is_at_work(void)
{
	return world_host() == &host.clock && !host.is_starting;
}

const struct ledger *collector_host_ledger(void)
{
	return host.ledger;
}

const struct stats *collector_host_stats(void)
{
	return &host.stats;
}

const struct collector_host_sums *collector_host_sums(void)
{
	return &host.sums;
}

static bool reply(void *ctx, const struct receive_from *to, const uint8_t *data, size_t len)
{
	const struct sockaddr_in *addr = (const void *)&to->addr;

	(void)ctx;
	net_to_probe(ntohl(addr->sin_addr.s_addr), ntohs(addr->sin_port), data, len);
	collector_host_danger("after an acknowledgement");
	return true;
}

static void committed(void *ctx)
{
	(void)ctx;
	ship_kick(host.ship);
}

static bool entry_load(void *ctx, const struct ledger_entry *entry)
{
	(void)ctx;
	if (strcmp(entry->table, "series") == 0)
		return series_load(host.series, entry);
	return ledger_load(host.ledger, entry);
}

void collector_host_budget(unsigned max_series)
{
	host.max_series = max_series;
}

void collector_host_limit(const struct ledger_limits *limits)
{
	host.limits = *limits;
}

static void open_store(void)
{
	struct ledger_config ledger = {.now_ms = world_now_ms(), .limits = host.limits};
	struct spool_state state;
	char err[ERR_LEN];
	int r = loop_new(&host.loop, err);

	if (r == 0)
		r = spool_open("", 0, &host.spool, err);
	ledger.hash_seed = hash_random_seed();
	host.ledger = ledger_new(&ledger);
	host.probes = probes_new(hash_random_seed());
	assert(r == 0 && host.ledger && host.probes);
	host.series = NULL;
	if (host.max_series) {
		host.series = series_new(host.max_series, SERIES_DAYS, hash_random_seed());
		assert(host.series);
	}
	spool_load_ledger(host.spool, entry_load, NULL, err);
	oracle_reloaded(host.ledger);
	spool_state(host.spool, &state);
	spool_state_show(&state, &host.stats);
	host.spooled_at_start = state.traffic_bytes;
	r = worker_open(host.loop, WORKER_JOBS_MAX, &host.worker, err);
	assert(r == 0);
	(void)r;
}

static void open_stories(void)
{
	const struct names_config names = {.is_ptr_on = true};
	const struct ship_config ship = {.influx = "backend", .db = "nstats"};
	struct pipeline_parts parts = {.loop = host.loop,
		.ledger = host.ledger,
		.series = host.series,
		.probes = host.probes,
		.spool = host.spool,
		.worker = host.worker,
		.stats = &host.stats,
		.cluster = "-",
		.committed = committed,
		.reply = reply};
	char err[ERR_LEN];
	int r = names_open(host.loop, &names, &host.stats, &host.names, err);

	if (r == 0)
		r = ship_open(
			host.loop, &ship, host.spool, host.worker, &host.stats, &host.ship, err);
	parts.names = host.names;
	if (r == 0)
		r = pipeline_open(&parts, &host.pipeline, err);
	assert(r == 0);
	(void)r;
}

void collector_host_start(void)
{
	const struct host *before;

	if (host.is_up)
		return;
	before = world_enter(&host.clock);
	memset(&host.stats, 0, sizeof(host.stats));
	host.is_up = true;
	host.is_stopping = false;
	host.is_crash_due = false;
	host.life++;
	host.is_starting = true;
	open_store();
	open_stories();
	host.is_starting = false;
	world_trace(
		"collector: starts with %" PRIu64 " bodies in the spool", host.stats.spool_bodies);
	committed(NULL);
	world_enter(before);
}

/* The balance that stats.h promises at any moment. */
static void check_intake(void)
{
	const struct stats *s = &host.stats;
	uint64_t there = s->waiting_bytes + s->committing_bytes + s->commit_failed_bytes +
			 s->rows_dropped_bytes + s->committed_bytes;

	if (s->accepted_bytes != there)
		world_fail("the collector accepted %" PRIu64 " bytes and accounts for %" PRIu64,
			s->accepted_bytes, there);
	host.sums.points += s->points;
	host.sums.folded += s->folded_port_pod + s->folded_port_total + s->folded_name_pod +
			    s->folded_name_total;
	host.sums.boots_forgotten += s->forgotten_finished + s->forgotten_silent;
	host.sums.refused += s->reject_ledger_full;
	host.sums.points_shifted += s->points_shifted;
	host.sums.rows_dropped_bytes += s->rows_dropped_bytes;
}

void collector_host_check_shipping(void)
{
	const struct stats *s = &host.stats;
	uint64_t came = s->committed_bytes + host.spooled_at_start;
	uint64_t there = s->spool_bytes + s->delivered_bytes + s->rejected_bytes + s->evicted_bytes;

	if (came != there)
		world_fail("%" PRIu64 " bytes came into the spool, %" PRIu64 " are accounted for",
			came, there);
}

static void close_all(void)
{
	check_intake();
	pipeline_close(host.pipeline);
	ship_close(host.ship);
	worker_close(host.worker);
	names_close(host.names);
	probes_free(host.probes);
	series_free(host.series);
	ledger_free(host.ledger);
	spool_close(host.spool);
	loop_free(host.loop);
	sabotage_forget();
	host.is_up = false;
}

void collector_host_crash(void)
{
	if (!host.is_up)
		return;
	world_trace("collector: crashes");
	host.is_crashing = true;
	close_all();
	host.is_crashing = false;
	host.sums.crashes++;
	disk_crash();
}

static void stop_over(void *ctx, uint64_t life)
{
	(void)ctx;
	if (!host.is_up || host.life != life)
		return;
	world_trace("collector: ends");
	close_all();
}

static void flushed(void *ctx)
{
	(void)ctx;
	world_after(&host.clock, 0, stop_over, NULL, host.life);
}

void collector_host_stop(void)
{
	const struct host *before;

	if (!host.is_up || host.is_stopping)
		return;
	world_trace("collector: SIGTERM");
	host.is_stopping = true;
	before = world_enter(&host.clock);
	world_after(&host.clock, STOP_MS, stop_over, NULL, host.life);
	pipeline_flush(host.pipeline, flushed, NULL);
	world_enter(before);
}

static void come_back(void *ctx, uint64_t arg)
{
	(void)ctx;
	(void)arg;
	collector_host_start();
}

static void crash_now(void *ctx, uint64_t life)
{
	(void)ctx;
	if (!host.is_up || host.life != life)
		return;
	collector_host_crash();
	world_after(&host.clock, world_between(0, DOWN_MS), come_back, NULL, 0);
}

bool collector_host_danger(const char *where)
{
	if (!host.is_up || host.is_crash_due || host.is_crashing || !world_chance(settings.crash))
		return false;
	world_trace("collector: about to crash %s", where);
	host.is_crash_due = true;
	world_after(&host.clock, 0, crash_now, NULL, host.life);
	return true;
}

void collector_host_datagram(unsigned probe, uint16_t port, const uint8_t *data, size_t len)
{
	struct receive_from from = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(probe), .sin_port = htons(port)};

	if (!host.is_up || host.is_stopping)
		return;
	memcpy(&from.addr, &addr, sizeof(addr));
	if (sabotage != SABOTAGE_NONE)
		data = sabotage_arrival(data, len, &from, reply);
	pipeline_datagram(host.pipeline, data, len, &from);
}

void collector_host_end(void)
{
	if (!host.is_up)
		return;
	host.is_crashing = true;
	close_all();
	host.is_crashing = false;
}
