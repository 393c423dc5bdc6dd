/* SPDX-License-Identifier: Apache-2.0 */
#include "lookups.h"

#include "dns_answer.h"
#include "questions.h"

#include <netinet/in.h>
#include <stdlib.h>

#define UDP_LEN          8
#define TCP_LEN          20
#define TCP_MESSAGES_MAX 16 /* of one segment */

struct lookups {
	struct name_table *names;
	const struct direction *live; /* NULL: a file */
	struct questions *questions;
	struct lookups_stats stats;
};

/* One packet, and what its messages have in common. */
struct talk {
	const struct packet *packet;
	bool may_ask;    /* the pod speaks to a server */
	bool may_answer; /* a server speaks to the pod */
	int64_t now_ms;
};

struct lookups *lookups_new(struct name_table *names, const struct direction *live, uint64_t seed)
{
	struct lookups *lookups = calloc(1, sizeof(*lookups));

	if (!lookups)
		return NULL;
	lookups->names = names;
	lookups->live = live;
	lookups->questions = questions_new(seed);
	if (!lookups->questions) {
		lookups_free(lookups);
		return NULL;
	}
	return lookups;
}

void lookups_free(struct lookups *lookups)
{
	if (!lookups)
		return;
	questions_free(lookups->questions);
	free(lookups);
}

static bool is_watched(const struct dns_question *question)
{
	if (question->class != DNS_CLASS_IN)
		return false;
	switch (question->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS:
		return true;
	default:
		return false;
	}
}

static struct question_key key_of(const struct talk *talk, const struct dns_head *head,
	const struct dns_question *question, bool is_answer)
{
	const struct packet *p = talk->packet;

	return (struct question_key){
		.server = is_answer ? p->src : p->dst,
		.client = is_answer ? p->dst : p->src,
		.server_port = is_answer ? p->src_port : p->dst_port,
		.client_port = is_answer ? p->dst_port : p->src_port,
		.proto = p->proto,
		.id = head->id,
		.type = question->type,
		.name = &question->name,
	};
}

/* Without the labels that say which service of the name is meant (RFC 8552): _8443._https.NAME. */
static bool name_text(const struct dns_name *name, char ret[static ADDR_HOST_LEN])
{
	char text[ADDR_HOST_LEN];
	const char *host = text;

	if (!dns_name_to_text(name, text))
		return false;
	while (*host == '_' && strchr(host, '.'))
		host = strchr(host, '.') + 1;
	memcpy(ret, host, strlen(host) + 1);
	return true;
}

static void name_addresses(struct lookups *lookups, const struct dns_name *asked,
	const struct dns_found *found, int64_t now_ms)
{
	struct lookups_stats *stats = &lookups->stats;
	char name[ADDR_HOST_LEN];

	if (!name_text(asked, name)) {
		stats->unread++;
		return;
	}
	for (size_t i = 0; i < found->n; i++) {
		if (name_table_put(lookups->names, &found->addrs[i], name, found->ttl_s, now_ms))
			stats->names++;
		else
			stats->unkept++;
	}
	stats->unkept += found->n_left_out;
}

/* What failed, or was cut by the server, is over too: the pod asks anew. */
static void take_answer(struct lookups *lookups, const struct talk *talk, struct cursor sections,
	const struct dns_head *head, const struct dns_question *question)
{
	struct question_key key = key_of(talk, head, question, true);
	struct dns_found found = {.n = 0};

	if (!questions_is_open(lookups->questions, &key, talk->now_ms)) {
		lookups->stats.unasked++;
		return;
	}
	if ((head->flags & (DNS_FLAG_TRUNCATED | DNS_RCODE_MASK)) == 0 &&
		dns_answer_read(sections, head, question, &found) == DNS_ANSWER_MALFORMED) {
		lookups->stats.unread++;
		return;
	}
	questions_close(lookups->questions, &key);
	if (found.n > 0)
		name_addresses(lookups, &question->name, &found, talk->now_ms);
}

static void take_question(struct lookups *lookups, const struct talk *talk,
	const struct dns_head *head, const struct dns_question *question)
{
	struct question_key key = key_of(talk, head, question, false);

	if (!questions_ask(lookups->questions, &key, talk->now_ms))
		lookups->stats.unkept++;
}

/* The cursor lies over the message and nothing else. */
static void read_message(struct lookups *lookups, const struct talk *talk, struct cursor c)
{
	struct dns_question question;
	struct dns_head head;
	bool is_answer;

	if (!dns_read_head(&c, &head)) {
		lookups->stats.unread++;
		return;
	}
	is_answer = head.flags & DNS_FLAG_ANSWER;
	if (is_answer ? !talk->may_answer : !talk->may_ask)
		return;
	if (head.flags & DNS_FLAG_OPCODE || head.n_questions != 1)
		return;
	if (!dns_read_question(&c, &question)) {
		lookups->stats.unread++;
		return;
	}
	if (!is_watched(&question))
		return;
	if (is_answer)
		take_answer(lookups, talk, c, &head, &question);
	else
		take_question(lookups, talk, &head, &question);
}

/* False: it is not all there. */
static bool take_message(struct cursor *c, size_t len, struct cursor *ret)
{
	const uint8_t *message = cursor_take(c, len);

	if (!message)
		return false;
	*ret = cursor_at(message, len);
	return true;
}

static void read_udp(struct lookups *lookups, const struct talk *talk, struct cursor c)
{
	struct cursor message;
	size_t len;

	cursor_skip(&c, 4);
	len = cursor_u16(&c);
	cursor_skip(&c, 2); /* checksum */
	if (!c.failed && len >= UDP_LEN && take_message(&c, len - UDP_LEN, &message))
		read_message(lookups, talk, message);
	else
		lookups->stats.unread++;
}

/* RFC 1035 4.2.2: a length before each message. What begins or ends elsewhere is not pieced
 * together. */
static void read_tcp(struct lookups *lookups, const struct talk *talk, struct cursor c)
{
	size_t header_len;

	if (!talk->packet->has_tcp || talk->packet->payload_len == 0)
		return;
	cursor_skip(&c, 12);
	header_len = (size_t)(cursor_u8(&c) >> 4) * 4;
	cursor_skip(&c, header_len - 13);
	for (int i = 0; i < TCP_MESSAGES_MAX && (c.failed || cursor_left(&c) > 0); i++) {
		size_t len = cursor_u16(&c);
		struct cursor message;

		if (!take_message(&c, len, &message)) {
			lookups->stats.unread++;
			return;
		}
		read_message(lookups, talk, message);
	}
}

/*
 * Stricter than the direction, which is about bytes: whoever shares the interface's link may write
 * any address into a frame, loopback's too, and with a question of his own would have his answer to
 * it believed. What passes loopback is the pod's, although libpcap shows it as it comes in only.
 */
static bool is_from_pod(
	const struct direction *live, const struct packet *packet, enum packet_way way)
{
	if (packet->is_loopback || (live && live->is_loopback))
		return true;
	if (live && live->has_mac && packet->has_src_mac)
		return memcmp(packet->src_mac, live->mac, sizeof(live->mac)) == 0;
	return way == PACKET_OUT || (way == PACKET_WAY_UNKNOWN && !live);
}

void lookups_add(struct lookups *lookups, const struct packet *packet, enum packet_way way,
	const uint8_t *data, int64_t now_ms)
{
	const struct talk talk = {
		.packet = packet,
		.may_ask = lookups_is_port(packet->dst_port) &&
			   is_from_pod(lookups->live, packet, way),
		.may_answer = lookups_is_port(packet->src_port) && way != PACKET_OUT,
		.now_ms = now_ms,
	};
	struct cursor c = cursor_at(data + packet->transport_at, packet->transport_len);

	if (!talk.may_ask && !talk.may_answer)
		return;
	if (packet->proto == IPPROTO_UDP)
		read_udp(lookups, &talk, c);
	else if (packet->proto == IPPROTO_TCP)
		read_tcp(lookups, &talk, c);
}

const struct lookups_stats *lookups_stats(const struct lookups *lookups)
{
	return &lookups->stats;
}
