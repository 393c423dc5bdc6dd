/* SPDX-License-Identifier: Apache-2.0 */
/* What a test's product code logs: standard error, between two calls, as text. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int said_fd, said_kept_fd;
static char said_text[65536];

static inline void said_begin(void)
{
	said_fd = memfd_create("said", MFD_CLOEXEC);
	said_kept_fd = dup(STDERR_FILENO);
	dup2(said_fd, STDERR_FILENO);
}

static inline void said_end(void)
{
	ssize_t n = pread(said_fd, said_text, sizeof(said_text) - 1, 0);

	dup2(said_kept_fd, STDERR_FILENO);
	close(said_kept_fd);
	close(said_fd);
	said_text[n > 0 ? n : 0] = '\0';
}

/* How often. */
static inline size_t said(const char *what)
{
	size_t n = 0;

	for (const char *at = said_text; (at = strstr(at, what)); at++)
		n++;
	return n;
}
