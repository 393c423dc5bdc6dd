/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "nstats-collector healthcheck": asks the collector that runs on this machine for /readyz. A
 * client of a screen and without a library: one request, one answer, one deadline.
 */
#pragma once

#include "err.h"

#define HEALTHCHECK_LINE_LEN 256

/*
 * http is the running collector's --http; where that is every address ("[::]", "0.0.0.0") loopback
 * is asked. Returns the HTTP status with the first line of the body, printable and cut to fit; or
 * -errno with a sentence: -EINVAL for an address that is none, -ETIMEDOUT after wait_ms in all.
 */
int healthcheck_ask(const char *http, int wait_ms, char ret_line[static HEALTHCHECK_LINE_LEN],
	char err[static ERR_LEN]);
