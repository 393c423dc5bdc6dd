/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generic receive offload (ethtool(8), "gro"): where it is on, several frames reach the capture as
 * one, with fewer headers than the interface's counters have seen.
 */
#pragma once

#include <stdbool.h>

/* Where the kernel does not say, true: nothing may be concluded from the counters then. */
bool offload_may_merge(const char *interface);
