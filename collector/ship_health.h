/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of InfluxDB: changes of state only, so that a quiet day and a long outage are
 * silent. */
#pragma once

#include "retry.h"

#define SHIP_REASON_LEN 200

enum ship_health_state {
	SHIP_HEALTH_UNKNOWN,
	SHIP_HEALTH_UP,
	SHIP_HEALTH_AWAY,
	SHIP_HEALTH_AUTH,
	SHIP_HEALTH_MISSING,
};

/* {0} at the start. */
struct ship_health {
	enum ship_health_state state;
	int64_t behind_id; /* the body that the last answers, 5xx, were about; 0: others */
	int64_t said_ms;   /* when a body's own fault was last logged; 0: never */
};

struct ship_answer {
	enum retry_act act;
	int status;                   /* 0: no answer */
	char reason[SHIP_REASON_LEN]; /* by ship_reason_set */
};

/* The first line, cut, with nothing in it that would end a quoted value of a log line. */
void ship_reason_set(struct ship_answer *answer, const char *text);

/*
 * Logs where the answer to this body changes the state. A 5xx to one body alone may be its own
 * fault, which is said at most once a minute; a second body with such an answer means an outage.
 */
void ship_health_update(struct ship_health *health, const struct ship_answer *answer,
	int64_t body_id, const char *url);

/* Lines of a body that are dead; said at most once a minute, since the next ones mean the same. */
void ship_health_refused(
	struct ship_health *health, const struct ship_answer *why, uint32_t lines, uint32_t of);
