/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pod's own DNS look-ups, overheard: its questions are remembered, an answer to one of them
 * names the addresses that it gives by the name that was asked for, whatever aliases lie between.
 * Pure; allocates at its start only.
 *
 * Seen: UDP, and TCP where whole messages begin and end with the segment; A, AAAA, HTTPS and SVCB
 * in class IN. Not seen: encrypted DNS, and what passes another interface than the captured one.
 */
#pragma once

#include "direction.h"
#include "name_table.h"
#include "packet.h"

#define LOOKUPS_PORT      53
#define LOOKUPS_MESH_PORT 15053 /* Istio's agent, to which the pod's port 53 is redirected */

/* Cumulative. */
struct lookups_stats {
	uint64_t names;   /* addresses that got a name */
	uint64_t unasked; /* answers to nobody's question: late, doubled, or forged */
	uint64_t unread;  /* messages that were cut short, spread over segments, or malformed */
	uint64_t unkept;  /* questions or addresses for which there was no room */
};

struct lookups;
/*
 * live is what is known of the captured interface, now and later; NULL: the packets are a file's.
 * Keeps both until lookups_free. NULL: out of memory.
 */
struct lookups *lookups_new(struct name_table *names, const struct direction *live, uint64_t seed);
void lookups_free(struct lookups *lookups);

static inline bool lookups_is_port(uint16_t port)
{
	return port == LOOKUPS_PORT || port == LOOKUPS_MESH_PORT;
}

/* Cheap: may the packet be one for lookups_add? */
static inline bool lookups_wants(const struct packet *packet)
{
	return packet->has_ports &&
	       (lookups_is_port(packet->src_port) || lookups_is_port(packet->dst_port));
}

/*
 * data is the frame that packet_parse has read. In a file, where way is not known, the one who
 * speaks to a server's port is the pod. now_ms: of the packet.
 */
void lookups_add(struct lookups *lookups, const struct packet *packet, enum packet_way way,
	const uint8_t *data, int64_t now_ms);
const struct lookups_stats *lookups_stats(const struct lookups *lookups);
