/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: flows lie densely in one array; the hash table beside it holds 8 bytes a slot (a part of
 * the hash, and the flow's place). Probing stays within a cache line or two, memory is touched only
 * as flows arrive, and forgetting needs no deletion: it happens once an interval, when the array is
 * compacted and the table built again.
 */
#include "flow_table.h"

#include "hash.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_TCP_MS    600000
#define IDLE_MS        60000 /* attempts too: Linux repeats a SYN within 32 s, see tcp(7) */
#define IDLE_CLOSED_MS 2000

#define KEY_LEN (2 * sizeof(struct addr) + 5)
static_assert(offsetof(struct flow_key, proto) + 1 == KEY_LEN, "keys are compared as memory");

struct slot {
	uint32_t tag;   /* of the hash, what does not choose the slot */
	uint32_t place; /* in flows, plus one; 0: empty */
};

struct flow_table {
	size_t cap;
	size_t n;
	size_t mask;
	uint64_t seed;
	struct flow *flows;
	struct slot *slots;
	struct name_table *names; /* may be NULL */
	struct flow_table_stats stats;
	struct flow_remainders remainders;
};

struct flow_table *flow_table_new(size_t cap, uint64_t seed)
{
	struct flow_table *table;
	size_t n_slots = 2;

	if (cap == 0 || cap >= UINT32_MAX / 4)
		return NULL;
	while (n_slots < cap * 2)
		n_slots *= 2;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->cap = cap;
	table->mask = n_slots - 1;
	table->seed = seed;
	table->flows = calloc(cap, sizeof(*table->flows));
	table->slots = calloc(n_slots, sizeof(*table->slots));
	if (!table->flows || !table->slots) {
		flow_table_free(table);
		return NULL;
	}
	return table;
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	free(table->slots);
	free(table->flows);
	free(table);
}

void flow_table_set_names(struct flow_table *table, struct name_table *names)
{
	table->names = names;
}

static struct flow_key key_of(const struct packet *packet, bool is_src_local)
{
	uint16_t src_port = packet->has_ports ? packet->src_port : 0;
	uint16_t dst_port = packet->has_ports ? packet->dst_port : 0;

	return (struct flow_key){
		.local = is_src_local ? packet->src : packet->dst,
		.remote = is_src_local ? packet->dst : packet->src,
		.local_port = is_src_local ? src_port : dst_port,
		.remote_port = is_src_local ? dst_port : src_port,
		.proto = packet->proto,
	};
}

/* Only the bytes that an address has: the hash is what a packet of a known flow costs most. */
static uint64_t hash_key(const struct flow_table *table, const struct flow_key *key)
{
	uint8_t packed[KEY_LEN];
	size_t len = 0;

	memcpy(packed, &key->local_port, 2);
	memcpy(packed + 2, &key->remote_port, 2);
	packed[4] = key->proto;
	len = 5;
	memcpy(packed + len, key->local.bytes, key->local.len);
	len += key->local.len;
	memcpy(packed + len, key->remote.bytes, key->remote.len);
	len += key->remote.len;
	return hash_bytes(packed, len, table->seed);
}

/* The slot that holds the key, or the empty one where it belongs: half of them are empty always. */
static struct slot *find_slot(
	const struct flow_table *table, const struct flow_key *key, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);
	size_t i = hash & table->mask;

	for (;; i = (i + 1) & table->mask) {
		struct slot *slot = &table->slots[i];

		if (!slot->place)
			return slot;
		if (slot->tag == tag && !memcmp(&table->flows[slot->place - 1].key, key, KEY_LEN))
			return slot;
	}
}

static struct flow *slot_flow(const struct flow_table *table, const struct slot *slot)
{
	return slot->place ? &table->flows[slot->place - 1] : NULL;
}

static void fill_slot(struct slot *slot, uint64_t hash, size_t place)
{
	slot->tag = (uint32_t)(hash >> 32);
	slot->place = (uint32_t)place + 1;
}

static enum role ask_role(struct flow_table *table, const struct packet *packet,
	enum packet_way way, const struct role_sockets *sockets)
{
	bool is_guess = false;
	enum role role = role_of(sockets, packet, way, &is_guess);

	table->stats.role_guessed += is_guess;
	return role;
}

static uint16_t ask_name(struct flow_table *table, const struct addr *remote, int64_t now_us)
{
	return table->names ? name_table_take(table->names, remote, now_us / 1000) : 0;
}

static void count_packet(struct counters *sum, uint64_t length, bool is_tx)
{
	if (is_tx) {
		sum->tx_bytes += length;
		sum->tx_packets++;
	} else {
		sum->rx_bytes += length;
		sum->rx_packets++;
	}
}

/*
 * Finds or makes the packet's flow, and settles a way that is unknown: as the flow has it, else the
 * sender is local. NULL: no room.
 */
static struct flow *take_flow(struct flow_table *table, const struct packet *packet,
	enum packet_way *way, const struct role_sockets *sockets, int64_t now_us)
{
	struct flow_key key = key_of(packet, *way != PACKET_IN);
	uint64_t hash = hash_key(table, &key);
	struct slot *slot = find_slot(table, &key, hash);
	struct flow *flow = slot_flow(table, slot);

	if (!flow && *way == PACKET_WAY_UNKNOWN) {
		struct flow_key turned = key_of(packet, false);

		flow = slot_flow(table, find_slot(table, &turned, hash_key(table, &turned)));
		*way = flow ? PACKET_IN : PACKET_OUT;
	}
	if (*way == PACKET_WAY_UNKNOWN)
		*way = PACKET_OUT;
	if (flow || table->n == table->cap)
		return flow;

	fill_slot(slot, hash, table->n);
	flow = &table->flows[table->n++];
	*flow = (struct flow){.key = key,
		.role = ask_role(table, packet, *way, sockets),
		.name = ask_name(table, &key.remote, now_us)};
	return flow;
}

static void add_to_flow(struct flow_table *table, struct flow *flow, const struct packet *packet,
	enum packet_way way, const struct role_sockets *sockets, int64_t now_us)
{
	bool is_tx = way == PACKET_OUT;

	count_packet(&flow->interval, packet->length, is_tx);
	flow->seen_ms = now_us / 1000;
	if (!packet->has_tcp)
		return;
	/* A handshake knows better than whatever the flow began with; its counters move with it. */
	if (packet->tcp_flags & PACKET_TCP_SYN)
		flow->role = ask_role(table, packet, way, sockets);
	flow_tcp_track(&flow->tcp, &flow->interval, packet, is_tx ? 0 : 1, now_us);
}

void flow_table_add(struct flow_table *table, enum packet_result result,
	const struct packet *packet, enum packet_way way, const struct role_sockets *sockets,
	int64_t now_us)
{
	struct flow_remainders *rest = &table->remainders;
	struct flow *flow;
	enum role role;

	if (result == PACKET_NOT_IP) {
		count_packet(&rest->non_ip, packet->length, way == PACKET_OUT);
		return;
	}
	if (result != PACKET_OK) {
		count_packet(&rest->malformed, packet->length, way == PACKET_OUT);
		return;
	}
	flow = take_flow(table, packet, &way, sockets, now_us);
	if (flow) {
		add_to_flow(table, flow, packet, way, sockets, now_us);
		return;
	}
	role = ask_role(table, packet, way, sockets);
	count_packet(&rest->other[packet->proto][role], packet->length, way == PACKET_OUT);
	table->stats.full_packets++;
}

size_t flow_table_cap(const struct flow_table *table)
{
	return table->cap;
}

const struct flow *flow_table_slot(const struct flow_table *table, size_t i)
{
	return i < table->n ? &table->flows[i] : NULL;
}

const char *flow_table_name(const struct flow_table *table, const struct flow *flow)
{
	return table->names ? name_table_text(table->names, flow->name) : NULL;
}

const struct flow_remainders *flow_table_remainders(const struct flow_table *table)
{
	return &table->remainders;
}

const struct flow_table_stats *flow_table_stats(const struct flow_table *table)
{
	return &table->stats;
}

void flow_table_expire(struct flow_table *table, int64_t now_us)
{
	for (size_t i = 0; i < table->n; i++)
		flow_tcp_expire(&table->flows[i].tcp, &table->flows[i].interval, now_us);
}

static bool is_over(const struct flow *flow, int64_t now_ms, bool is_tight)
{
	int64_t idle_ms = now_ms - flow->seen_ms;
	bool is_silent = !flow->interval.tx_packets && !flow->interval.rx_packets;
	bool is_opening = flow->tcp.state == FLOW_TCP_SYN || flow->tcp.state == FLOW_TCP_SYN_ACK;

	if (flow_tcp_is_pending(&flow->tcp))
		return false;
	if (is_tight && is_silent)
		return true;
	if (flow->tcp.state == FLOW_TCP_CLOSED)
		return idle_ms > IDLE_CLOSED_MS;
	if (flow->key.proto == IPPROTO_TCP && !is_opening)
		return idle_ms > IDLE_TCP_MS;
	return idle_ms > IDLE_MS;
}

/* A name lives on while it is used. */
static void settle_name(
	struct flow_table *table, const struct flow *flow, bool goes, int64_t now_ms)
{
	bool has_spoken = flow->interval.tx_packets || flow->interval.rx_packets;

	if (!flow->name)
		return;
	if (has_spoken)
		name_table_keep(table->names, &flow->key.remote, flow->name, now_ms);
	if (goes)
		name_table_drop(table->names, flow->name);
}

static void rebuild_slots(struct flow_table *table)
{
	memset(table->slots, 0, (table->mask + 1) * sizeof(*table->slots));
	for (size_t i = 0; i < table->n; i++) {
		const struct flow_key *key = &table->flows[i].key;
		uint64_t hash = hash_key(table, key);

		fill_slot(find_slot(table, key, hash), hash, i);
	}
}

void flow_table_next_interval(struct flow_table *table, int64_t now_us)
{
	bool is_tight = table->n * 4 > table->cap * 3;
	size_t n = 0;

	for (size_t i = 0; i < table->n; i++) {
		bool goes = is_over(&table->flows[i], now_us / 1000, is_tight);

		settle_name(table, &table->flows[i], goes, now_us / 1000);
		if (goes)
			continue;
		if (n != i)
			table->flows[n] = table->flows[i];
		memset(&table->flows[n++].interval, 0, sizeof(struct counters));
	}
	table->stats.expired += table->n - n;
	if (n != table->n) {
		table->n = n;
		rebuild_slots(table);
	}
	memset(&table->remainders, 0, sizeof(table->remainders));
}
