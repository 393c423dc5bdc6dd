/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sabotages that work on what arrives, or on a call of the product's that the linker's --wrap
 * leads here. The disk's own are in disk.c.
 */
#pragma once

#include "pipeline.h"
#include "settings.h"

const char *sabotage_name(enum sabotage sabotage);

/* What the collector is given instead of what arrived; holds until the next call. */
const uint8_t *sabotage_arrival(
	const uint8_t *data, size_t len, const struct receive_from *from, acks_send_fn *reply);
/* The collector was restarted. */
void sabotage_forget(void);
void sabotage_end(void);
