/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle_file.h"

#include "clock.h"

#define DISPATCH_MAX 4096 /* packets between two looks at *stop */

struct reading {
	struct meter *meter;
	int64_t interval_ms;
	bool is_open;
	int64_t start_ms;
};

static void open_interval(struct reading *reading, int64_t start_ms)
{
	reading->start_ms = start_ms;
	reading->is_open = true;
}

static void close_interval(struct reading *reading, bool is_final)
{
	const struct meter_interval interval = {
		.start_ms = reading->start_ms,
		.length_ms = reading->interval_ms,
		.now_us = (reading->start_ms + reading->interval_ms) * 1000,
		.is_final = is_final,
	};

	meter_close_interval(reading->meter, &interval);
	reading->is_open = false;
}

/* An earlier packet stays in the interval that is open; one beyond it closes it. */
static void on_frame(void *ctx, enum packet_link link, const struct capture_frame *frame)
{
	struct reading *reading = ctx;
	int64_t start_ms = meter_line_ms(reading->meter, frame->time_us / 1000);

	if (reading->is_open && start_ms > reading->start_ms)
		close_interval(reading, false);
	if (!reading->is_open)
		open_interval(reading, start_ms);
	meter_add(reading->meter, link, frame, frame->time_us);
}

int cycle_file_run(struct meter *meter, struct capture *file, int64_t interval_ms,
	const volatile sig_atomic_t *stop, char err[static ERR_LEN])
{
	struct reading reading = {.meter = meter, .interval_ms = interval_ms};
	int r = 1;

	while (!*stop && r > 0)
		r = capture_dispatch(file, DISPATCH_MAX, on_frame, &reading, err);
	if (*stop) /* it may have broken off a read of standard input */
		r = 0;
	if (!reading.is_open)
		open_interval(&reading, meter_line_ms(meter, clock_wall_ms()));
	close_interval(&reading, true);
	return r < 0 ? r : 0;
}
