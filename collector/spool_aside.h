/* SPDX-License-Identifier: Apache-2.0 */
/* A spool's file that is damaged: moved aside, never wiped. Nobody has it open meanwhile. */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By its mark in the file's head. What we did not write is not ours to move. */
bool spool_aside_is_ours(const char *path);

/* "PATH.corrupt-UNIX_S", into a buffer of that size. */
void spool_aside_name(const char *path, int64_t unix_s, char *ret, size_t size);

/* The file, and its WAL beside it by the name that sqlite looks for. 0 or -errno. */
int spool_aside_move(const char *path, int64_t unix_s, char err[static ERR_LEN]);
