/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands on the spool (command.h) while the collector runs, which has its file for itself: a unix
 * stream socket "<spool>.sock" beside it, for its owner alone. One client at a time, the others
 * wait.
 *
 * The request is a line. The answer is text, then a NUL, then "ok ..." or "error ...", a line; then
 * the end. With the NUL comes the open file that "backup -" made (SCM_RIGHTS).
 */
#pragma once

#include "loop.h"
#include "spool.h"
#include "worker.h"

#define CONTROL_REQUEST_MAX 4200 /* a path, and the word before it */

struct control_parts {
	struct loop *loop;
	struct spool *spool;
	struct worker *worker;
	const char *spool_path;
	void (*done)(void *ctx); /* after each command */
	void *ctx;
};

struct control;
/* What is in the way at the socket's name is replaced: the spool is ours. 0 or -errno. */
int control_open(const struct control_parts *parts, struct control **ret, char err[static ERR_LEN]);
/* After worker_close, before spool_close. */
void control_close(struct control *control);

/* The socket's address. -ENAMETOOLONG: it has no room for the name. */
struct sockaddr_un;
int control_address(const char *spool_path, struct sockaddr_un *ret);
