/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a packet the kernel copies for us: classic BPF (networking/filter.rst). The head of
 * any, all of a DNS message's where names are wanted, and nothing of it where they are not. Pure.
 */
#pragma once

#include "packet.h"

#include <linux/filter.h>

#define FILTER_HEAD_BYTES       96 /* Ethernet, QinQ, IPv6 with an extension header or two, TCP */
#define FILTER_DNS_BYTES        16384 /* more than any answer over UDP is let to have */
#define FILTER_INSTRUCTIONS_MAX 40

/* Returns how many; 0: a link type whose filter we do not know, it is captured whole. */
size_t filter_build(enum packet_link link, bool wants_dns,
	struct sock_filter ret[static FILTER_INSTRUCTIONS_MAX]);
