/* SPDX-License-Identifier: Apache-2.0 */
/* The cycle of a file: its packets are read as fast as they come, and their times end intervals. */
#pragma once

#include "meter.h"

#include <signal.h>

/*
 * Borrows meter and file. Runs until *stop becomes true or the file ends, and closes the open
 * interval as final in any case: without a packet that is the present one, for its totals. 0 or
 * -errno.
 */
int cycle_file_run(struct meter *meter, struct capture *file, int64_t interval_ms,
	const volatile sig_atomic_t *stop, char err[static ERR_LEN]);
