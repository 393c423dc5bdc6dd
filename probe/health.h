/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "nstats-probe healthcheck": is the probe beside us well? It is where its poll loop turns while
 * its capture is open. One whose capture is not open answers why; one that stands still or ends
 * does not answer.
 *
 * The probe listens on a datagram socket with an abstract name, which belongs to the network
 * namespace (unix(7)) and needs neither files nor rights. The name holds the process namespace's
 * number, so that of containers that share a network each has its own. Any process there may ask: a
 * question is as long as the longest answer, and what is told is no secret.
 */
#pragma once

#include "err.h"

#include <stddef.h>

#define HEALTH_LINE_LEN 256 /* a question's bytes, and the most of an answer, with its NUL */
#define HEALTH_TURN_MAX 16  /* questions taken at a time */
#define HEALTH_WELL     "ok"
#define HEALTH_WAITS    "waits: " /* and a sentence: what for */

/* For POLLIN, non-blocking; close(2) ends it. -EADDRINUSE: another probe answers here. -errno. */
int health_open(void);

/* Answers up to HEALTH_TURN_MAX questions with a line. Returns how many datagrams it took. */
int health_answer(int fd, const char *line);

/*
 * Asks, and waits up to wait_ms. 0 with the line, which is printable and begins with HEALTH_WELL;
 * -ENODATA with the sentence behind HEALTH_WAITS, as printable; -errno with a sentence.
 */
int health_ask(int wait_ms, char ret[static HEALTH_LINE_LEN], char err[static ERR_LEN]);
