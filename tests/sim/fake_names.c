/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h: an answer comes at once, late or never, and what an address is called changes with the
 * epoch, also between a datagram and its retransmission. Several addresses share a name. Each name
 * tells the destination that it belongs to, which is how the oracle counts (destinations.h).
 */
#include "fake_names.h"

#include "destinations.h"
#include "hash.h"
#include "names.h"
#include "settings.h"
#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define NEVER_PER_MILLE 50

struct names {
	int64_t answer_ms[N_PLACES][PLACE_MEMBERS]; /* 0: not asked; INT64_MAX: never */
};

static uint64_t epoch;
static const char *const labels[] = {"s0.site", NULL, "s2.site"}; /* of the first places */

void fake_names_begin(void)
{
	epoch = world_random();
}

void fake_names_change(void)
{
	epoch = world_random();
	world_trace("names change");
}

const char *named_by_text(enum named_by by)
{
	static const char *const texts[] = {[NAMED_BY_DNS] = "dns",
		[NAMED_BY_LABEL] = "label",
		[NAMED_BY_PTR] = "ptr",
		[NAMED_BY_ADDRESS] = "address",
		[NAMED_BY_NONE] = "-"};

	return texts[by];
}

int names_open(struct loop *loop, const struct names_config *config, struct stats *stats,
	struct names **ret, char err[static ERR_LEN])
{
	(void)loop;
	(void)config;
	(void)stats;
	(void)err;
	*ret = calloc(1, sizeof(**ret));
	assert(*ret);
	return 0;
}

void names_close(struct names *names)
{
	free(names);
}

bool names_are_starting(const struct names *names, int64_t now_ms)
{
	(void)names;
	(void)now_ms;
	return false;
}

/* NULL: none of the destinations', and nobody knows its name. */
static int64_t *answer_of(struct names *names, const struct addr *addr)
{
	if (addr->bytes[1] != DESTINATIONS_NET)
		return NULL;
	assert(addr->bytes[2] < N_PLACES && addr->bytes[3] < PLACE_MEMBERS);
	return &names->answer_ms[addr->bytes[2]][addr->bytes[3]];
}

static void ask(int64_t *answer_ms, int64_t now_ms)
{
	if (settings.name_ms && world_chance(NEVER_PER_MILLE))
		*answer_ms = INT64_MAX;
	else
		*answer_ms = now_ms + world_between(0, settings.name_ms);
}

static void put_name(const struct addr *addr, struct name *ret)
{
	unsigned place = addr->bytes[2], member = addr->bytes[3];
	uint64_t hash = hash_bytes(addr->bytes, addr->len, epoch);

	ret->by = NAMED_BY_PTR;
	switch (hash % 3) {
	case 0:
		snprintf(ret->text, sizeof(ret->text), "s%u.all", place);
		break;
	case 1:
		snprintf(ret->text, sizeof(ret->text), "s%u.host%u", place, member);
		break;
	default:
		snprintf(ret->text, sizeof(ret->text), "s%u.host%u.e%u", place, member,
			(unsigned)(hash >> 32));
	}
}

void names_pod(
	struct names *names, const struct identity *identity, int64_t at_ms, struct names_pod *ret)
{
	(void)names;
	(void)identity;
	(void)at_ms;
	*ret = (struct names_pod){0};
}

bool names_lookup(struct names *names, const struct names_question *question, int64_t now_ms,
	struct name *ret)
{
	const struct addr *addr = &question->addr;
	int64_t *answer_ms = answer_of(names, addr);

	*ret = (struct name){.kind = "other"};
	if (answer_ms && addr->bytes[2] < sizeof(labels) / sizeof(labels[0]))
		ret->label = labels[addr->bytes[2]];
	if (question->seen) {
		snprintf(ret->text, sizeof(ret->text), "%s", question->seen);
		ret->by = NAMED_BY_DNS;
		return true;
	}
	if (answer_ms && *answer_ms == 0)
		ask(answer_ms, now_ms);
	if (answer_ms && now_ms >= *answer_ms) {
		put_name(addr, ret);
		return true;
	}
	addr_format(addr, ret->text);
	ret->by = NAMED_BY_ADDRESS;
	return !answer_ms;
}
