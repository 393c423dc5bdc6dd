/* SPDX-License-Identifier: Apache-2.0 */
/* A job of the worker that can wait: where its queue is full it is handed over later. */
#pragma once

#include "loop.h"
#include "worker.h"

/* The owner's storage. run on the worker's thread, done on the loop's, as a worker_job's. */
struct errand {
	struct loop *loop;
	struct worker *worker;
	void (*run)(void *ctx);
	void (*done)(void *ctx);
	void *ctx;
	struct worker_job job;
	struct loop_timer timer;
};

/* One at a time: not again before done(). */
void errand_send(struct errand *errand, int64_t delay_ms);
/* What waits; a job that is under way ends in worker_close. */
void errand_cancel(struct errand *errand);
