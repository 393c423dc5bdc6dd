/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/worker collector/loop */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define N_JOBS 100

struct bench {
	struct loop *loop;
	struct worker *worker;
	pthread_t loop_thread;
	int gate[2]; /* a job that waits reads a byte from here */
	int n_run;   /* handed to and fro with the jobs, so without a lock */
	int n_done;
	int stop_at;
	bool resubmitted;
};

struct step {
	struct worker_job job;
	struct bench *bench;
	int number;
	int run_as;
	int done_as;
	bool is_own_thread;
	bool waits;
};

static struct bench *bench_of(void **state)
{
	return *state;
}

static int set_up(void **state)
{
	static struct bench bench;
	char err[ERR_LEN];

	memset(&bench, 0, sizeof(bench));
	bench.loop_thread = pthread_self();
	assert_int_equal(pipe(bench.gate), 0);
	assert_int_equal(loop_new(&bench.loop, err), 0);
	assert_int_equal(worker_open(bench.loop, N_JOBS, &bench.worker, err), 0);
	*state = &bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = bench_of(state);

	worker_close(bench->worker);
	loop_free(bench->loop);
	close(bench->gate[0]);
	close(bench->gate[1]);
	return 0;
}

static void run_step(void *ctx)
{
	struct step *step = ctx;
	char byte;

	if (step->waits)
		while (read(step->bench->gate[0], &byte, 1) < 0 && errno == EINTR)
			continue;
	step->is_own_thread = !pthread_equal(pthread_self(), step->bench->loop_thread);
	step->run_as = step->bench->n_run++;
}

static void step_done(void *ctx)
{
	struct step *step = ctx;
	struct bench *bench = step->bench;

	assert_true(pthread_equal(pthread_self(), bench->loop_thread));
	step->done_as = bench->n_done++;
	if (bench->n_done == bench->stop_at)
		loop_stop(bench->loop);
}

static void prepare(struct bench *bench, struct step *steps, int n)
{
	int i;

	memset(steps, 0, (size_t)n * sizeof(*steps));
	for (i = 0; i < n; i++) {
		steps[i].job = (struct worker_job){
			.run = run_step,
			.done = step_done,
			.ctx = &steps[i],
		};
		steps[i].bench = bench;
		steps[i].number = i;
		steps[i].run_as = steps[i].done_as = -1;
	}
}

static void jobs_run_and_are_done_in_order(void **state)
{
	struct bench *bench = bench_of(state);
	struct step steps[N_JOBS];
	int i;

	prepare(bench, steps, N_JOBS);
	bench->stop_at = N_JOBS;
	for (i = 0; i < N_JOBS; i++)
		assert_true(worker_submit(bench->worker, &steps[i].job));
	assert_int_equal(loop_run(bench->loop), 0);
	for (i = 0; i < N_JOBS; i++) {
		assert_int_equal(steps[i].run_as, i);
		assert_int_equal(steps[i].done_as, i);
	}
}

static void a_job_runs_on_a_thread_of_its_own(void **state)
{
	struct bench *bench = bench_of(state);
	struct step step;

	prepare(bench, &step, 1);
	bench->stop_at = 1;
	worker_submit(bench->worker, &step.job);
	assert_int_equal(loop_run(bench->loop), 0);
	assert_true(step.is_own_thread);
}

static void a_full_queue_refuses_and_leaves_the_job(void **state)
{
	struct bench *bench = bench_of(state);
	struct step steps[N_JOBS + 1];
	int i;

	prepare(bench, steps, N_JOBS + 1);
	steps[0].waits = true;
	bench->stop_at = N_JOBS;
	for (i = 0; i < N_JOBS; i++)
		assert_true(worker_submit(bench->worker, &steps[i].job));
	assert_false(worker_submit(bench->worker, &steps[N_JOBS].job));
	assert_int_equal(write(bench->gate[1], "x", 1), 1);
	assert_int_equal(loop_run(bench->loop), 0);
	assert_int_equal(steps[N_JOBS].run_as, -1);
}

static void done_makes_room_for_another(void **state)
{
	struct bench *bench = bench_of(state);
	struct step steps[N_JOBS];
	int i;

	prepare(bench, steps, N_JOBS);
	for (i = 0; i < N_JOBS; i++)
		worker_submit(bench->worker, &steps[i].job);
	bench->stop_at = N_JOBS;
	loop_run(bench->loop);
	prepare(bench, steps, 1);
	bench->stop_at = N_JOBS + 1;
	assert_true(worker_submit(bench->worker, &steps[0].job));
	loop_run(bench->loop);
	assert_int_equal(bench->n_done, N_JOBS + 1);
}

static void submit_again(void *ctx)
{
	struct step *step = ctx;

	step_done(step);
	if (step->bench->n_done != step->bench->stop_at)
		step->bench->resubmitted = worker_submit(step->bench->worker, &step->job);
}

static void done_may_submit_the_same_job_again(void **state)
{
	struct bench *bench = bench_of(state);
	struct step step;

	prepare(bench, &step, 1);
	step.job.done = submit_again;
	bench->stop_at = 3;
	worker_submit(bench->worker, &step.job);
	loop_run(bench->loop);
	assert_int_equal(bench->n_done, 3);
	worker_close(bench->worker);
	bench->worker = NULL;
}

static void closing_runs_what_is_queued_and_calls_done(void **state)
{
	struct bench *bench = bench_of(state);
	struct step steps[N_JOBS];
	int i;

	prepare(bench, steps, N_JOBS);
	for (i = 0; i < N_JOBS; i++)
		worker_submit(bench->worker, &steps[i].job);
	worker_close(bench->worker);
	bench->worker = NULL;
	assert_int_equal(bench->n_done, N_JOBS);
}

static void a_closing_worker_refuses_what_done_submits(void **state)
{
	struct bench *bench = bench_of(state);
	struct step step;

	prepare(bench, &step, 1);
	step.job.done = submit_again;
	worker_submit(bench->worker, &step.job);
	worker_close(bench->worker);
	bench->worker = NULL;
	assert_int_equal(bench->n_done, 1);
	assert_false(bench->resubmitted);
}

static void look_at_signals(void *ctx)
{
	struct step *step = ctx;
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	step->run_as = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGHUP);
}

static void the_thread_takes_no_signals(void **state)
{
	struct bench *bench = bench_of(state);
	struct step step;

	prepare(bench, &step, 1);
	step.job.run = look_at_signals;
	bench->stop_at = 1;
	worker_submit(bench->worker, &step.job);
	loop_run(bench->loop);
	assert_int_equal(step.run_as, 1);
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	worker_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(jobs_run_and_are_done_in_order),
		TEST(a_job_runs_on_a_thread_of_its_own),
		TEST(a_full_queue_refuses_and_leaves_the_job),
		TEST(done_makes_room_for_another),
		TEST(done_may_submit_the_same_job_again),
		TEST(closing_runs_what_is_queued_and_calls_done),
		TEST(a_closing_worker_refuses_what_done_submits),
		TEST(the_thread_takes_no_signals),
		cmocka_unit_test(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
