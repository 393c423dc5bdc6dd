/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of a fixed size that is handed out piece by piece and taken back all at once: what a
 * decoder gives its library, so that no datagram makes it allocate.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *bytes; /* aligned for anything, and so is cap; the owner's */
	size_t cap;
	size_t used;
};

/* NULL: it is used up. */
void *arena_alloc(struct arena *arena, size_t size);
