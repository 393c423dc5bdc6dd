/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include "destinations.h"
#include "world.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void make_sum(struct counters *ret)
{
	/* Mostly small, so that a lost row cannot hide in another's rounding; rarely huge. */
	uint64_t most = world_chance(10) ? UINT64_C(1) << 40 : 100000;

	*ret = (struct counters){.tx_bytes = world_below(most), .rx_bytes = world_below(most)};
	ret->tx_packets = ret->tx_bytes / 1000 + 1;
	ret->rx_packets = ret->rx_bytes / 1000;
	ret->connections = (uint32_t)world_below(3);
}

/* What the pod looked up, for most: one of three names of the place. They live as long as the
 * records' owners do. */
static const char *seen_name(unsigned place, uint64_t chance)
{
	static char names[N_PLACES][3][16];
	unsigned i = (unsigned)(chance % 5);

	if (i >= 3)
		return NULL;
	snprintf(names[place][i], sizeof(names[place][i]), "s%u.seen%u", place, i);
	return names[place][i];
}

static void make_flow(unsigned probe, struct record *ret)
{
	const uint8_t local[4] = {10, 9, 0, (uint8_t)probe};
	const uint8_t remote[4] = {10, DESTINATIONS_NET, (uint8_t)world_below(N_PLACES),
		(uint8_t)world_below(PLACE_MEMBERS)};

	*ret = (struct record){.kind = RECORD_FLOW,
		.role = world_chance(300) ? ROLE_SERVER : ROLE_CLIENT,
		.proto = world_chance(200) ? IPPROTO_UDP : IPPROTO_TCP,
		.port = world_chance(300) ? 53 : 443,
		.local = addr_v4(local),
		.remote = addr_v4(remote)};
	make_sum(&ret->sum);
	ret->name = seen_name(remote[2], ret->sum.tx_bytes);
}

static void make_remainder(struct record *ret)
{
	*ret = (struct record){.kind = RECORD_OTHER + (enum record_kind)world_below(3)};
	if (ret->kind == RECORD_OTHER)
		ret->proto = IPPROTO_TCP;
	make_sum(&ret->sum);
}

size_t traffic_make(unsigned probe, size_t max, struct record rows[static TRAFFIC_ROWS_MAX])
{
	size_t n = world_chance(100) ? 0 : 1 + world_below(world_chance(100) ? max : max / 8 + 1);

	for (size_t i = 0; i < n; i++)
		if (world_chance(100))
			make_remainder(&rows[i]);
		else
			make_flow(probe, &rows[i]);
	return n;
}

void traffic_identify(unsigned observer, struct identity *ret)
{
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->host, sizeof(ret->host), "pod-%u", observer);
	snprintf(ret->namespace, sizeof(ret->namespace), "shop");
}
