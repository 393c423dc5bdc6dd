/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	struct worker_job *first;
	struct worker_job **end;
};

struct worker {
	struct loop *loop;
	int done_fd; /* eventfd(2): readable when jobs are in `done` */
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows, up to is_stopping */
	pthread_cond_t more;
	struct queue todo;
	struct queue done;
	bool is_stopping;
	/* The loop's thread alone: jobs between submit and done(). */
	size_t n_jobs;
	size_t max_jobs;
	bool is_closing;
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_push(struct queue *queue, struct worker_job *job)
{
	job->next = NULL;
	*queue->end = job;
	queue->end = &job->next;
}

static struct worker_job *queue_pop(struct queue *queue)
{
	struct worker_job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->end = &queue->first;
	return job;
}

static struct worker_job *next_job(struct worker *worker)
{
	struct worker_job *job;

	pthread_mutex_lock(&worker->lock);
	while (!worker->todo.first && !worker->is_stopping)
		pthread_cond_wait(&worker->more, &worker->lock);
	job = queue_pop(&worker->todo);
	pthread_mutex_unlock(&worker->lock);
	return job;
}

static void *work(void *ctx)
{
	struct worker *worker = ctx;
	struct worker_job *job;

	while ((job = next_job(worker)) != NULL) {
		job->run(job->ctx);
		pthread_mutex_lock(&worker->lock);
		queue_push(&worker->done, job);
		pthread_mutex_unlock(&worker->lock);
		/* Fails only where the counter is at its end, and then the loop is awake already.
		 */
		eventfd_write(worker->done_fd, 1);
	}
	return NULL;
}

/*
 * What is done by now; what these submit and is done at once waits for the loop's next turn. A
 * job's storage may be gone, or submitted again, once its done() was called.
 */
static void call_done(struct worker *worker)
{
	struct worker_job *job, *next;

	pthread_mutex_lock(&worker->lock);
	job = worker->done.first;
	queue_init(&worker->done);
	pthread_mutex_unlock(&worker->lock);
	for (; job; job = next) {
		next = job->next;
		worker->n_jobs--;
		job->done(job->ctx);
	}
}

static void on_done(void *ctx, uint32_t events)
{
	struct worker *worker = ctx;
	eventfd_t count;

	(void)events;
	eventfd_read(worker->done_fd, &count);
	call_done(worker);
}

/* All signals stay with the loop's signalfd(2), whichever is set up first. */
static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int worker_open(struct loop *loop, size_t max_jobs, struct worker **ret, char err[static ERR_LEN])
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker) {
		snprintf(err, ERR_LEN, "start the worker: out of memory");
		return -ENOMEM;
	}
	worker->loop = loop;
	worker->max_jobs = max_jobs;
	queue_init(&worker->todo);
	queue_init(&worker->done);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->more, NULL);
	worker->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (worker->done_fd < 0) {
		r = -errno;
		goto fail;
	}
	r = loop_watch(loop, worker->done_fd, EPOLLIN, on_done, worker);
	if (r < 0)
		goto fail_fd;
	r = start_thread(worker);
	if (r < 0)
		goto fail_watch;
	*ret = worker;
	return 0;

fail_watch:
	loop_unwatch(loop, worker->done_fd);
fail_fd:
	close(worker->done_fd);
fail:
	snprintf(err, ERR_LEN, "start the worker: %s", strerror(-r));
	pthread_cond_destroy(&worker->more);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
	return r;
}

/* Counted until done(), not until run(): what a full queue refuses must not depend on the thread.
 */
bool worker_submit(struct worker *worker, struct worker_job *job)
{
	if (worker->is_closing || worker->n_jobs >= worker->max_jobs)
		return false;
	worker->n_jobs++;
	pthread_mutex_lock(&worker->lock);
	queue_push(&worker->todo, job);
	pthread_cond_signal(&worker->more);
	pthread_mutex_unlock(&worker->lock);
	return true;
}

/* A done() that submits again is refused from here on, or this would have no end. */
void worker_close(struct worker *worker)
{
	if (!worker)
		return;
	worker->is_closing = true;
	pthread_mutex_lock(&worker->lock);
	worker->is_stopping = true;
	pthread_cond_signal(&worker->more);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	call_done(worker);
	assert(worker->n_jobs == 0);
	loop_unwatch(worker->loop, worker->done_fd);
	close(worker->done_fd);
	pthread_cond_destroy(&worker->more);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}
