/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_settle.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct spool_body body_of(const struct ship_settle *settle, const struct cut_piece *piece)
{
	return (struct spool_body){.lines = piece->lines,
		.traffic_bytes = piece->traffic_bytes,
		.since_ms = settle->body->since_ms,
		.data = piece->data,
		.len = piece->len};
}

/* The body's own figures hold, whatever its lines say: no line taken, then no byte delivered. */
static void balance(struct ship_settle *settle)
{
	const struct spool_body *body = settle->body;

	if (settle->dead.lines + settle->rest.lines < body->lines)
		return;
	if (settle->rest.lines == 0)
		settle->dead.traffic_bytes = body->traffic_bytes;
	else
		settle->rest.traffic_bytes = body->traffic_bytes - settle->dead.traffic_bytes;
}

static int settle_cut(struct ship_settle *settle)
{
	struct spool_outcome outcome = {.status = settle->why.status, .reason = settle->why.reason};
	struct spool_body dead, rest;
	int r = cut_dead(settle->cut, &settle->dead);

	if (r == 0)
		r = cut_rest(settle->cut, &settle->rest);
	if (r < 0) {
		snprintf(settle->err, ERR_LEN, "%s", strerror(-r));
		return r;
	}
	balance(settle);
	dead = body_of(settle, &settle->dead);
	rest = body_of(settle, &settle->rest);
	outcome.dead = dead.lines ? &dead : NULL;
	outcome.rest = rest.lines ? &rest : NULL;
	return spool_settle(settle->spool, settle->body->id, &outcome, settle->err);
}

static int settle_whole(struct ship_settle *settle)
{
	const struct spool_outcome outcome = {.is_dead_whole = settle->why.act == RETRY_REFUSED,
		.status = settle->why.status,
		.reason = settle->why.reason};

	if (outcome.is_dead_whole)
		settle->dead = (struct cut_piece){
			.lines = settle->body->lines, .traffic_bytes = settle->body->traffic_bytes};
	return spool_settle(settle->spool, settle->body->id, &outcome, settle->err);
}

static void piece_release(struct cut_piece *piece)
{
	free(piece->data);
	piece->data = NULL;
}

void ship_settle_run(struct ship_settle *settle)
{
	settle->why = *settle->answer;
	if (settle->cut) {
		settle->why.status = cut_dead_status(settle->cut);
		snprintf(settle->why.reason, sizeof(settle->why.reason), "%s",
			cut_dead_reason(settle->cut));
	}
	settle->r = settle->cut ? settle_cut(settle) : settle_whole(settle);
	piece_release(&settle->dead);
	piece_release(&settle->rest);
	spool_state(settle->spool, &settle->state);
}

void ship_settle_count(const struct ship_settle *settle, struct stats *stats)
{
	const struct cut_piece *dead = &settle->dead;
	const struct cut_piece *rest = &settle->rest;
	const struct spool_body *body = settle->body;
	uint64_t taken = (uint64_t)body->lines - dead->lines - rest->lines;

	if (settle->r <= 0)
		return;
	stats->delivered_lines += taken;
	stats->delivered_bytes += body->traffic_bytes - dead->traffic_bytes - rest->traffic_bytes;
	stats->rejected_lines += dead->lines;
	stats->rejected_bytes += dead->traffic_bytes;
	if (taken > 0)
		stats_note_longest(&stats->delivery_us, clock_wall_ms() - body->since_ms);
}
