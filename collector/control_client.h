/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command on the spool, from a program of its own: asked of the collector that has the spool
 * (control.h); where none runs, done here.
 */
#pragma once

#include "err.h"

#include <stdint.h>
#include <stdio.h>

struct control_client {
	const char *spool_path;
	uint64_t spool_max_bytes;
	const char *name;     /* of the command */
	const char *argument; /* a path, relative perhaps; "-": out; NULL: none */
	FILE *out;
};

/* The command's text goes to out, or a copy of the spool, which is all there where the result is 0.
 * ret_line: its result. 0 or -errno. */
int control_client_run(const struct control_client *client, char ret_line[static ERR_LEN],
	char err[static ERR_LEN]);
