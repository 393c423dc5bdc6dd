/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <netinet/in.h>
#include <stdio.h>

/* Sums stop at the type's end: wrapped round they would look plausible. */
static void add_u64(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT64_MAX;
}

static void add_u32(uint32_t *sum, uint32_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT32_MAX;
}

void counters_add(struct counters *sum, const struct counters *more)
{
	add_u64(&sum->tx_bytes, more->tx_bytes);
	add_u64(&sum->rx_bytes, more->rx_bytes);
	add_u64(&sum->tx_packets, more->tx_packets);
	add_u64(&sum->rx_packets, more->rx_packets);
	add_u64(&sum->retransmits, more->retransmits);
	add_u32(&sum->connections, more->connections);
	add_u32(&sum->resets, more->resets);
	add_u32(&sum->failed, more->failed);
	if (more->rtt_us != 0 && (sum->rtt_us == 0 || more->rtt_us < sum->rtt_us))
		sum->rtt_us = more->rtt_us;
}

bool totals_interface_bytes(const struct totals *totals, uint64_t *ret)
{
	uint64_t rx_bytes, tx_bytes;

	if (__builtin_sub_overflow(totals->if_rx_bytes, totals->if_rx_bytes_open, &rx_bytes) ||
		__builtin_sub_overflow(totals->if_tx_bytes, totals->if_tx_bytes_open, &tx_bytes))
		return false;
	*ret = rx_bytes;
	add_u64(ret, tx_bytes);
	return true;
}

bool totals_coverage(const struct totals *totals, uint64_t *ret_billionths)
{
	const unsigned int one = 1000000000;
	unsigned __int128 coverage;
	uint64_t interface_bytes;

	if (!totals->is_comparable || !totals_interface_bytes(totals, &interface_bytes) ||
		interface_bytes == 0 || totals->captured_bytes > interface_bytes)
		return false; /* the tap sees frames that the driver then refuses to send */
	coverage = (unsigned __int128)totals->captured_bytes * one / interface_bytes;
	*ret_billionths = coverage < UINT64_MAX ? (uint64_t)coverage : UINT64_MAX;
	return true;
}

const char *record_proto_name(uint8_t proto, char buf[static RECORD_PROTO_LEN])
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		snprintf(buf, RECORD_PROTO_LEN, "%u", proto);
		return buf;
	}
}
