/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <assert.h>
#include <stdalign.h>

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	void *p = arena->bytes + arena->used;

	assert(arena->cap % align == 0);
	if (size > arena->cap - arena->used)
		return NULL;
	/* cap is a multiple of align, so that rounding up cannot pass its end. */
	arena->used += (size + align - 1) / align * align;
	return p;
}
