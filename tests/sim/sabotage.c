/* SPDX-License-Identifier: Apache-2.0 */
#include "sabotage.h"

#include "wire_ack.h"
#include "wire_decode.h"
#include "world.h"

#include <string.h>

#define SEEN_MAX 4096

enum sabotage sabotage;

static struct {
	struct wire_decoder *decoder;
	uint64_t seen[SEEN_MAX]; /* sequences and the first bytes of their boots */
	size_t n_seen;
	uint8_t copy[WIRE_DATAGRAM_MAX];
} state;

const char *sabotage_name(enum sabotage which)
{
	static const char *const names[] = {
		[SABOTAGE_NONE] = "none",
		[SABOTAGE_EARLY_ACK] = "early-ack",
		[SABOTAGE_NO_DEDUP] = "no-dedup",
		[SABOTAGE_LOST_LEDGER] = "lost-ledger",
		[SABOTAGE_LOST_SERIES] = "lost-series",
		[SABOTAGE_SAME_POINT] = "same-point",
		[SABOTAGE_LYING_DISK] = "lying-disk",
		[SABOTAGE_FORGET_LIVE] = "forget-live",
	};

	return names[which];
}

/* Exactly this one: the rest is not claimed. */
static void acknowledge(
	const struct report *report, const struct receive_from *from, acks_send_fn *reply)
{
	uint64_t bit = report->sequence - 2; /* behind contiguous, which is 0, and its hole */
	struct ack ack = {.contiguous = report->sequence == 1};
	uint8_t buf[WIRE_DATAGRAM_MAX];
	size_t len;

	if (report->sequence > 1 && bit < 8 * ACK_BITMAP_MAX) {
		ack.bitmap[bit / 8] = (uint8_t)(1 << bit % 8);
		ack.bitmap_len = bit / 8 + 1;
	}
	memcpy(ack.boot_id, report->boot_id, BOOT_ID_LEN);
	len = wire_ack_encode(&ack, WIRE_DATAGRAM_MAX, buf);
	if (len)
		reply(NULL, from, buf, len);
}

static bool was_seen(const struct report *report)
{
	uint64_t key;

	memcpy(&key, report->boot_id, sizeof(key));
	key += report->sequence;
	for (size_t i = 0; i < state.n_seen; i++)
		if (state.seen[i] == key)
			return true;
	if (state.n_seen < SEEN_MAX)
		state.seen[state.n_seen++] = key;
	return false;
}

/* The boot id stands in the datagram as it is: another one makes it another boot's. */
static const uint8_t *as_new(const uint8_t *data, size_t len, const struct report *report)
{
	uint64_t other = world_random();
	uint8_t *at;

	memcpy(state.copy, data, len);
	at = memmem(state.copy, len, report->boot_id, BOOT_ID_LEN);
	if (!at)
		return data;
	memcpy(at, &other, sizeof(other));
	return state.copy;
}

const uint8_t *sabotage_arrival(
	const uint8_t *data, size_t len, const struct receive_from *from, acks_send_fn *reply)
{
	const struct record *records;
	struct report report;
	size_t n;

	if (!state.decoder)
		state.decoder = wire_decoder_new();
	if (wire_decode(state.decoder, data, len, &report, &records, &n) != WIRE_OK)
		return data;
	if (sabotage == SABOTAGE_EARLY_ACK)
		acknowledge(&report, from, reply);
	if (sabotage == SABOTAGE_NO_DEDUP && was_seen(&report))
		return as_new(data, len, &report);
	return data;
}

void sabotage_forget(void)
{
	state.n_seen = 0;
}

void sabotage_end(void)
{
	wire_decoder_free(state.decoder);
	state.decoder = NULL;
}

/* The names are the linker's. */
uint32_t __wrap_ledger_batch_k(
	struct ledger *ledger, const char *observer, uint64_t start_ms, uint32_t step_ms);
uint32_t __real_ledger_batch_k(
	struct ledger *ledger, const char *observer, uint64_t start_ms, uint32_t step_ms);

uint32_t __wrap_ledger_batch_k(
	struct ledger *ledger, const char *observer, uint64_t start_ms, uint32_t step_ms)
{
	uint32_t k = __real_ledger_batch_k(ledger, observer, start_ms, step_ms);

	return sabotage == SABOTAGE_SAME_POINT ? 0 : k;
}
