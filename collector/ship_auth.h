/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of the Authorization header from the secrets' files: "Token …" from --token-file, or
 * "Basic …" (RFC 7617) from --user and --password-file. A line break at a file's end is not part of
 * its secret.
 */
#pragma once

#include "err.h"
#include "ship_url.h"

#define SHIP_AUTH_LEN 8192

/* "" where no credential is configured. 0 or -errno; err names the option, never the secret. */
int ship_auth_read(
	const struct ship_config *config, char ret[static SHIP_AUTH_LEN], char err[static ERR_LEN]);

/* Is --ca-file, where given, there to be read? 0 or -errno. */
int ship_auth_check_ca(const struct ship_config *config, char err[static ERR_LEN]);
