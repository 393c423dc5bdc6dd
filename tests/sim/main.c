/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nstats-sim: seeded schedules of probes, network, collector, disk and backend in one process. The
 * product's own code runs in them; what is beneath it is simulated.
 */
#include "fake_memory.h"
#include "sabotage.h"
#include "schedule.h"
#include "world.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAILURES_MAX 5 /* then there is enough to look at */
#define KEPT_BYTES   (64 << 20)
#define CATCH_WITHIN 1000 /* schedules */
#define TRACE_MAX    400  /* lines of a schedule that failed */

struct run {
	uint64_t schedules;
	uint64_t failures;
	struct oracle_sums sums;
	uint64_t points[2]; /* in calm ones, in all */
	uint64_t shifted[2];
	uint64_t crashes;
	uint64_t forgotten;
	uint64_t refused;
	uint64_t folded;
	uint64_t boots;
	uint64_t datagrams[2];
	uint64_t sequences[2];
};

static void add(struct run *run, const struct schedule_result *result)
{
	run->schedules++;
	run->crashes += result->crashes;
	run->forgotten += result->forgotten;
	run->refused += result->refused;
	run->folded += result->folded;
	run->boots += result->boots;
	run->datagrams[1] += result->datagrams;
	run->sequences[1] += result->sequences;
	run->points[1] += result->points;
	run->shifted[1] += result->points_shifted;
	if (result->is_calm) {
		run->points[0] += result->points;
		run->shifted[0] += result->points_shifted;
		run->datagrams[0] += result->datagrams;
		run->sequences[0] += result->sequences;
	}
	run->sums.generated += result->sums.generated;
	run->sums.stored += result->sums.stored;
	run->sums.pending += result->sums.pending;
	run->sums.lost_ring += result->sums.lost_ring;
	run->sums.lost_probe += result->sums.lost_probe;
	run->sums.evicted += result->sums.evicted;
	run->sums.refused += result->sums.refused;
}

/* A failing schedule once more, to tell what happened in it. */
static void tell(uint64_t seed, uint64_t max_lines)
{
	struct schedule_result result;

	(void)schedule_run(seed, true, &result);
	world_print_trace(max_lines);
	printf("seed %" PRIu64 ": %s\n", seed,
		world_has_failed() ? world_failure() : "does not fail again");
	fflush(stdout);
}

static void run_one(struct run *run, uint64_t seed)
{
	struct schedule_result result;

	if (!schedule_run(seed, false, &result)) {
		run->failures++;
		tell(seed, TRACE_MAX);
	}
	add(run, &result);
}

static void run_many(struct run *run, uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n && run->failures < FAILURES_MAX; i++)
		run_one(run, first + i);
}

/* Seeds that once failed, one a line; what follows a # is why. */
static int run_file(struct run *run, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];

	if (!file) {
		fprintf(stderr, "nstats-sim: open '%s': %s\n", path, strerror(errno));
		return -1;
	}
	while (fgets(line, sizeof(line), file) && run->failures < FAILURES_MAX) {
		char *end;
		uint64_t seed = strtoull(line, &end, 10);

		if (end != line)
			run_one(run, seed);
	}
	fclose(file);
	return 0;
}

static double seconds(void)
{
	struct timespec now;

	timespec_get(&now, TIME_UTC); /* the machine's time: clock_gettime is the world's here */
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void report(const struct run *run, double took_s)
{
	const struct oracle_sums *sums = &run->sums;

	printf("%" PRIu64 " schedules, %" PRIu64 " failed; %.1f s, %.0f a second\n", run->schedules,
		run->failures, took_s, (double)run->schedules / took_s);
	printf("  %" PRIu64 " boots, %" PRIu64 " collector crashes, %" PRIu64 " datagrams, %" PRIu64
	       " points\n",
		run->boots, run->crashes, run->datagrams[1], run->points[1]);
	printf("  bytes: %" PRIu64 " generated = %" PRIu64 " stored + %" PRIu64
	       " pending + %" PRIu64 " evicted by rings + %" PRIu64 " killed with probes + %" PRIu64
	       " evicted by the spool + %" PRIu64 " refused by the backend\n",
		sums->generated, sums->stored, sums->pending, sums->lost_ring, sums->lost_probe,
		sums->evicted, sums->refused);
	printf("  k is 0: %.2f %% of points, %.2f %% in calm schedules\n",
		100 - share(run->shifted[1], run->points[1]),
		100 - share(run->shifted[0], run->points[0]));
	printf("  ledgers that were full forgot %" PRIu64 " boots and refused %" PRIu64
	       " datagrams\n",
		run->forgotten, run->refused);
	printf("  budgets of series folded %" PRIu64 " records\n", run->folded);
	printf("  the collector was refused %" PRIu64 " allocations\n", fake_memory_refused());
	printf("  sent, of what had to be: %.1f %%, %.1f %% in calm schedules\n",
		share(run->datagrams[1], run->sequences[1]),
		share(run->datagrams[0], run->sequences[0]));
}

/* 0: it was caught. */
static int try_sabotage(enum sabotage which)
{
	struct schedule_result result;

	sabotage = which;
	for (uint64_t seed = 1; seed <= CATCH_WITHIN; seed++) {
		if (schedule_run(seed, false, &result))
			continue;
		printf("%s: caught by schedule %" PRIu64 ": %s\n", sabotage_name(which), seed,
			world_failure());
		return 0;
	}
	printf("%s: not caught within %d schedules\n", sabotage_name(which), CATCH_WITHIN);
	return 1;
}

static int try_sabotages(const char *name)
{
	int missed = 0, tried = 0;

	for (int i = SABOTAGE_NONE + 1; i < N_SABOTAGES; i++) {
		const char *its = sabotage_name((enum sabotage)i);

		if (strcmp(name, its) != 0 && strcmp(name, "all") != 0)
			continue;
		tried++;
		missed += try_sabotage((enum sabotage)i);
	}
	if (tried == 0)
		fprintf(stderr, "nstats-sim: no such sabotage: '%s'\n", name);
	return tried == 0 || missed ? 1 : 0;
}

static void list_sabotages(void)
{
	for (int i = SABOTAGE_NONE + 1; i < N_SABOTAGES; i++)
		puts(sabotage_name((enum sabotage)i));
}

static const char usage[] =
	"usage: nstats-sim [OPTION...]\n"
	"  -n, --schedules N        how many (1000)\n"
	"  -s, --seed N             of the first (1); the others follow\n"
	"  -r, --regressions FILE   the seeds in it instead\n"
	"  -b, --sabotage NAME|all  break the collector, and succeed where that is noticed\n"
	"  -l, --list-sabotages     their names\n"
	"  -t, --trace              what happens in the first one\n";

enum task {
	TASK_RUN,
	TASK_REGRESSIONS,
	TASK_SABOTAGE,
	TASK_LIST,
	TASK_TRACE,
	TASK_HELP,
	TASK_NONE,
};

struct command {
	enum task task;
	uint64_t n;
	uint64_t seed;
	const char *text; /* the file, or the name */
};

static enum task task_of(int option)
{
	static const struct {
		int option;
		enum task task;
	} tasks[] = {{'r', TASK_REGRESSIONS}, {'b', TASK_SABOTAGE}, {'l', TASK_LIST},
		{'t', TASK_TRACE}, {'h', TASK_HELP}};

	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		if (tasks[i].option == option)
			return tasks[i].task;
	return TASK_NONE;
}

static struct command parse(int argc, char **argv)
{
	static const struct option options[] = {{"schedules", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 's'},
		{"regressions", required_argument, NULL, 'r'},
		{"sabotage", required_argument, NULL, 'b'},
		{"list-sabotages", no_argument, NULL, 'l'}, {"trace", no_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'}, {0}};
	struct command command = {.task = TASK_RUN, .n = 1000, .seed = 1};
	int option;

	while ((option = getopt_long(argc, argv, "n:s:r:b:lth", options, NULL)) != -1) {
		if (option == 'n') {
			command.n = strtoull(optarg, NULL, 10);
		} else if (option == 's') {
			command.seed = strtoull(optarg, NULL, 10);
		} else {
			command.task = task_of(option);
			command.text = optarg;
		}
	}
	return command;
}

static int run_schedules(const struct command *command)
{
	double begun_s = seconds();
	struct run run = {0};
	int r = 0;

	if (command->task == TASK_REGRESSIONS)
		r = run_file(&run, command->text);
	else
		run_many(&run, command->seed, command->n);
	report(&run, seconds() - begun_s);
	return r < 0 || run.failures ? 1 : 0;
}

static int perform(const struct command *command)
{
	switch (command->task) {
	case TASK_RUN:
	case TASK_REGRESSIONS:
		return run_schedules(command);
	case TASK_SABOTAGE:
		return try_sabotages(command->text);
	case TASK_LIST:
		list_sabotages();
		return 0;
	case TASK_TRACE:
		tell(command->seed, UINT64_MAX);
		return world_has_failed() ? 1 : 0;
	case TASK_HELP:
		fputs(usage, stdout);
		return 0;
	case TASK_NONE:
		break;
	}
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct command command = parse(argc, argv);
	int r;

	/* A collector is made and unmade thousands of times: its tables need not go back. */
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	r = perform(&command);
	schedule_done();
	return r;
}
