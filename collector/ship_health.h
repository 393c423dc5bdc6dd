/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of InfluxDB: changes of state only, so that a quiet day and a long outage are
 * silent. */
#pragma once

#include "retry.h"

#define SHIP_REASON_LEN 200

enum ship_health {
	SHIP_HEALTH_UNKNOWN,
	SHIP_HEALTH_UP,
	SHIP_HEALTH_AWAY,
	SHIP_HEALTH_AUTH,
	SHIP_HEALTH_MISSING,
};

struct ship_answer {
	enum retry_act act;
	int status;                   /* 0: no answer */
	char reason[SHIP_REASON_LEN]; /* by ship_reason_set */
};

/* The first line, cut, with nothing in it that would end a quoted value of a log line. */
void ship_reason_set(struct ship_answer *answer, const char *text);

/* Logs where the answer changes *health. */
void ship_health_update(
	enum ship_health *health, const struct ship_answer *answer, const char *url);
