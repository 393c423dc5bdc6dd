/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_ack.h"

#include "arena.h"
#include "nstats.pb-c.h"

#include <stdalign.h>
#include <string.h>

#define ARENA_BYTES (16 * 1024) /* any datagram's worth of unknown fields */

size_t wire_ack_encode(const struct ack *ack, size_t max, uint8_t buf[static WIRE_DATAGRAM_MAX])
{
	Nstats__V1__Ack body = NSTATS__V1__ACK__INIT;
	Nstats__V1__Packet packet = NSTATS__V1__PACKET__INIT;
	size_t len;

	body.boot_id = (ProtobufCBinaryData){BOOT_ID_LEN, (uint8_t *)ack->boot_id};
	body.contiguous = ack->contiguous;
	body.bitmap = (ProtobufCBinaryData){ack->bitmap_len, (uint8_t *)ack->bitmap};
	packet.body_case = NSTATS__V1__PACKET__BODY_ACK;
	packet.ack = &body;
	if (max > WIRE_DATAGRAM_MAX)
		max = WIRE_DATAGRAM_MAX;
	while ((len = nstats__v1__packet__get_packed_size(&packet)) > max) {
		size_t excess = len - max;

		if (body.bitmap.len == 0)
			return 0;
		body.bitmap.len -= excess < body.bitmap.len ? excess : body.bitmap.len;
	}
	return nstats__v1__packet__pack(&packet, buf);
}

static void *alloc(void *data, size_t size)
{
	return arena_alloc(data, size);
}

static void release(void *data, void *p)
{
	(void)data;
	(void)p;
}

enum wire_result wire_ack_decode(const uint8_t *data, size_t len, struct ack *ret)
{
	alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
	struct arena arena = {.bytes = bytes, .cap = sizeof(bytes)};
	ProtobufCAllocator allocator = {.alloc = alloc, .free = release, .allocator_data = &arena};
	const Nstats__V1__Packet *packet;
	const Nstats__V1__Ack *body;

	if (len > WIRE_DATAGRAM_MAX)
		return WIRE_OVERSIZE;
	packet = nstats__v1__packet__unpack(&allocator, len, data);
	if (!packet || packet->body_case == NSTATS__V1__PACKET__BODY__NOT_SET)
		return WIRE_UNDECODABLE;
	if (packet->body_case != NSTATS__V1__PACKET__BODY_ACK)
		return WIRE_NOT_REPORT;
	body = packet->ack;
	if (body->boot_id.len != BOOT_ID_LEN || body->bitmap.len > ACK_BITMAP_MAX)
		return WIRE_LIMIT;
	memcpy(ret->boot_id, body->boot_id.data, BOOT_ID_LEN);
	ret->contiguous = body->contiguous;
	ret->bitmap_len = body->bitmap.len;
	if (body->bitmap.len)
		memcpy(ret->bitmap, body->bitmap.data, body->bitmap.len);
	return WIRE_OK;
}
