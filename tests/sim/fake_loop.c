/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h and worker.h on the world's time. A timer that fires is an event; a job runs some time
 * after it was submitted, its done() some time after that, and the collector may crash in between.
 */
#include "collector_host.h"
#include "loop.h"
#include "settings.h"
#include "worker.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>

#define TIMERS_MAX 16

/* A token tells a timer that is set from one that was moved, or is gone with its loop. */
static struct {
	struct loop_timer *timer;
	uint64_t token;
} slots[TIMERS_MAX];
static uint64_t last_token;

struct loop {
	char nothing;
};

int loop_new(struct loop **ret, char err[static ERR_LEN])
{
	(void)err;
	*ret = calloc(1, sizeof(**ret));
	assert(*ret);
	return 0;
}

void loop_free(struct loop *loop)
{
	for (size_t i = 0; i < TIMERS_MAX; i++)
		slots[i].timer = NULL;
	free(loop);
}

static void fire(void *ctx, uint64_t token)
{
	(void)ctx;
	for (size_t i = 0; i < TIMERS_MAX; i++) {
		struct loop_timer *timer = slots[i].timer;

		if (!timer || slots[i].token != token)
			continue;
		slots[i].timer = NULL;
		timer->is_set = false;
		timer->fn(timer->ctx, world_now_ms());
		return;
	}
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	(void)loop;
	for (size_t i = 0; i < TIMERS_MAX; i++)
		if (slots[i].timer == timer)
			slots[i].timer = NULL;
	timer->is_set = false;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t at_ms)
{
	size_t i = 0;

	loop_timer_cancel(loop, timer);
	while (slots[i].timer)
		i++;
	assert(i < TIMERS_MAX);
	slots[i].timer = timer;
	slots[i].token = ++last_token;
	timer->at_ms = at_ms;
	timer->is_set = true;
	world_after(collector_host_clock(), at_ms - world_now_ms(), fire, NULL, last_token);
}

/* One job is under way at a time, as on the one thread. */
struct worker {
	struct worker_job *first; /* the one under way */
	struct worker_job **end;
	size_t n;
	size_t max;
	uint64_t life; /* events of a worker that is gone find another one's */
	bool has_run;  /* the first one: its done() is still to come */
	bool is_closing;
};

static struct worker *the_worker;
static uint64_t last_life;

static void job_begin(void);

static void job_done(void *ctx, uint64_t life)
{
	struct worker *worker = the_worker;
	struct worker_job *job;

	(void)ctx;
	if (!worker || worker->life != life)
		return;
	job = worker->first;
	worker->first = job->next;
	if (!worker->first)
		worker->end = &worker->first;
	worker->n--;
	worker->has_run = false;
	if (worker->first)
		job_begin();
	job->done(job->ctx);
}

static void job_run(void *ctx, uint64_t life)
{
	struct worker *worker = the_worker;

	(void)ctx;
	if (!worker || worker->life != life)
		return;
	worker->first->run(worker->first->ctx);
	worker->has_run = true;
	world_after(collector_host_clock(), world_between(0, settings.job_ms / 4), job_done, NULL,
		worker->life);
}

static void job_begin(void)
{
	world_after(collector_host_clock(), world_between(0, settings.job_ms), job_run, NULL,
		the_worker->life);
}

int worker_open(struct loop *loop, size_t max_jobs, struct worker **ret, char err[static ERR_LEN])
{
	struct worker *worker = calloc(1, sizeof(*worker));

	(void)loop;
	(void)err;
	assert(worker && !the_worker);
	worker->end = &worker->first;
	worker->max = max_jobs;
	worker->life = ++last_life;
	the_worker = worker;
	*ret = worker;
	return 0;
}

bool worker_submit(struct worker *worker, struct worker_job *job)
{
	if (worker->is_closing || worker->n == worker->max)
		return false;
	job->next = NULL;
	*worker->end = job;
	worker->end = &job->next;
	worker->n++;
	if (worker->first == job)
		job_begin();
	return true;
}

/* In a crash nothing runs any more; done() is called all the same, since it frees what the job
 * holds. */
void worker_close(struct worker *worker)
{
	if (!worker)
		return;
	worker->is_closing = true;
	while (worker->first) {
		struct worker_job *job = worker->first;

		worker->first = job->next;
		if (!worker->has_run && !collector_host_is_crashing())
			job->run(job->ctx);
		worker->has_run = false;
		job->done(job->ctx);
	}
	the_worker = NULL;
	free(worker);
}
