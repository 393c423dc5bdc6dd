/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe's story, and its clock: frames go to the meter, live as the kernel hands them over,
 * from a file as fast as they are read; intervals end by the wall clock's grid, or by the file's
 * times. Live, its loop answers health checks, and goes on while nothing can be captured.
 */
#pragma once

#include "meter.h"

#include <signal.h>

struct cycle;

struct cycle_parts {
	struct meter_parts meter;
	struct capture *file; /* with is_file only */
	int health_fd;        /* health_open; -1: none */
};

/* Keeps what parts holds until cycle_free. */
int cycle_new(const struct meter_config *config, const struct cycle_parts *parts,
	struct cycle **ret, char err[static ERR_LEN]);
void cycle_free(struct cycle *cycle);

/*
 * Runs until *stop becomes true (a signal handler's work) or the file ends; flushes the open
 * interval as final, also where it ends with an error. 0 or -errno.
 */
int cycle_run(struct cycle *cycle, const volatile sig_atomic_t *stop, char err[static ERR_LEN]);
