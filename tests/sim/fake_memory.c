/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_memory.h"

#include "collector_host.h"
#include "settings.h"
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *fake_malloc(size_t size);
void *fake_calloc(size_t n, size_t size);
void *fake_realloc(void *old, size_t size);
void *fake_reallocarray(void *old, size_t n, size_t size);
char *fake_strdup(const char *text);
char *fake_strndup(const char *text, size_t len);

static uint64_t n_refused;

uint64_t fake_memory_refused(void)
{
	return n_refused;
}

static bool is_refused(void)
{
	if (!settings.no_memory || !collector_host_is_at_work() ||
		!world_chance(settings.no_memory))
		return false;
	n_refused++;
	errno = ENOMEM;
	return true;
}

void *fake_malloc(size_t size)
{
	return is_refused() ? NULL : malloc(size);
}

void *fake_calloc(size_t n, size_t size)
{
	return is_refused() ? NULL : calloc(n, size);
}

void *fake_realloc(void *old, size_t size)
{
	return is_refused() ? NULL : realloc(old, size);
}

void *fake_reallocarray(void *old, size_t n, size_t size)
{
	return is_refused() ? NULL : reallocarray(old, n, size);
}

char *fake_strdup(const char *text)
{
	return is_refused() ? NULL : strdup(text);
}

char *fake_strndup(const char *text, size_t len)
{
	return is_refused() ? NULL : strndup(text, len);
}
