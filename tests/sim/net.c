/* SPDX-License-Identifier: Apache-2.0 */
#include "net.h"

#include "collector_host.h"
#include "probe_host.h"
#include "settings.h"
#include "wire.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct flight {
	unsigned probe;
	uint16_t port; /* the probe's */
	uint8_t address;
	size_t len;
	uint8_t data[];
};

static struct {
	uint8_t address;
	uint16_t stale[NET_PROBES_MAX]; /* a port each; 0: none */
} net;

void net_begin(void)
{
	memset(&net, 0, sizeof(net));
	net.address = 1;
}

uint8_t net_collector_address(void)
{
	return net.address;
}

void net_move_collector(void)
{
	net.address++;
	world_trace("net: the collector is at address %u now", net.address);
}

void net_blackhole(unsigned probe, uint16_t port)
{
	net.stale[probe] = port;
	world_trace("net: probe %u, port %u is a black hole", probe, port);
}

static void fly(const struct flight *it, bool is_back, world_fn *land)
{
	size_t size = sizeof(*it) + it->len;
	int copies = 1 + world_chance(settings.duplicates);

	if (net.stale[it->probe] == it->port)
		return;
	for (; copies > 0; copies--) {
		struct flight *copy;

		if (settings.is_cut[is_back] || world_chance(settings.loss))
			continue;
		copy = malloc(size);
		assert(copy);
		memcpy(copy, it, size);
		world_after_with(is_back ? NULL : collector_host_clock(),
			world_between(0, settings.delay_ms), land, copy, 0);
	}
}

static void land_at_collector(void *ctx, uint64_t arg)
{
	const struct flight *it = ctx;

	(void)arg;
	if (it->address == net.address)
		collector_host_datagram(it->probe, it->port, it->data, it->len);
}

static void land_at_probe(void *ctx, uint64_t arg)
{
	const struct flight *it = ctx;

	(void)arg;
	probe_host_ack(it->probe, it->port, it->data, it->len);
}

void net_to_collector(
	unsigned probe, uint16_t port, uint8_t address, const uint8_t *data, size_t len)
{
	uint8_t buf[sizeof(struct flight) + WIRE_DATAGRAM_MAX];
	struct flight *it = (struct flight *)(void *)buf;

	assert(len <= WIRE_DATAGRAM_MAX);
	*it = (struct flight){.probe = probe, .port = port, .address = address, .len = len};
	memcpy(it->data, data, len);
	fly(it, false, land_at_collector);
}

void net_to_probe(unsigned probe, uint16_t port, const uint8_t *data, size_t len)
{
	uint8_t buf[sizeof(struct flight) + WIRE_DATAGRAM_MAX];
	struct flight *it = (struct flight *)(void *)buf;

	assert(len <= WIRE_DATAGRAM_MAX);
	*it = (struct flight){.probe = probe, .port = port, .len = len};
	memcpy(it->data, data, len);
	fly(it, true, land_at_probe);
}
