/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include "hash.h"
#include "resend.h"
#include "ring.h"
#include "wire_ack.h"
#include "wire_encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ACKS_A_TURN      256 /* then the capture has its turn */
#define NAMED_RING_SHARE 4   /* a quarter: what an interval may take of the ring with its names */

struct outbox {
	struct sender *sender;
	struct ring *ring;
	struct wire_encoder *encoder;
	uint8_t boot_id[BOOT_ID_LEN];
	uint64_t sequence;   /* of the next datagram */
	uint64_t sent_up_to; /* the highest sequence that ever went */
	uint64_t sealed_bytes;
	uint64_t lost_bytes; /* of rows that no datagram could hold */
	uint64_t names_left_out;
	size_t named_parts_max;
	bool has_names; /* the interval that is being sealed */
	/* Until then a step need not search the ring, which may hold thousands: each packet that
	 * wakes the probe is a step. 0: since the last search something came, or may go sooner. */
	int64_t idle_until_ms;
	struct resend resend;
	struct outbox_stats stats;

	struct report head; /* of the interval that is being sealed */
	int64_t due_ms;
	const struct record *rows;
	size_t n_rows;
	uint8_t datagram[WIRE_DATAGRAM_MAX];
};

static uint64_t boot_hash(const struct outbox *outbox)
{
	return hash_bytes(outbox->boot_id, sizeof(outbox->boot_id), 0);
}

int outbox_new(struct sender *sender, size_t ring_bytes, int64_t now_ms, struct outbox **ret,
	char err[static ERR_LEN])
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	int r = -ENOMEM;

	if (!outbox)
		goto fail;
	outbox->sender = sender;
	outbox->sequence = 1;
	outbox->named_parts_max = ring_bytes / WIRE_DATAGRAM_MAX / NAMED_RING_SHARE;
	outbox->ring = ring_new(ring_bytes);
	outbox->encoder = wire_encoder_new();
	if (!outbox->ring || !outbox->encoder)
		goto fail;
	if (getrandom(outbox->boot_id, sizeof(outbox->boot_id), 0) !=
		(ssize_t)sizeof(outbox->boot_id)) {
		r = -EIO;
		goto fail;
	}
	resend_init(&outbox->resend, boot_hash(outbox), now_ms);
	*ret = outbox;
	return 0;

fail:
	snprintf(err, ERR_LEN, "ring of %zu bytes: %s", ring_bytes, strerror(-r));
	outbox_free(outbox);
	return r;
}

void outbox_free(struct outbox *outbox)
{
	if (!outbox)
		return;
	wire_encoder_free(outbox->encoder);
	ring_free(outbox->ring);
	free(outbox);
}

static uint64_t rows_bytes(const struct record *rows, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += counters_bytes(&rows[i].sum);
	return sum;
}

/* Of an interval's rows as many as WIRE_PARTS_MAX datagrams hold, and how many these are. */
static size_t count_parts(struct outbox *outbox, const struct record *rows, size_t n)
{
	struct report *own = &outbox->head;
	size_t i = 0;

	own->parts = 0;
	do {
		i += wire_fit(outbox->encoder, own, rows + i, n - i);
		own->parts++;
	} while (i < n && own->parts < WIRE_PARTS_MAX);
	return i;
}

/* Names of hundreds of bytes take a row's place many times over: no row is lost for their sake. */
static size_t fit_rows(struct outbox *outbox, const struct record *rows, size_t n)
{
	size_t n_fit;

	outbox->has_names = true;
	wire_encoder_use_names(outbox->encoder, true);
	n_fit = count_parts(outbox, rows, n);
	if (n_fit == n && outbox->head.parts <= outbox->named_parts_max)
		return n;
	outbox->has_names = false;
	wire_encoder_use_names(outbox->encoder, false);
	for (size_t i = 0; i < n; i++)
		outbox->names_left_out += rows[i].name != NULL;
	return count_parts(outbox, rows, n);
}

void outbox_begin(struct outbox *outbox, const struct report *head, const struct record *rows,
	size_t n, int64_t due_ms)
{
	struct report *own = &outbox->head;
	size_t i;

	*own = *head;
	memcpy(own->boot_id, outbox->boot_id, sizeof(own->boot_id));
	own->part = 0;
	i = fit_rows(outbox, rows, n);

	/* More than --top allows: sealed, so that the collector sees them missing, and gone. */
	outbox->sealed_bytes += rows_bytes(rows + i, n - i);
	outbox->lost_bytes += rows_bytes(rows + i, n - i);
	outbox->rows = rows;
	outbox->n_rows = i;
	outbox->due_ms = due_ms;
}

/* Beside an identity of hundreds of bytes a long name may leave its row no room: it stays at home.
 */
static size_t encode(struct outbox *outbox, size_t n)
{
	const struct report *head = &outbox->head;
	const struct record *rows = outbox->rows;
	size_t len = wire_encode(outbox->encoder, head, rows, n, outbox->datagram);

	if (len > 0 || n != 1 || !rows[0].name || !outbox->has_names)
		return len;
	wire_encoder_use_names(outbox->encoder, false);
	len = wire_encode(outbox->encoder, head, rows, n, outbox->datagram);
	wire_encoder_use_names(outbox->encoder, true);
	outbox->names_left_out++;
	return len;
}

bool outbox_seal_next(struct outbox *outbox)
{
	struct report *head = &outbox->head;
	struct ring_item item = {
		.sequence = outbox->sequence, .data = outbox->datagram, .due_ms = outbox->due_ms};
	size_t n;

	if (head->part == head->parts)
		return false;
	/* Before `oldest` is read: the last datagram must tell of what went for its own sake. */
	ring_make_room(outbox->ring, WIRE_DATAGRAM_MAX);
	n = wire_fit(outbox->encoder, head, outbox->rows, outbox->n_rows);
	item.row_bytes = rows_bytes(outbox->rows, n);
	outbox->sealed_bytes += item.row_bytes;
	head->sequence = outbox->sequence;
	head->oldest = ring_oldest(outbox->ring, outbox->sequence);
	head->sealed_bytes = outbox->sealed_bytes;
	item.len = encode(outbox, n);
	if (item.len > 0) {
		ring_push(outbox->ring, &item);
		outbox->idle_until_ms = 0;
		outbox->sequence++;
	} else {
		outbox->lost_bytes += item.row_bytes;
	}
	outbox->rows += n;
	outbox->n_rows -= n;
	head->part++;
	return true;
}

bool outbox_has_room(const struct outbox *outbox)
{
	return ring_has_room(outbox->ring, WIRE_DATAGRAM_MAX);
}

static bool take_ack(struct outbox *outbox, const struct ack *ack)
{
	if (memcmp(ack->boot_id, outbox->boot_id, BOOT_ID_LEN) != 0 ||
		ack->contiguous > outbox->sent_up_to)
		return false;
	ring_acknowledge_up_to(outbox->ring, ack->contiguous);
	for (size_t i = 0; i < ack->bitmap_len * 8; i++) {
		uint64_t sequence = ack->contiguous + 2 + i;

		if (sequence > outbox->sent_up_to)
			break;
		if (ack->bitmap[i / 8] >> i % 8 & 1)
			ring_acknowledge(outbox->ring, sequence);
	}
	return true;
}

static void take_acks(struct outbox *outbox, int64_t now_ms)
{
	uint8_t buf[WIRE_DATAGRAM_MAX + 1];
	struct ack ack;
	size_t len;

	for (int i = 0; i < ACKS_A_TURN; i++) {
		len = sender_receive(outbox->sender, buf, sizeof(buf));
		if (len == 0)
			return;
		if (wire_ack_decode(buf, len, &ack) != WIRE_OK || !take_ack(outbox, &ack)) {
			outbox->stats.bad_acks++;
			continue;
		}
		outbox->stats.acks++;
		if (!resend_heard(&outbox->resend))
			continue;
		ring_hurry(outbox->ring, now_ms, UINT32_MAX);
		outbox->idle_until_ms = 0;
	}
}

/* The oldest that may go: where what was sent before may not, one that is new. */
static bool next_to_send(struct outbox *outbox, int64_t now_ms, struct ring_item *ret)
{
	if (!ring_next_due(outbox->ring, now_ms, UINT32_MAX, ret))
		return false;
	if (ret->tries == 0 || resend_may(&outbox->resend, now_ms))
		return true;
	return ring_next_due(outbox->ring, now_ms, 0, ret);
}

static int64_t next_due_ms(const struct outbox *outbox, int64_t now_ms)
{
	int64_t new_ms = ring_due_ms(outbox->ring, 0);
	int64_t any_ms = ring_due_ms(outbox->ring, UINT32_MAX);

	if (any_ms <= now_ms)
		any_ms = resend_may_at(&outbox->resend, now_ms);
	return new_ms < any_ms ? new_ms : any_ms;
}

/* Nothing may go now. */
static enum outbox_state rest(struct outbox *outbox, int64_t now_ms)
{
	if (ring_is_empty(outbox->ring))
		return OUTBOX_EMPTY;
	if (now_ms >= outbox->idle_until_ms)
		outbox->idle_until_ms = next_due_ms(outbox, now_ms);
	return OUTBOX_WAITING;
}

enum outbox_state outbox_step(struct outbox *outbox, int64_t now_ms, size_t budget, size_t *ret_n)
{
	enum send_result result;
	struct ring_item item;

	*ret_n = 0;
	take_acks(outbox, now_ms);
	while (*ret_n < budget) {
		if (now_ms < outbox->idle_until_ms || !next_to_send(outbox, now_ms, &item))
			return rest(outbox, now_ms);
		result = sender_send(outbox->sender, item.data, item.len);
		if (result == SEND_LATER)
			resend_failed(&outbox->resend, now_ms);
		if (result != SEND_OK)
			return OUTBOX_BLOCKED;
		ring_mark_sent(outbox->ring, item.sequence,
			resend_sent(&outbox->resend, item.tries + 1, now_ms));
		if (item.sequence > outbox->sent_up_to)
			outbox->sent_up_to = item.sequence;
		++*ret_n;
	}
	return OUTBOX_MORE;
}

int64_t outbox_due_ms(const struct outbox *outbox)
{
	return outbox->idle_until_ms;
}

void outbox_hurry(struct outbox *outbox, int64_t now_ms, bool is_again)
{
	ring_hurry(outbox->ring, now_ms, is_again ? UINT32_MAX : 0);
	outbox->idle_until_ms = 0;
	resend_hurry(&outbox->resend, now_ms);
}

bool outbox_take_path(struct outbox *outbox)
{
	return resend_take_path(&outbox->resend);
}

int64_t outbox_spread_ms(const struct outbox *outbox, int64_t span_ms)
{
	return span_ms > 0 ? (int64_t)(boot_hash(outbox) % (uint64_t)span_ms) : 0;
}

uint64_t outbox_names_left_out(const struct outbox *outbox)
{
	return outbox->names_left_out;
}

uint64_t outbox_waiting_bytes(const struct outbox *outbox)
{
	return ring_waiting_bytes(outbox->ring);
}

uint64_t outbox_evicted_bytes(const struct outbox *outbox)
{
	return ring_stats(outbox->ring)->evicted_bytes + outbox->lost_bytes;
}

const struct outbox_stats *outbox_stats(const struct outbox *outbox)
{
	return &outbox->stats;
}
