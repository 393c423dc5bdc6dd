/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that does what may block (sqlite), behind a bounded queue, in order. A job's run() is
 * called on the worker's thread, then its done() on the loop's. Between submit and done() the job
 * and what its ctx points to belong to the worker.
 */
#pragma once

#include "err.h"
#include "loop.h"

struct worker_job {
	void (*run)(void *ctx);
	void (*done)(void *ctx);
	void *ctx;
	struct worker_job *next;
};

struct worker;
/* Keeps loop until worker_close. 0 or -errno. */
int worker_open(struct loop *loop, size_t max_jobs, struct worker **ret, char err[static ERR_LEN]);

/* False: max_jobs are waiting; the caller keeps the job. */
bool worker_submit(struct worker *worker, struct worker_job *job);

/* Runs what is queued, calls its done(), and joins the thread. */
void worker_close(struct worker *worker);
