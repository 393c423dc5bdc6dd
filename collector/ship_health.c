/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_health.h"

#include "clock.h"
#include "log.h"

#include <string.h>

#define SAID_EVERY_MS 60000

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

static enum ship_health_state state_of(enum retry_act act)
{
	switch (act) {
	case RETRY_KEEP_AUTH:
		return SHIP_HEALTH_AUTH;
	case RETRY_KEEP_MISSING:
		return SHIP_HEALTH_MISSING;
	case RETRY_KEEP:
	case RETRY_KEEP_BEHIND:
		return SHIP_HEALTH_AWAY;
	default: /* delivered, or refused by an InfluxDB that is there */
		return SHIP_HEALTH_UP;
	}
}

static void say(enum ship_health_state before, enum ship_health_state now,
	const struct ship_answer *answer, const char *url)
{
	switch (now) {
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

static bool is_to_be_said(struct ship_health *health)
{
	int64_t now_ms = clock_mono_ms();
	bool is_due = health->said_ms == 0 || now_ms - health->said_ms >= SAID_EVERY_MS;

	if (is_due)
		health->said_ms = now_ms;
	return is_due;
}

static bool is_its_own_fault(
	struct ship_health *health, const struct ship_answer *answer, int64_t body_id)
{
	bool is_other = health->behind_id != 0 && health->behind_id != body_id;

	health->behind_id = answer->act == RETRY_KEEP_BEHIND ? body_id : 0;
	return answer->act == RETRY_KEEP_BEHIND && !is_other;
}

void ship_health_update(struct ship_health *health, const struct ship_answer *answer,
	int64_t body_id, const char *url)
{
	enum ship_health_state before = health->state;

	if (is_its_own_fault(health, answer, body_id)) {
		if (is_to_be_said(health))
			log_warn("influx fails on a body",
				"status=%d error=\"%s\" act=\"kept, the others first\"",
				answer->status, answer->reason);
		return;
	}
	health->state = state_of(answer->act);
	if (health->state != before)
		say(before, health->state, answer, url);
}

void ship_health_refused(
	struct ship_health *health, const struct ship_answer *why, uint32_t lines, uint32_t of)
{
	if (is_to_be_said(health))
		log_error("influx refused lines",
			"status=%d error=\"%s\" lines=%u of=%u act=\"to dead letters\"",
			why->status, why->reason, (unsigned)lines, (unsigned)of);
}
