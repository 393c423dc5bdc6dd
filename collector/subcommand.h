/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "nstats-collector WORD" instead of a collector: says how the one on this machine does, or has it,
 * or does itself, what is asked of the spool.
 */
#pragma once

#include "config.h"

/* name: one of config_table's commands. Returns the exit code. */
int subcommand_run(const struct config *config, const char *name);
