/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_turn.h"

static int read_oldest(struct ship_turn *turn, struct spool *spool, struct spool_body *ret,
	char err[static ERR_LEN])
{
	int r = spool_next(spool, turn->after_id, ret, err);

	turn->is_newest = false;
	if (r != 0 || turn->after_id == 0)
		return r;
	turn->after_id = 0;
	return spool_next(spool, 0, ret, err);
}

int ship_turn_read(struct ship_turn *turn, struct spool *spool, struct spool_body *ret,
	char err[static ERR_LEN])
{
	int r = 0;

	if (turn->again_id)
		r = spool_next(spool, turn->again_id - 1, ret, err);
	if (r == 0 && turn->is_newest_next) {
		r = spool_newest(spool, turn->newest_after_id, ret, err);
		turn->is_newest = r > 0;
	}
	return r == 0 ? read_oldest(turn, spool, ret, err) : r;
}

void ship_turn_again(struct ship_turn *turn, int64_t id)
{
	turn->again_id = id;
}

void ship_turn_behind(struct ship_turn *turn, int64_t id)
{
	turn->again_id = 0;
	turn->is_newest_next = !turn->is_newest;
	if (!turn->is_newest)
		turn->after_id = id;
	if (id > turn->newest_after_id)
		turn->newest_after_id = id;
}

void ship_turn_settled(struct ship_turn *turn, uint64_t n_bodies_left)
{
	turn->again_id = 0;
	turn->is_newest_next = !turn->is_newest && n_bodies_left >= SHIP_TURN_BACKLOG;
}
