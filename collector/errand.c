/* SPDX-License-Identifier: Apache-2.0 */
#include "errand.h"

#include "clock.h"

#define AGAIN_MS 100

static void submit(void *ctx, int64_t now_ms)
{
	struct errand *errand = ctx;

	errand->job =
		(struct worker_job){.run = errand->run, .done = errand->done, .ctx = errand->ctx};
	if (!worker_submit(errand->worker, &errand->job))
		loop_timer_set(errand->loop, &errand->timer, now_ms + AGAIN_MS);
}

void errand_send(struct errand *errand, int64_t delay_ms)
{
	int64_t now_ms = clock_mono_ms();

	errand->timer.fn = submit;
	errand->timer.ctx = errand;
	if (delay_ms > 0)
		loop_timer_set(errand->loop, &errand->timer, now_ms + delay_ms);
	else
		submit(errand, now_ms);
}

void errand_cancel(struct errand *errand)
{
	loop_timer_cancel(errand->loop, &errand->timer);
}
