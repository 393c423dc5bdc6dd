/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_send.h"

#include "net.h"
#include "settings.h"
#include "wire.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PORT 20000
#define QUEUE_MAX  32 /* acknowledgements that wait in the socket */
#define LOOK_UP_MS 200
#define ASK_MS     5000 /* between two questions, while there is no answer */
#define SLEEP_MS   600000

struct sender {
	unsigned probe;
	struct account *account;
	uint16_t port;
	uint8_t peer; /* 0: none */
	uint64_t sent;
	size_t n;
	size_t lens[QUEUE_MAX];
	uint8_t queue[QUEUE_MAX][WIRE_DATAGRAM_MAX];
};

struct sender *fake_sender_new(unsigned probe)
{
	struct sender *sender = malloc(sizeof(*sender)); /* the queue need not be zero */

	assert(sender);
	sender->probe = probe;
	sender->account = NULL;
	sender->port = (uint16_t)(FIRST_PORT + world_below(10000));
	sender->peer = 0;
	sender->sent = 0;
	sender->n = 0;
	return sender;
}

void fake_sender_keep_books(struct sender *sender, struct account *account)
{
	sender->account = account;
}

uint16_t fake_sender_port(const struct sender *sender)
{
	return sender->port;
}

uint64_t fake_sender_count(const struct sender *sender)
{
	return sender->sent;
}

bool fake_sender_deliver(struct sender *sender, uint16_t port, const uint8_t *data, size_t len)
{
	if (port != sender->port || sender->n == QUEUE_MAX)
		return false;
	memcpy(sender->queue[sender->n], data, len);
	sender->lens[sender->n++] = len;
	return true;
}

void sender_close(struct sender *sender)
{
	free(sender);
}

int sender_set_peer(struct sender *sender, const struct addr *addr, uint16_t port)
{
	(void)port;
	sender->peer = addr->bytes[3];
	return 0;
}

enum send_result sender_send(struct sender *sender, const uint8_t *data, size_t len)
{
	if (sender->peer == 0)
		return SEND_NO_PEER;
	if (world_chance(settings.no_buffer))
		return SEND_LATER;
	account_sent(sender->account, data, len);
	sender->sent++;
	net_to_collector(sender->probe, sender->port, sender->peer, data, len);
	return SEND_OK;
}

size_t sender_receive(struct sender *sender, uint8_t *buf, size_t cap)
{
	size_t len;

	if (sender->n == 0)
		return 0;
	len = sender->lens[0];
	assert(len <= cap);
	memcpy(buf, sender->queue[0], len);
	sender->n--;
	for (size_t i = 0; i < sender->n; i++) {
		sender->lens[i] = sender->lens[i + 1];
		memcpy(sender->queue[i], sender->queue[i + 1], sender->lens[i]);
	}
	account_acked(sender->account, buf, len);
	return len;
}

int sender_fd(const struct sender *sender)
{
	(void)sender;
	return -1;
}

void sender_renew(struct sender *sender)
{
	sender->port++;
	sender->n = 0;
	world_trace("probe %u: new port %u", sender->probe, sender->port);
}

bool sender_owns(const struct sender *sender, const struct packet *packet)
{
	(void)sender;
	(void)packet;
	return false;
}

struct resolver {
	int64_t due_ms; /* of the answer, or of the next question */
	bool is_asking;
	bool is_known;
	bool is_news;
	bool has_failed;
	uint8_t address;
};

static void ask(struct resolver *resolver, int64_t now_ms)
{
	resolver->is_asking = true;
	resolver->due_ms = now_ms + world_between(0, LOOK_UP_MS);
}

struct resolver *fake_resolver_new(void)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	assert(resolver);
	ask(resolver, world_now_ms());
	return resolver;
}

void resolver_close(struct resolver *resolver)
{
	free(resolver);
}

int resolver_fd(const struct resolver *resolver)
{
	(void)resolver;
	return -1;
}

static void answer(struct resolver *resolver, int64_t now_ms)
{
	resolver->is_asking = false;
	resolver->due_ms = now_ms + (resolver->is_known ? SLEEP_MS : ASK_MS);
	if (settings.is_name_gone) {
		resolver->has_failed = !resolver->is_known;
		return;
	}
	resolver->is_news = !resolver->is_known || resolver->address != net_collector_address();
	resolver->is_known = true;
	resolver->address = net_collector_address();
	resolver->due_ms = now_ms + SLEEP_MS;
}

int64_t resolver_step(struct resolver *resolver, int64_t now_ms)
{
	if (now_ms < resolver->due_ms)
		return resolver->due_ms;
	if (resolver->is_asking)
		answer(resolver, now_ms);
	else if (!resolver->is_known)
		ask(resolver, now_ms);
	else
		resolver->due_ms = now_ms + SLEEP_MS;
	return resolver->due_ms > now_ms ? resolver->due_ms : now_ms + 1;
}

bool resolver_take_address(struct resolver *resolver, struct addr *ret)
{
	const uint8_t bytes[4] = {10, 0, 0, resolver->address};

	if (!resolver->is_news)
		return false;
	resolver->is_news = false;
	*ret = addr_v4(bytes);
	return true;
}

bool resolver_take_failure(struct resolver *resolver)
{
	bool has_failed = resolver->has_failed;

	resolver->has_failed = false;
	return has_failed;
}

void resolver_ask_again(struct resolver *resolver, int64_t now_ms)
{
	if (!resolver->is_asking)
		ask(resolver, now_ms);
}

bool resolver_owns(const struct resolver *resolver, const struct packet *packet)
{
	(void)resolver;
	(void)packet;
	return false;
}
