/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: a load beyond the packet's end would make the kernel drop the packet, so the length is
 * asked first. Where names are wanted, what is not longer than the head needs no telling apart;
 * where they are not, what is too short for a transport's header has no message to hide. Either way
 * every load up to the ports' lies within what remains, and before theirs the length is asked
 * again.
 *
 * Offsets count the pseudo-header of cooked captures, which the kernel does not have: libpcap moves
 * them, and turns the protocol's into SKF_AD_PROTOCOL (fix_offset in its pcap-linux.c). It does not
 * touch lengths: those are without it, asked or returned.
 */
#include "filter.h"

#include "lookups.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#define FRAGMENT_MASK 0x1fff
#define IPV4_LEN      20
#define IPV6_LEN      40
#define UDP_LEN       8
#define TCP_LEN       20
#define PORTS_LEN     4

/* Where a link type keeps the kind of its payload, and where the payload starts. */
struct layout {
	uint16_t type_load;
	uint32_t type_at;
	uint32_t type_mask;
	uint32_t type_v4;
	uint32_t type_v6;
	uint32_t ip_at;
	uint32_t link_len; /* what the kernel has before the IP header */
};

static bool find_layout(enum packet_link link, struct layout *ret)
{
	struct layout layout = {
		.type_load = BPF_LD | BPF_H | BPF_ABS,
		.type_mask = 0xffff,
		.type_v4 = ETHERTYPE_IP,
		.type_v6 = ETHERTYPE_IPV6,
	};

	switch (link) {
	case PACKET_ETHERNET:
		layout.type_at = 12;
		layout.ip_at = 14;
		layout.link_len = 14;
		break;
	case PACKET_SLL:
		layout.type_at = 14;
		layout.ip_at = 16;
		break;
	case PACKET_SLL2:
		layout.type_at = 0;
		layout.ip_at = 20;
		break;
	case PACKET_RAW_IP:
		layout.type_load = BPF_LD | BPF_B | BPF_ABS;
		layout.type_mask = 0xf0;
		layout.type_v4 = 0x40;
		layout.type_v6 = 0x60;
		break;
	case PACKET_NULL:
		return false;
	}
	*ret = layout;
	return true;
}

size_t filter_build(enum packet_link link, bool wants_dns,
	struct sock_filter ret[static FILTER_INSTRUCTIONS_MAX])
{
	struct layout at;

	if (!find_layout(link, &at))
		return 0;

		/* Jumps count from the next instruction: N is where an instruction stands. */
#define TO(n, from) ((uint8_t)((n) - (from)-1))
#define NOT_V4      10
#define TRANSPORT   13
#define DNS         25
#define TCP         30
	/* The last one: the kernel looks along the lines and not along the jumps, and refuses a
	 * load of what some way to the return before it has not stored. */
	const unsigned int cut = wants_dns ? DNS + 1 : TCP + 3;
	const uint32_t short_max =
		wants_dns ? FILTER_HEAD_BYTES : at.link_len + IPV4_LEN + UDP_LEN - 1;
	const struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, short_max, 0, TO(cut, 1)),
		BPF_STMT(at.type_load, at.type_at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, at.type_mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, at.type_v4, 0, TO(NOT_V4, 4)),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, at.ip_at + 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FRAGMENT_MASK, TO(cut, 6), 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, at.ip_at),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at.ip_at + 9),
		BPF_JUMP(BPF_JMP | BPF_JA, TO(TRANSPORT, 9), 0, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, at.type_v6, 0, TO(cut, NOT_V4)),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, IPV6_LEN),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at.ip_at + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, TO(cut, 14)),
		BPF_STMT(BPF_ST, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, at.ip_at + PORTS_LEN),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_X, 0, 0, TO(cut, 18)),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, at.ip_at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOKUPS_PORT, TO(DNS, 20), 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOKUPS_MESH_PORT, TO(DNS, 21), 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, at.ip_at + 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOKUPS_PORT, TO(DNS, 23), 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOKUPS_MESH_PORT, 0, TO(cut, 24)),
		/* Names wanted: all of it; the rest is left out. */
		wants_dns ? (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, FILTER_DNS_BYTES)
			  : (struct sock_filter)BPF_STMT(BPF_LD | BPF_MEM, 0),
		/* Not wanted: the headers. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, TO(TCP, 26)),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, at.link_len + UDP_LEN),
		BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, at.link_len + TCP_LEN),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
#undef TO
#undef NOT_V4
#undef TRANSPORT
#undef DNS
#undef TCP
	memcpy(ret, insns, cut * sizeof(insns[0]));
	ret[cut] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, FILTER_HEAD_BYTES);
	return cut + 1;
}
