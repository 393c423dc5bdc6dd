/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_watch.h"

#include "clock.h"
#include "errand.h"
#include "log.h"

#include <stdlib.h>

#define LOOK_MS        1000
#define CHECK_DELAY_MS 5000 /* what waited for a start is committed first */
#define CHECK_PAUSE_MS 50   /* at 4 MiB a step: 80 MB/s at most */

struct spool_watch {
	struct loop *loop;
	struct spool *spool;
	const char *path;
	struct stats *stats;
	struct loop_timer timer;
	struct errand check;
	uint64_t corrupt_files; /* said */
	uint64_t dead_damaged;  /* said */
	int check_result;
	char check_err[ERR_LEN];
};

static void look_at_dead(struct spool_watch *watch, const struct spool_state *state)
{
	if (state->dead_damaged == watch->dead_damaged)
		return;
	watch->dead_damaged = state->dead_damaged;
	log_error("the dead letters were damaged",
		"file=\"%s\" table=dead_damaged act=\"put aside in it, new ones begun\"",
		watch->path);
}

static void look(struct spool_watch *watch)
{
	struct spool_state state;

	spool_state(watch->spool, &state);
	spool_state_show(&state, watch->stats);
	look_at_dead(watch, &state);
	if (state.corrupt_files == watch->corrupt_files)
		return;
	watch->corrupt_files = state.corrupt_files;
	log_error("the spool was damaged",
		"file=\"%s\" moved_to=\"%s.corrupt-%lld\" lost_lines=%llu lost_bytes=%llu "
		"act=\"a new one begun\"",
		watch->path, watch->path, (long long)state.corrupt_s,
		(unsigned long long)state.corrupt_lines,
		(unsigned long long)state.corrupt_traffic_bytes);
}

static void look_again(void *ctx, int64_t now_ms)
{
	struct spool_watch *watch = ctx;

	look(watch);
	loop_timer_set(watch->loop, &watch->timer, now_ms + LOOK_MS);
}

static void check_run(void *ctx)
{
	struct spool_watch *watch = ctx;

	watch->check_result = spool_check(watch->spool, watch->check_err);
}

/* What a check finds damaged was put aside by then, which look() says. */
static void check_done(void *ctx)
{
	struct spool_watch *watch = ctx;

	look(watch);
	if (watch->check_result > 0)
		errand_send(&watch->check, CHECK_PAUSE_MS);
	else if (watch->check_result == 0)
		log_info("spool checked", "result=\"%s\"",
			watch->dead_damaged ? "sound, but for the dead letters" : "sound");
	else
		log_warn("the check of the spool ended", "error=\"%s\"", watch->check_err);
}

static void say_at_start(const struct spool_watch *watch)
{
	struct spool_state state;

	spool_state(watch->spool, &state);
	if (state.room_bytes < state.room_want_bytes)
		log_warn("the disk has little room for the spool",
			"file=\"%s\" taken_bytes=%llu wanted_bytes=%llu "
			"act=\"beyond it commits depend on what others leave\"",
			watch->path, (unsigned long long)state.room_bytes,
			(unsigned long long)state.room_want_bytes);
	if (spool_is_check_due(watch->spool))
		log_info("the spool was not closed by a stop",
			"file=\"%s\" act=\"checked in the background\"", watch->path);
}

struct spool_watch *spool_watch_new(struct loop *loop, struct worker *worker, struct spool *spool,
	const char *path, struct stats *stats)
{
	struct spool_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->loop = loop;
	watch->spool = spool;
	watch->path = path;
	watch->stats = stats;
	watch->timer = (struct loop_timer){.fn = look_again, .ctx = watch};
	watch->check = (struct errand){
		.loop = loop, .worker = worker, .run = check_run, .done = check_done, .ctx = watch};
	say_at_start(watch);
	look_again(watch, clock_mono_ms());
	if (spool_is_check_due(spool))
		errand_send(&watch->check, CHECK_DELAY_MS);
	return watch;
}

void spool_watch_free(struct spool_watch *watch)
{
	if (!watch)
		return;
	look(watch);
	errand_cancel(&watch->check);
	loop_timer_cancel(watch->loop, &watch->timer);
	free(watch);
}
