/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the collector's objects call instead of malloc(3) and its like: the Makefile renames these
 * in them. The probe allocates at its start alone, and a start without memory is not simulated.
 */
#pragma once

#include <stdint.h>

/* Refused in this process so far. */
uint64_t fake_memory_refused(void);
