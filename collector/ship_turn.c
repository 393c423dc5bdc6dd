/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_turn.h"

#include "retry.h"

#include <stdlib.h>

static struct ship_turn_held *held_find(struct ship_turn *turn, int64_t id)
{
	for (size_t i = 0; i < SHIP_TURN_HELD_MAX; i++)
		if (turn->held[i].id == id)
			return &turn->held[i];
	return NULL;
}

/* A free one is due at 0. */
static struct ship_turn_held *held_due_first(struct ship_turn *turn)
{
	struct ship_turn_held *first = &turn->held[0];

	for (size_t i = 1; i < SHIP_TURN_HELD_MAX; i++)
		if (turn->held[i].not_before_ms < first->not_before_ms)
			first = &turn->held[i];
	return first;
}

/* As long as no other is taken, perhaps it is the database that is away: nothing waits for that. */
static void hold(struct ship_turn *turn, int64_t id, int64_t now_ms, uint64_t random)
{
	struct ship_turn_held *held = held_find(turn, id);

	if (!held) {
		held = held_due_first(turn);
		*held = (struct ship_turn_held){.id = id, .failures = 1};
	} else if (held->n_taken != turn->n_taken) {
		held->failures++;
	}
	held->n_taken = turn->n_taken;
	held->n_accepted = turn->n_accepted;
	held->not_before_ms = now_ms;
	if (held->failures > 1)
		held->not_before_ms +=
			retry_backoff_ms(RETRY_DELAY_BEHIND_MAX_MS, held->failures, random);
}

static bool is_held(struct ship_turn *turn, int64_t id, int64_t now_ms)
{
	const struct ship_turn_held *held = held_find(turn, id);

	if (!held || held->not_before_ms <= now_ms)
		return false;
	if (turn->due_ms == 0 || held->not_before_ms < turn->due_ms)
		turn->due_ms = held->not_before_ms;
	return true;
}

static int read_after(struct ship_turn *turn, struct spool *spool, int64_t now_ms,
	struct spool_body *ret, char err[static ERR_LEN])
{
	int r = spool_next(spool, turn->after_id, ret, err);

	while (r > 0 && is_held(turn, ret->id, now_ms)) {
		free(ret->data);
		ret->data = NULL;
		r = spool_next(spool, ret->id, ret, err);
	}
	return r;
}

static int read_oldest(struct ship_turn *turn, struct spool *spool, int64_t now_ms,
	struct spool_body *ret, char err[static ERR_LEN])
{
	int r = read_after(turn, spool, now_ms, ret, err);

	turn->is_newest = false;
	if (r != 0 || turn->after_id == 0)
		return r;
	turn->after_id = 0;
	turn->taken_after_id = 0;
	turn->chance_id = 0;
	return read_after(turn, spool, now_ms, ret, err);
}

int ship_turn_read(struct ship_turn *turn, struct spool *spool, int64_t now_ms,
	struct spool_body *ret, char err[static ERR_LEN])
{
	int r = 0;

	turn->due_ms = 0;
	if (turn->again_id)
		r = spool_next(spool, turn->again_id - 1, ret, err);
	if (r == 0 && turn->is_newest_next) {
		r = spool_newest(spool, turn->newest_after_id, ret, err);
		turn->is_newest = r > 0;
	}
	return r == 0 ? read_oldest(turn, spool, now_ms, ret, err) : r;
}

bool ship_turn_is_suspect(struct ship_turn *turn, int64_t id)
{
	const struct ship_turn_held *held = held_find(turn, id);

	return turn->is_accepted || (held && held->n_accepted != turn->n_accepted);
}

void ship_turn_again(struct ship_turn *turn, int64_t id)
{
	turn->again_id = id;
	turn->is_accepted = false;
}

static void let_others_first(struct ship_turn *turn, int64_t id)
{
	turn->again_id = 0;
	turn->is_newest_next = !turn->is_newest;
	if (!turn->is_newest)
		turn->after_id = id;
	if (id > turn->newest_after_id)
		turn->newest_after_id = id;
}

void ship_turn_behind(struct ship_turn *turn, int64_t id, int64_t now_ms, uint64_t random)
{
	let_others_first(turn, id);
	turn->is_accepted = false;
	hold(turn, id, now_ms, random);
}

static int64_t max_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void ship_turn_taken(struct ship_turn *turn, int64_t id, bool is_accepted)
{
	struct ship_turn_held *held = held_find(turn, id);
	int64_t walked_id = turn->after_id;

	turn->n_taken++;
	turn->n_accepted += is_accepted;
	turn->is_accepted = is_accepted;
	if (held)
		*held = (struct ship_turn_held){0};
	if (walked_id > turn->chance_id) {
		turn->after_id = max_of(turn->taken_after_id, turn->chance_id);
		turn->chance_id = walked_id;
	}
	turn->taken_after_id = turn->after_id;
	/* Those behind it have not had theirs yet: the next outage may come before that. */
	if (!turn->is_newest && id < turn->chance_id)
		turn->chance_id = id;
}

void ship_turn_settled(struct ship_turn *turn, uint64_t n_bodies_left)
{
	turn->again_id = 0;
	turn->is_newest_next = !turn->is_newest && n_bodies_left >= SHIP_TURN_BACKLOG;
}

/* Those before it that wait for their one more turn still have it, with the rest's own as the price
 * of that. */
void ship_turn_rest(struct ship_turn *turn, int64_t id)
{
	if (!turn->is_newest && id > turn->chance_id)
		turn->chance_id = turn->after_id < turn->chance_id ? turn->after_id : id;
	let_others_first(turn, id);
}
