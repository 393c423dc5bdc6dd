/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP between probes and the collector: loses, doubles, delays and so reorders; is cut; forgets the
 * way of a port whose conntrack entry went stale; and leads nowhere once the collector has moved to
 * another address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_PROBES_MAX 8

void net_begin(void);

/* The collector's address now, as the last byte of it. */
uint8_t net_collector_address(void);
void net_move_collector(void);

/* What goes out of this port or comes back to it is lost from now on; false: it was already. */
void net_blackhole(unsigned probe, uint16_t port);

void net_to_collector(
	unsigned probe, uint16_t port, uint8_t address, const uint8_t *data, size_t len);
void net_to_probe(unsigned probe, uint16_t port, const uint8_t *data, size_t len);
