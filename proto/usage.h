/* SPDX-License-Identifier: Apache-2.0 */
/* What this process itself uses. */
#pragma once

#include <stdint.h>

/* Keeps /proc/self/statm open: it can be read where nothing may be opened any more. -1: none. */
int usage_open(void);
void usage_close(int fd);

/* Processor time so far, user and system, of all threads. */
uint64_t usage_cpu_us(void);
/* Resident memory now; 0 where fd is -1 or cannot be read. */
uint64_t usage_rss_bytes(int fd);
