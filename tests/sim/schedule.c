/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include "account.h"
#include "collector_host.h"
#include "disk.h"
#include "faults.h"
#include "net.h"
#include "points.h"
#include "probe_host.h"
#include "sabotage.h"
#include "settings.h"
#include "traffic.h"
#include "world.h"

#include <string.h>

#define INTERVAL_MS    10000
#define GOOD_INTERVALS 3
#define RING_MIN       1400 /* any datagram fits, and few more: 64 KiB would never be full here */
/* A probe that has given up on the path tries again within 75 s, and takes another path after
 * three such rounds; the backend is tried every minute. */
#define SETTLE_MS  600000
#define SILENCE_MS 200000
#define STOP_MS    60000
#define DRAIN_MS   120000
/*
 * A crowded schedule: as many boots as the ledger holds run at once, and others take their places.
 * Silence is longer than any outage and than the end of a schedule, rest longer than any datagram
 * is under way.
 */
#define CROWDED(seed) ((seed) % 16 == 8) /* draws nothing: the others' seeds mean what they did */
/* In a starved one the collector's allocations fail, from hardly ever to nearly always. */
#define STARVED(seed)    ((seed) % 16 == 3)
#define STARVED_MAX_BITS 9 /* of a chance in per mille */
/* One with a budget of series that its traffic is far beyond. */
#define FRUGAL(seed)         ((seed) % 4 == 1)
#define SERIES_AT_MOST(seed) (10 + (unsigned)((seed) / 4 % 50))
#define FINISHED_MS          60000
#define SILENT_MS            1500000
#define CROWDED_MS           (SILENT_MS + 200000)
#define RESTART_MAX_MS       60000

/* True: another one is the same pod to the collector. */
static bool add_probe(void)
{
	static const int64_t intervals_ms[] = {
		10000, 10000, 10000, 10000, 5000, 2000, 30000, 60000};
	bool is_shared = probe_host_count() > 0 && world_chance(100);
	struct probe_plan plan = {
		.observer = is_shared ? 0 : probe_host_count(),
		.interval_ms = intervals_ms[world_below(8)],
		.ring_bytes = world_chance(200) ? (size_t)world_between(RING_MIN, 4 * RING_MIN)
						: 64 * 1024,
		.rows_max = 1 + world_below(world_chance(200) ? TRAFFIC_ROWS_MAX : 16),
		.is_patient = world_chance(50),
	};

	probe_host_add(&plan);
	return is_shared;
}

static void begin(uint64_t seed, bool is_traced)
{
	world_begin(seed, is_traced);
	account_begin();
	points_begin();
	disk_begin();
	net_begin();
	probe_host_begin();
	collector_host_begin();
	faults_begin();
}

static void start_probe(void *ctx, uint64_t probe)
{
	(void)ctx;
	probe_host_start((unsigned)probe);
}

static void crowd(unsigned n)
{
	struct ledger_limits limits = {.boots_max = n + (size_t)world_below(3),
		.finished_ms = FINISHED_MS,
		.silent_ms = SILENT_MS};

	if (sabotage == SABOTAGE_FORGET_LIVE)
		limits.finished_ms = limits.silent_ms = 1;
	collector_host_limit(&limits);
}

/* Again and again, until then. */
static void restart_some(void *ctx, uint64_t until_ms)
{
	unsigned probe = (unsigned)world_below(probe_host_count());

	(void)ctx;
	if (world_now_ms() > (int64_t)until_ms)
		return;
	if (world_chance(300))
		probe_host_kill(probe);
	else
		probe_host_stop(probe);
	world_after(NULL, world_between(0, 20000), start_probe, NULL, probe);
	world_after(NULL, world_between(1, RESTART_MAX_MS), restart_some, NULL, until_ms);
}

/* Returns whether each pod has one probe. */
static bool start(bool is_crowded)
{
	bool is_shared = false;
	unsigned n = 1 + (unsigned)world_below(N_OBSERVERS);

	if (is_crowded)
		crowd(n);
	collector_host_start();
	for (unsigned i = 0; i < n; i++) {
		is_shared |= add_probe();
		world_after(NULL, world_between(0, 10000), start_probe, NULL, i);
	}
	return !is_shared;
}

static bool is_all_gone(void)
{
	for (unsigned i = 0; i < probe_host_count(); i++)
		if (probe_host_is_up(i))
			return false;
	return true;
}

static void check_drained(void)
{
	const struct stats *stats = collector_host_stats();
	size_t n = disk_count(DISK_SPOOL);

	if (n > 0 && settings.backend == BACKEND_WELL)
		world_fail("%zu bodies are stuck in the spool", n);
	if (stats->waiting_bytes || stats->committing_bytes)
		world_fail("bytes are stuck in the collector");
	collector_host_check_shipping();
}

/* Everything that was sent is acknowledged: nobody sends again. */
static void settle(void)
{
	uint64_t sent;

	probe_host_quiet();
	world_run(world_now_ms() + SETTLE_MS);
	sent = probe_host_sent();
	world_run(world_now_ms() + SILENCE_MS);
	if (probe_host_sent() != sent)
		world_fail("%llu datagrams were sent again, long after all was well",
			(unsigned long long)(probe_host_sent() - sent));
}

/* Those that run now must end with everything acknowledged. */
static void stop_all(void)
{
	size_t n = account_count();
	bool is_open[ACCOUNTS_MAX];

	for (size_t i = 0; i < n; i++)
		is_open[i] = account_at(i)->state == ACCOUNT_OPEN;
	for (unsigned i = 0; i < probe_host_count(); i++)
		probe_host_stop(i);
	world_run(world_now_ms() + STOP_MS);
	if (!is_all_gone())
		world_fail("a probe does not end");
	for (size_t i = 0; i < n; i++)
		if (is_open[i] && account_at(i)->state != ACCOUNT_COMPLETE)
			world_fail("pod-%u ended on a good day, and not all was acknowledged",
				account_at(i)->observer);
	world_run(world_now_ms() + DRAIN_MS);
}

static void audit(uint64_t seed, struct schedule_result *ret)
{
	if (world_has_failed())
		return;
	check_drained();
	if (!world_has_failed())
		oracle_check(FRUGAL(seed) ? SERIES_AT_MOST(seed) : 0, &ret->sums);
}

static void summarise(struct schedule_result *ret)
{
	const struct collector_host_sums *sums = collector_host_sums();

	ret->points = sums->points;
	ret->points_shifted = sums->points_shifted;
	ret->crashes = sums->crashes;
	ret->forgotten = sums->boots_forgotten;
	ret->refused = sums->refused;
	ret->folded = sums->folded;
	ret->boots = account_count();
	ret->datagrams = probe_host_sent();
	for (size_t i = 0; i < account_count(); i++)
		ret->sequences += account_at(i)->n_sent;
	if (sums->rows_dropped_bytes && sabotage == SABOTAGE_NONE)
		world_fail("rows were dropped");
}

bool schedule_run(uint64_t seed, bool is_traced, struct schedule_result *ret)
{
	bool is_crowded = CROWDED(seed) || sabotage == SABOTAGE_FORGET_LIVE;
	int64_t until_ms;

	memset(ret, 0, sizeof(*ret));
	begin(seed, is_traced);
	if (FRUGAL(seed))
		collector_host_budget(SERIES_AT_MOST(seed));
	ret->is_calm = start(is_crowded) && !is_crowded;
	until_ms = world_now_ms() + INTERVAL_MS * world_between(3, world_chance(100) ? 60 : 12);
	ret->is_calm &= faults_plan(until_ms) == 0;
	if (STARVED(seed)) {
		faults_starve(1 + (unsigned)world_below(2U << world_below(STARVED_MAX_BITS)));
		ret->is_calm = false;
	}
	if (is_crowded)
		restart_some(NULL, (uint64_t)until_ms);
	world_run(until_ms);
	faults_heal();
	collector_host_start();
	world_run(world_now_ms() + (is_crowded ? CROWDED_MS : GOOD_INTERVALS * INTERVAL_MS));
	settle();
	stop_all();
	audit(seed, ret);
	collector_host_end();
	summarise(ret);
	probe_host_end();
	world_end();
	return !world_has_failed();
}

void schedule_done(void)
{
	account_end();
	disk_end();
	points_end();
	sabotage_end();
	world_free();
}
