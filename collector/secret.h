/* SPDX-License-Identifier: Apache-2.0 */
/* A secret from its file: one line, whose line break is not part of it. */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 4096

/* option is whose file it is, for err, which never holds the secret. 0 or -errno. */
int secret_read(const char *option, const char *path, char ret[static SECRET_MAX + 1],
	char err[static ERR_LEN]);

/* A line break or another control character would end a header, and begin one of the file's choice.
 */
bool secret_has_control(const char *text, size_t len);
