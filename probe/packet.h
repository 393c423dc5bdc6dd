/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a frame's bytes to a small struct, or a counted reason. Pure.
 *
 * Whatever the result, `length`, `way`, `is_loopback` and the source MAC are filled as far as the
 * frame gave them, so that the bytes of a frame that we cannot read are still counted, and in the
 * right direction.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_link {
	PACKET_ETHERNET,
	PACKET_SLL,    /* Linux "any", DLT_LINUX_SLL: 16 bytes, the packet's type first */
	PACKET_SLL2,   /* DLT_LINUX_SLL2: 20 bytes, the protocol first */
	PACKET_RAW_IP, /* tun, WireGuard: the IP header first */
	PACKET_NULL,   /* BSD loopback, DLT_NULL and DLT_LOOP: 4 bytes of address family */
};

enum packet_result {
	PACKET_OK,
	PACKET_NOT_IP,    /* ARP, LLDP, ...: normal, counted, not logged */
	PACKET_TRUNCATED, /* captured bytes end inside the link or IP header */
	PACKET_MALFORMED, /* a version, or a length field, that lies */
	PACKET_N_RESULTS,
};

enum packet_way {
	PACKET_WAY_UNKNOWN,
	PACKET_IN,
	PACKET_OUT,
};

#define PACKET_TCP_FIN 0x01
#define PACKET_TCP_SYN 0x02
#define PACKET_TCP_RST 0x04
#define PACKET_TCP_ACK 0x10

struct packet {
	uint64_t length;     /* the frame's, without the pseudo-header of SLL, SLL2, NULL */
	enum packet_way way; /* what SLL says; unknown elsewhere */
	bool is_loopback;    /* what SLL says: it passed lo; false elsewhere */
	bool has_src_mac;
	uint8_t src_mac[6];

	/* PACKET_OK only */
	struct addr src;
	struct addr dst;
	uint8_t proto;  /* the transport's, behind IPv6 extension headers */
	bool has_ports; /* false: no such thing (ICMP), a later fragment, or beyond the capture */
	uint16_t src_port;
	uint16_t dst_port;
	bool has_tcp;      /* the fields below were captured */
	uint8_t tcp_flags; /* PACKET_TCP_* */
	uint32_t tcp_seq;
	uint32_t tcp_ack;
	uint32_t payload_len; /* of TCP, by the IP header's length */

	/* With has_ports: where in the frame the transport's header begins, and how many bytes were
	 * captured from there on, at most to the datagram's end. */
	uint32_t transport_at;
	uint32_t transport_len;
};

/* wire_len is the frame's length on the wire, cap_len how much of it was captured. */
enum packet_result packet_parse(enum packet_link link, const uint8_t *data, size_t cap_len,
	size_t wire_len, struct packet *ret);
