/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a main does first: the command line is read by the program's table of options, and --help,
 * --version and mistakes are answered.
 */
#pragma once

#include "options.h"

#include <stdio.h>

#define COMMAND_LINE_RUN (-1)

/*
 * Returns the exit code where that was all: 0 after --help or --version, 2 after a mistake, of
 * which a sentence is on standard error. COMMAND_LINE_RUN: config is filled, and *ret_command is
 * the name of one of the table's commands, or NULL where none was given.
 */
int command_line_read(const struct option_table *table, int argc, char **argv, void *config,
	const char **ret_command);

void command_line_help(const struct option_table *table, FILE *out);
/* The README's table. */
void command_line_markdown(const struct option_table *table, FILE *out);
