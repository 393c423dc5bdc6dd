/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's traffic might have been in an interval. */
#pragma once

#include "record.h"

#define TRAFFIC_ROWS_MAX 120

/* At most max rows, mostly fewer. Returns how many. */
size_t traffic_make(unsigned probe, size_t max, struct record rows[static TRAFFIC_ROWS_MAX]);

void traffic_identify(unsigned observer, struct identity *ret);
