/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_health.h"

#include "log.h"

#include <string.h>

static char printable(char c)
{
	if (c == '"')
		return '\'';
	if (c == '\\')
		return '/';
	return c < ' ' || c > '~' ? '?' : c;
}

void ship_reason_set(struct ship_answer *answer, const char *text)
{
	size_t len = strcspn(text, "\r\n");

	if (len >= SHIP_REASON_LEN)
		len = SHIP_REASON_LEN - 1;
	for (size_t i = 0; i < len; i++)
		answer->reason[i] = printable(text[i]);
	answer->reason[len] = '\0';
}

static enum ship_health health_of(enum retry_act act)
{
	switch (act) {
	case RETRY_KEEP_AUTH:
		return SHIP_HEALTH_AUTH;
	case RETRY_KEEP_MISSING:
		return SHIP_HEALTH_MISSING;
	case RETRY_KEEP:
		return SHIP_HEALTH_AWAY;
	default: /* delivered, or refused by an InfluxDB that is there */
		return SHIP_HEALTH_UP;
	}
}

void ship_health_update(enum ship_health *health, const struct ship_answer *answer, const char *url)
{
	enum ship_health before = *health;

	*health = health_of(answer->act);
	if (*health == before)
		return;
	switch (*health) {
	case SHIP_HEALTH_UP:
		log_info(before == SHIP_HEALTH_UNKNOWN ? "influx reachable"
						       : "influx reachable again",
			"url=\"%s\"", url);
		break;
	case SHIP_HEALTH_AWAY:
		log_warn("influx away", "status=%d error=\"%s\" act=\"kept, tried again\"",
			answer->status, answer->reason);
		break;
	case SHIP_HEALTH_AUTH:
		log_error("influx refused the credentials",
			"status=%d error=\"%s\" act=\"kept, credentials read again every 30 s\"",
			answer->status, answer->reason);
		break;
	case SHIP_HEALTH_MISSING:
		log_error("influx has no such database or bucket",
			"status=%d error=\"%s\" url=\"%s\" act=\"kept, tried every 30 s\"",
			answer->status, answer->reason, url);
		break;
	case SHIP_HEALTH_UNKNOWN:
		break;
	}
}
