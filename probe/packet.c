/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include "cursor.h"

#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>

/* linux/if_ether.h */
#define TYPE_IPV4      0x0800
#define TYPE_IPV6      0x86dd
#define TYPE_VLAN      0x8100
#define TYPE_QINQ      0x88a8
#define TYPE_QINQ_OLD  0x9100
#define VLAN_TAGS_MAX  4
#define MAC_LEN        6
#define SLL_LEN        16
#define SLL2_LEN       20
#define SLL_OUTGOING   4 /* PACKET_OUTGOING of linux/if_packet.h; 0 to 3 came in */
#define NULL_LEN       4
#define IPV4_LEN       20
#define IPV6_LEN       40
#define EXTENSION_LEN  8 /* none is shorter */
#define IPV6_CHAIN_MAX 8 /* RFC 8200 4.1 lists fewer; what is behind stays unread */
#define FRAGMENT_MASK  0x1fff
#define TCP_LEN        20

#define IPPROTO_HIP   139
#define IPPROTO_SHIM6 140

/* What is left of the frame: the bytes that we have, and the length that it had on the wire. */
struct rest {
	struct cursor at;
	size_t wire_len;
};

static bool rest_skip(struct rest *rest, size_t n)
{
	cursor_skip(&rest->at, n);
	rest->wire_len = rest->wire_len > n ? rest->wire_len - n : 0;
	return !rest->at.failed;
}

/* An IP header's length ends the datagram: what follows in the frame is padding. */
static void rest_limit(struct rest *rest, size_t n)
{
	rest->wire_len = n;
	if (cursor_left(&rest->at) > n)
		rest->at.len = rest->at.pos + n;
}

static void read_tcp(struct rest rest, struct packet *ret)
{
	size_t wire_len = rest.wire_len;
	struct cursor at = rest.at;
	size_t header_len;
	uint32_t seq, ack;
	uint8_t flags;

	cursor_skip(&at, 4);
	seq = cursor_u32(&at);
	ack = cursor_u32(&at);
	header_len = (size_t)(cursor_u8(&at) >> 4) * 4;
	flags = cursor_u8(&at);
	if (at.failed || header_len < TCP_LEN || header_len > wire_len)
		return;
	ret->has_tcp = true;
	ret->tcp_flags = flags;
	ret->tcp_seq = seq;
	ret->tcp_ack = ack;
	ret->payload_len = (uint32_t)(wire_len - header_len);
}

static void read_transport(struct rest rest, struct packet *ret)
{
	struct cursor at = rest.at;

	switch (ret->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		break;
	default:
		return;
	}
	if (!cursor_has(&at, 4))
		return;
	ret->has_ports = true;
	ret->transport_at = (uint32_t)at.pos;
	ret->transport_len = (uint32_t)cursor_left(&at);
	ret->src_port = cursor_u16(&at);
	ret->dst_port = cursor_u16(&at);
	if (ret->proto == IPPROTO_TCP)
		read_tcp(rest, ret);
}

static enum packet_result read_ipv4(struct rest rest, struct packet *ret)
{
	struct cursor head = rest.at;
	const uint8_t *ip = cursor_take(&head, IPV4_LEN);
	size_t header_len, total_len;

	if (!ip)
		return PACKET_TRUNCATED;
	header_len = (size_t)(ip[0] & 0x0f) * 4;
	total_len = (size_t)(ip[2] << 8 | ip[3]);
	/* Segmentation offload leaves 0 where 16 bits do not hold the length (linux/ip.h,
	 * iph_totlen). */
	if (total_len == 0)
		total_len = rest.wire_len;
	if (ip[0] >> 4 != 4 || header_len < IPV4_LEN || total_len < header_len ||
		total_len > rest.wire_len)
		return PACKET_MALFORMED;
	rest_limit(&rest, total_len);
	if (!rest_skip(&rest, header_len))
		return PACKET_TRUNCATED;

	ret->proto = ip[9];
	ret->src = addr_v4(ip + 12);
	ret->dst = addr_v4(ip + 16);
	if (((ip[6] << 8 | ip[7]) & FRAGMENT_MASK) == 0)
		read_transport(rest, ret);
	return PACKET_OK;
}

/* Bytes of an extension header that starts with first (RFC 8200 4.3 to 4.6); 0: type is none. */
static size_t extension_len(uint8_t type, const uint8_t first[static 2])
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case IPPROTO_HIP:
	case IPPROTO_SHIM6:
		return ((size_t)first[1] + 1) * 8;
	case IPPROTO_FRAGMENT:
		return EXTENSION_LEN;
	case IPPROTO_AH: /* RFC 4302 2.2: in words, less two */
		return ((size_t)first[1] + 2) * 4;
	default:
		return 0;
	}
}

static bool is_extension(uint8_t type)
{
	return extension_len(type, (const uint8_t[2]){0, 0}) > 0;
}

/*
 * Leaves in ret->proto the transport, or the first header that we could not look behind. True where
 * rest stands at that transport's header; false in a later fragment, which has none.
 */
static bool skip_extensions(struct rest *rest, struct packet *ret)
{
	for (int n = 0; is_extension(ret->proto); n++) {
		struct cursor at = rest->at;
		const uint8_t *first = cursor_take(&at, EXTENSION_LEN);
		uint8_t type = ret->proto;

		if (!first || n == IPV6_CHAIN_MAX)
			return false;
		ret->proto = first[0];
		if (type == IPPROTO_FRAGMENT && (first[2] != 0 || first[3] >> 3 != 0))
			return false;
		if (!rest_skip(rest, extension_len(type, first)))
			return false;
	}
	return true;
}

static enum packet_result read_ipv6(struct rest rest, struct packet *ret)
{
	const uint8_t *ip = rest.at.data + rest.at.pos;
	size_t payload_len;

	if (!rest_skip(&rest, IPV6_LEN))
		return PACKET_TRUNCATED;
	payload_len = (size_t)(ip[4] << 8 | ip[5]);
	/* Jumbograms (RFC 2675), and segmentation offload beyond 64 KiB. */
	if (payload_len == 0)
		payload_len = rest.wire_len;
	if (ip[0] >> 4 != 6 || payload_len > rest.wire_len)
		return PACKET_MALFORMED;
	rest_limit(&rest, payload_len);

	ret->proto = ip[6];
	ret->src = addr_v6(ip + 8);
	ret->dst = addr_v6(ip + 24);
	if (skip_extensions(&rest, ret))
		read_transport(rest, ret);
	return PACKET_OK;
}

static enum packet_result read_by_version(struct rest rest, struct packet *ret)
{
	struct cursor at = rest.at;
	uint8_t first = cursor_u8(&at);

	if (at.failed)
		return PACKET_TRUNCATED;
	switch (first >> 4) {
	case 4:
		return read_ipv4(rest, ret);
	case 6:
		return read_ipv6(rest, ret);
	default:
		return PACKET_MALFORMED;
	}
}

static enum packet_result read_by_type(struct rest rest, uint16_t type, struct packet *ret)
{
	int n_tags = 0;

	while (type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD) {
		struct cursor at = rest.at;

		if (++n_tags > VLAN_TAGS_MAX)
			return PACKET_MALFORMED;
		cursor_skip(&at, 2);
		type = cursor_u16(&at);
		if (!rest_skip(&rest, 4))
			return PACKET_TRUNCATED;
	}
	switch (type) {
	case TYPE_IPV4:
		return read_ipv4(rest, ret);
	case TYPE_IPV6:
		return read_ipv6(rest, ret);
	default:
		return PACKET_NOT_IP; /* or an 802.3 length, below 0x600: LLC follows */
	}
}

static enum packet_result read_ethernet(struct rest rest, struct packet *ret)
{
	struct cursor at = rest.at;
	const uint8_t *src;
	uint16_t type;

	cursor_skip(&at, MAC_LEN);
	src = cursor_take(&at, MAC_LEN);
	if (src) {
		memcpy(ret->src_mac, src, MAC_LEN);
		ret->has_src_mac = true;
	}
	type = cursor_u16(&at);
	if (!rest_skip(&rest, 2 * MAC_LEN + 2))
		return PACKET_TRUNCATED;
	return read_by_type(rest, type, ret);
}

static enum packet_way sll_way(unsigned int type)
{
	if (type > SLL_OUTGOING)
		return PACKET_WAY_UNKNOWN;
	return type == SLL_OUTGOING ? PACKET_OUT : PACKET_IN;
}

/* https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html */
static enum packet_result read_sll(struct rest rest, struct packet *ret)
{
	struct cursor at = rest.at;
	uint16_t type = cursor_u16(&at);

	if (!at.failed)
		ret->way = sll_way(type);
	type = cursor_u16(&at);
	ret->is_loopback = !at.failed && type == ARPHRD_LOOPBACK;
	cursor_skip(&at, SLL_LEN - 6);
	type = cursor_u16(&at);
	if (!rest_skip(&rest, SLL_LEN))
		return PACKET_TRUNCATED;
	return read_by_type(rest, type, ret);
}

/* https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html */
static enum packet_result read_sll2(struct rest rest, struct packet *ret)
{
	struct cursor at = rest.at;
	uint16_t type = cursor_u16(&at), hardware;
	uint8_t sll_type;

	cursor_skip(&at, 6);
	hardware = cursor_u16(&at);
	ret->is_loopback = !at.failed && hardware == ARPHRD_LOOPBACK;
	sll_type = cursor_u8(&at);
	if (!at.failed)
		ret->way = sll_way(sll_type);
	if (!rest_skip(&rest, SLL2_LEN))
		return PACKET_TRUNCATED;
	return read_by_type(rest, type, ret);
}

/* The writer's own byte order, and its own number for IPv6: NetBSD and Linux, FreeBSD, macOS. */
static enum packet_result read_null(struct rest rest, struct packet *ret)
{
	struct cursor at = rest.at;
	uint32_t family = cursor_u32(&at);

	if (!rest_skip(&rest, NULL_LEN))
		return PACKET_TRUNCATED;
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:
		return read_ipv4(rest, ret);
	case 10:
	case 24:
	case 28:
	case 30:
		return read_ipv6(rest, ret);
	default:
		return PACKET_NOT_IP;
	}
}

static size_t pseudo_header_len(enum packet_link link)
{
	switch (link) {
	case PACKET_SLL:
		return SLL_LEN;
	case PACKET_SLL2:
		return SLL2_LEN;
	case PACKET_NULL:
		return NULL_LEN;
	case PACKET_ETHERNET:
	case PACKET_RAW_IP:
		break;
	}
	return 0;
}

enum packet_result packet_parse(enum packet_link link, const uint8_t *data, size_t cap_len,
	size_t wire_len, struct packet *ret)
{
	size_t pseudo_len = pseudo_header_len(link);
	struct rest rest = {
		.at = cursor_at(data, cap_len < wire_len ? cap_len : wire_len),
		.wire_len = wire_len,
	};

	memset(ret, 0, sizeof(*ret));
	ret->length = wire_len > pseudo_len ? wire_len - pseudo_len : 0;
	switch (link) {
	case PACKET_ETHERNET:
		return read_ethernet(rest, ret);
	case PACKET_SLL:
		return read_sll(rest, ret);
	case PACKET_SLL2:
		return read_sll2(rest, ret);
	case PACKET_RAW_IP:
		return read_by_version(rest, ret);
	case PACKET_NULL:
		return read_null(rest, ret);
	}
	return PACKET_NOT_IP;
}
