/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include "collector_host.h"
#include "fake_names.h"
#include "net.h"
#include "probe_host.h"
#include "settings.h"
#include "world.h"

#include <stddef.h>
#include <string.h>

#define FAULTS_MAX          12
#define CALM_PER_MILLE      100
#define STEP_MAX_MS         7200000
#define PROBE_DOWN_MS       15000
#define COLLECTOR_DOWN_MS   60000
#define STAY_AWAY_PER_MILLE 50

struct settings settings;

/* One that happens, or, where it has an end, lasts. */
struct fault {
	void (*begin)(void);
	void (*end)(void);
};

/* One that is a setting, somewhere between least and most while it lasts. */
struct dial {
	const char *what;
	unsigned *setting;
	unsigned least;
	unsigned most;
};

static bool is_wobbling;
static uintptr_t generation;

static unsigned some_probe(void)
{
	return (unsigned)world_below(probe_host_count());
}

static void cut(void)
{
	uint64_t ways = 1 + world_below(3);

	settings.is_cut[0] = ways & 1;
	settings.is_cut[1] = ways & 2;
	world_trace("net: cut%s%s", ways & 1 ? " there" : "", ways & 2 ? " back" : "");
}

static void join(void)
{
	settings.is_cut[0] = settings.is_cut[1] = false;
	world_trace("net: joined");
}

static void lose_name(void)
{
	settings.is_name_gone = true;
	world_trace("the collector's name has no address");
}

static void find_name(void)
{
	settings.is_name_gone = false;
}

static void upset_backend(void)
{
	settings.backend = (enum backend_mood)world_between(BACKEND_AWAY, BACKEND_MOODY);
	world_trace("backend: mood %d", (int)settings.backend);
}

static void soothe_backend(void)
{
	settings.backend = BACKEND_WELL;
}

static void start_collector(void *ctx, uint64_t arg)
{
	(void)ctx;
	(void)arg;
	collector_host_start();
}

static void crash_collector(void)
{
	collector_host_crash();
	if (world_chance(200))
		net_move_collector();
	world_after(NULL, world_between(0, COLLECTOR_DOWN_MS), start_collector, NULL, 0);
}

static void stop_collector(void)
{
	collector_host_stop();
	world_after(NULL, world_between(4000, COLLECTOR_DOWN_MS), start_collector, NULL, 0);
}

static void start_probe(void *ctx, uint64_t probe)
{
	(void)ctx;
	probe_host_start((unsigned)probe);
}

static void start_later(unsigned probe)
{
	if (world_chance(800))
		world_after(NULL, world_between(0, PROBE_DOWN_MS), start_probe, NULL, probe);
}

static void kill_probe(void)
{
	unsigned probe = some_probe();

	probe_host_kill(probe);
	start_later(probe);
}

static void stop_probe(void)
{
	unsigned probe = some_probe();

	probe_host_stop(probe);
	start_later(probe);
}

static void step_clock(void)
{
	int64_t by_ms = world_between(-STEP_MAX_MS, STEP_MAX_MS);

	if (world_chance(700)) /* within a few intervals, where the starts meet again */
		by_ms /= 100;
	if (world_chance(200))
		collector_host_step_clock(by_ms);
	else
		probe_host_step_clock(some_probe(), by_ms);
}

/* From here to there and back, so that an observer's intervals fall apart into many runs. */
static void wobble_on(void *ctx, uint64_t of)
{
	(void)ctx;
	if (of != generation || !is_wobbling)
		return;
	probe_host_step_clock(some_probe(), 10000 * world_between(-5, 5));
	world_after(NULL, 10000, wobble_on, NULL, of);
}

static void wobble(void)
{
	is_wobbling = true;
	wobble_on(NULL, generation);
}

static void stand_still(void)
{
	is_wobbling = false;
}

static void blackhole(void)
{
	unsigned probe = some_probe();

	if (probe_host_is_up(probe))
		net_blackhole(probe, probe_host_port(probe));
}

static const struct dial dials[] = {
	{"the network loses, per mille", &settings.loss, 20, 600},
	{"the network doubles, per mille", &settings.duplicates, 50, 500},
	{"the network delays, at most ms", &settings.delay_ms, 100, 3000},
	{"the network delays, at most ms", &settings.delay_ms, 3000, 30000},
	{"probes' kernels refuse, per mille", &settings.no_buffer, 100, 1000},
	{"the disk takes, at most ms", &settings.job_ms, 100, 8000},
	{"commits fail, per mille", &settings.commit_failure, 50, 1000},
	{"reads and deletes fail, per mille", &settings.read_failure, 50, 1000},
	{"the spool has room for bytes", &settings.quota_bytes, 500, 20000},
	{"dangerous steps crash, per mille", &settings.crash, 10, 300},
	{"names take, at most ms", &settings.name_ms, 100, 10000},
};
#define N_DIALS (sizeof(dials) / sizeof(dials[0]))

static const struct fault faults[] = {
	{cut, join},
	{lose_name, find_name},
	{upset_backend, soothe_backend},
	{wobble, stand_still},
	{crash_collector, NULL},
	{stop_collector, NULL},
	{kill_probe, NULL},
	{stop_probe, NULL},
	{step_clock, NULL},
	{fake_names_change, NULL},
	{blackhole, NULL},
};
#define N_FAULTS (sizeof(faults) / sizeof(faults[0]))

static const struct settings good_day = {.delay_ms = 20, .job_ms = 20};

static void turn(const struct dial *dial, bool is_end)
{
	size_t offset = (size_t)((const char *)dial->setting - (const char *)&settings);

	if (is_end)
		memcpy(dial->setting, (const char *)&good_day + offset, sizeof(*dial->setting));
	else
		*dial->setting = (unsigned)world_between(dial->least, dial->most);
	world_trace("%s: %u", dial->what, *dial->setting);
}

/* Which: a dial's number, or behind those a fault's. */
static void happen(uint64_t which, bool is_end)
{
	const struct fault *fault;

	if (which < N_DIALS) {
		turn(&dials[which], is_end);
		return;
	}
	fault = &faults[which - N_DIALS];
	if (!is_end)
		fault->begin();
	else if (fault->end)
		fault->end();
}

/* What was planned before faults_heal is stale. */
static void begin_it(void *ctx, uint64_t which)
{
	if ((uintptr_t)ctx == generation)
		happen(which, false);
}

static void end_it(void *ctx, uint64_t which)
{
	if ((uintptr_t)ctx == generation)
		happen(which, true);
}

void faults_begin(void)
{
	generation++;
	is_wobbling = false;
	settings = good_day;
	fake_names_begin();
}

unsigned faults_plan(int64_t until_ms)
{
	int64_t span_ms = until_ms - world_now_ms();
	uint64_t kinds = world_random() & world_random(); /* a schedule has a theme */
	unsigned n = world_chance(CALM_PER_MILLE) ? 0 : 1 + (unsigned)world_below(FAULTS_MAX);
	unsigned planned = 0;

	for (unsigned i = 0; i < 4 * n && planned < n; i++) {
		uint64_t which = world_below(N_DIALS + N_FAULTS);
		int64_t at_ms = world_between(0, span_ms);
		int64_t lasts_ms = world_between(0, span_ms / (world_chance(300) ? 1 : 4));

		if (!(kinds >> which & 1))
			continue;
		planned++;
		world_after(NULL, at_ms, begin_it, (void *)generation, which);
		world_after(NULL, at_ms + lasts_ms, end_it, (void *)generation, which);
	}
	return planned;
}

void faults_starve(unsigned per_mille)
{
	settings.no_memory = per_mille;
	world_trace("the collector's allocations fail, per mille: %u", per_mille);
}

void faults_heal(void)
{
	generation++;
	settings = good_day;
	world_trace("all is well again");
	if (world_chance(STAY_AWAY_PER_MILLE))
		settings.backend = BACKEND_AWAY;
}
