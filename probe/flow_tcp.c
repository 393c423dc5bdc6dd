/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_tcp.h"

#define WINDOW_MAX (1U << 30) /* RFC 7323 2.3: none is larger, a longer way back is no overlap */

static void count_up(uint32_t *counter)
{
	if (*counter < UINT32_MAX)
		(*counter)++;
}

static void count_failed(struct flow_tcp *tcp, struct counters *count)
{
	if (tcp->is_failed)
		return;
	tcp->is_failed = true;
	count_up(&count->failed);
}

static void note_rtt(const struct flow_tcp *tcp, struct counters *count, int64_t now_us)
{
	int64_t rtt_us = now_us - tcp->syn_us;

	if (tcp->is_resent || rtt_us <= 0 || rtt_us > UINT32_MAX)
		return;
	if (!count->rtt_us || rtt_us < count->rtt_us)
		count->rtt_us = (uint32_t)rtt_us;
}

static void see_syn(
	struct flow_tcp *tcp, struct counters *count, uint32_t seq, unsigned dir, int64_t now_us)
{
	if (tcp->has_syn && tcp->client == dir && tcp->syn_seq == seq) {
		tcp->is_resent = true;
		if (tcp->state == FLOW_TCP_SYN)
			tcp->syn_us = now_us;
		return;
	}
	if (tcp->state == FLOW_TCP_SYN && tcp->client != dir)
		return; /* both open at once, RFC 9293 3.5: one connection, its first SYN leads */
	if (tcp->state == FLOW_TCP_SYN)
		count_failed(tcp, count); /* given up for a new attempt from the same port */

	*tcp = (struct flow_tcp){
		.state = FLOW_TCP_SYN,
		.client = (uint8_t)dir,
		.has_syn = true,
		.syn_seq = seq,
		.syn_us = now_us,
	};
}

static void see_syn_ack(
	struct flow_tcp *tcp, struct counters *count, uint32_t ack, unsigned dir, int64_t now_us)
{
	if (!tcp->has_syn || tcp->client == dir)
		return;
	if (tcp->state == FLOW_TCP_SYN_ACK)
		tcp->is_resent = true;
	if (tcp->state != FLOW_TCP_SYN || (int32_t)(ack - tcp->syn_seq) <= 0)
		return;
	if (tcp->client == 0)
		note_rtt(tcp, count, now_us);
	tcp->state = FLOW_TCP_SYN_ACK;
	tcp->is_resent = false;
	tcp->syn_us = now_us;
}

static void see_ack(struct flow_tcp *tcp, struct counters *count, unsigned dir, int64_t now_us)
{
	switch (tcp->state) {
	case FLOW_TCP_MIDSTREAM:
		if (tcp->has_seq[!dir])
			tcp->state = FLOW_TCP_OPEN;
		break;
	case FLOW_TCP_SYN:
		if (tcp->client == dir) /* it goes on, so the SYN-ACK only escaped the capture */
			tcp->state = FLOW_TCP_OPEN;
		break;
	case FLOW_TCP_SYN_ACK:
		if (tcp->client != dir)
			break;
		if (tcp->client == 1)
			note_rtt(tcp, count, now_us);
		count_up(&count->connections);
		tcp->state = FLOW_TCP_OPEN;
		break;
	default:
		break;
	}
}

static void see_reset(struct flow_tcp *tcp, struct counters *count, unsigned dir)
{
	if (tcp->state == FLOW_TCP_SYN && tcp->client == dir)
		return; /* its answer to an old connection's ACK; the SYN stands, RFC 9293 3.10.7.3
			 */
	if (tcp->state == FLOW_TCP_OPEN)
		count_up(&count->resets);
	if (tcp->state == FLOW_TCP_SYN || tcp->state == FLOW_TCP_SYN_ACK)
		count_failed(tcp, count);
	tcp->state = FLOW_TCP_CLOSED;
}

/* Moves next_seq on, modulo 2^32; returns how many bytes of payload lay below it already. */
static uint32_t advance(struct flow_tcp *tcp, const struct packet *packet, unsigned dir)
{
	uint32_t syn = packet->tcp_flags & PACKET_TCP_SYN ? 1 : 0;
	uint32_t fin = packet->tcp_flags & PACKET_TCP_FIN ? 1 : 0;
	uint32_t end = packet->tcp_seq + syn + packet->payload_len + fin;
	uint32_t back = tcp->next_seq[dir] - packet->tcp_seq;
	uint32_t again;

	if (!tcp->has_seq[dir] || back == 0 || back > WINDOW_MAX) {
		tcp->next_seq[dir] = end;
		tcp->has_seq[dir] = true;
		return 0;
	}
	if (back == 1 && packet->payload_len <= 1 && !syn && !fin)
		return 0; /* a keep-alive, RFC 9293 3.8.4 */
	again = back - syn;
	if ((int32_t)(end - tcp->next_seq[dir]) > 0)
		tcp->next_seq[dir] = end;
	return again < packet->payload_len ? again : packet->payload_len;
}

void flow_tcp_track(struct flow_tcp *tcp, struct counters *count, const struct packet *packet,
	unsigned dir, int64_t now_us)
{
	uint8_t flags = packet->tcp_flags;

	if (flags & PACKET_TCP_RST) {
		see_reset(tcp, count, dir);
		return;
	}
	if ((flags & PACKET_TCP_SYN) && (flags & PACKET_TCP_ACK))
		see_syn_ack(tcp, count, packet->tcp_ack, dir, now_us);
	else if (flags & PACKET_TCP_SYN)
		see_syn(tcp, count, packet->tcp_seq, dir, now_us);
	else if (flags & PACKET_TCP_ACK)
		see_ack(tcp, count, dir, now_us);

	count->retransmits += advance(tcp, packet, dir);
	if (flags & PACKET_TCP_FIN)
		tcp->has_fin[dir] = true;
	if (tcp->has_fin[0] && tcp->has_fin[1])
		tcp->state = FLOW_TCP_CLOSED;
}

bool flow_tcp_is_pending(const struct flow_tcp *tcp)
{
	return tcp->state == FLOW_TCP_SYN && !tcp->is_failed;
}

void flow_tcp_expire(struct flow_tcp *tcp, struct counters *count, int64_t now_us)
{
	if (flow_tcp_is_pending(tcp) && now_us - tcp->syn_us >= FLOW_TCP_ATTEMPT_US)
		count_failed(tcp, count);
}
