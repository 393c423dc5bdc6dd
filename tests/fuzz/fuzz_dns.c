/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/lookups probe/questions probe/dns_answer probe/dns_message probe/resolve_message */
/* uses: probe/name_table probe/name_pool proto/addr proto/hash */
/*
 * The pod's conversation with its resolver: the input is a row of messages, each with a byte that
 * says who speaks and how, and two of length. Some questions are open from the start, so that an
 * answer need not guess. Each row is said twice: as it is, and by a server alone, to a pod that
 * asks nothing more. Whatever is said: no name is given that nobody asked for.
 */
#include "lookups.h"
#include "resolve_message.h"

#include <netinet/in.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ASKED     "api.example"
#define ID        0x0007
#define HEAD_MAX  20
#define ADDRS_MAX 4

enum how {
	HOW_ANSWER = 1,
	HOW_TCP = 2,
	HOW_CUT = 4, /* one byte of it was not captured */
};

static void check(bool is_good)
{
	if (!is_good)
		abort();
}

static struct packet packet_of(bool is_answer, bool is_tcp)
{
	struct addr pod = addr_v4((const uint8_t[]){10, 0, 0, 1});
	struct addr server = addr_v4((const uint8_t[]){198, 51, 100, 53});

	return (struct packet){
		.src = is_answer ? server : pod,
		.dst = is_answer ? pod : server,
		.proto = is_tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.has_ports = true,
		.has_tcp = is_tcp,
		.src_port = is_answer ? 53 : 40100,
		.dst_port = is_answer ? 40100 : 53,
	};
}

/* In a piece of memory that ends where the message does. */
static void say(struct lookups *lookups, uint8_t how, const uint8_t *message, size_t len)
{
	bool is_answer = how & HOW_ANSWER, is_tcp = how & HOW_TCP;
	size_t head_len = is_tcp ? HEAD_MAX : 8;
	struct packet packet = packet_of(is_answer, is_tcp);
	uint8_t *frame = calloc(1, head_len + len);

	check(frame);
	if (is_tcp) {
		frame[12] = 0x50;
	} else {
		frame[4] = (uint8_t)((len + 8) >> 8);
		frame[5] = (uint8_t)(len + 8);
	}
	if (len > 0)
		memcpy(frame + head_len, message, len);
	packet.payload_len = (uint32_t)len;
	packet.transport_len = (uint32_t)(head_len + len - (how & HOW_CUT && len > 0));
	lookups_add(lookups, &packet, is_answer ? PACKET_IN : PACKET_OUT, frame, 1000);
	free(frame);
}

static void ask(struct lookups *lookups, const char *name, uint16_t type)
{
	uint8_t question[RESOLVE_MESSAGE_MAX];
	size_t len = resolve_message_write(name, type, ID, question);

	check(len > 0);
	say(lookups, 0, question, len);
}

/* The probe's own questions go through the same parser. */
static void read_as_own(const uint8_t *message, size_t len)
{
	struct addr addrs[ADDRS_MAX];
	size_t n = 0;

	if (resolve_message_read(message, len, ASKED, DNS_TYPE_A, ID, addrs, ADDRS_MAX, &n) ==
		RESOLVE_MESSAGE_OK)
		check(n > 0 && n <= ADDRS_MAX);
}

static void read_all(struct lookups *lookups, uint8_t always, const uint8_t *data, size_t size)
{
	while (size >= 3) {
		uint8_t how = data[0] | always;
		size_t len = (size_t)data[1] << 8 | data[2];

		data += 3;
		size -= 3;
		len = len < size ? len : size;
		say(lookups, how, data, len);
		read_as_own(data, len);
		data += len;
		size -= len;
	}
}

/* Nothing within it but what a text may show; of the address that the seeds' answers give. only:
 * the one name that it may be; NULL: any. */
static void check_name(struct name_table *names, const char *only)
{
	struct addr peer = addr_v4((const uint8_t[]){192, 0, 2, 5});
	uint16_t ref = name_table_take(names, &peer, 1000);
	const char *name = name_table_text(names, ref);

	for (size_t i = 0; name && name[i]; i++)
		check(i < 253 && name[i] > ' ' && name[i] < 0x7f && name[i] != '\\' &&
			!(name[i] >= 'A' && name[i] <= 'Z'));
	check(!name || (only ? strcmp(name, only) == 0 : name[0] != '\0'));
	name_table_drop(names, ref);
}

static void hear(uint8_t always, const char *only, const uint8_t *data, size_t size)
{
	struct name_table *names = name_table_new(1);
	struct lookups *lookups = lookups_new(names, NULL, 1);

	check(names && lookups);
	ask(lookups, ASKED, DNS_TYPE_A);
	ask(lookups, ASKED, DNS_TYPE_AAAA);
	ask(lookups, ASKED, DNS_TYPE_HTTPS);
	read_all(lookups, always, data, size);
	check_name(names, only);
	lookups_free(lookups);
	name_table_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hear(0, NULL, data, size);
	hear(HOW_ANSWER, ASKED, data, size);
	return 0;
}
