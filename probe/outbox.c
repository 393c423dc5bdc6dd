/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include "ring.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct outbox {
	struct sender *sender;
	struct ring *ring;
	struct wire_encoder *encoder;
	uint8_t boot_id[BOOT_ID_LEN];
	uint64_t sequence; /* of the next datagram */
	uint64_t sealed_bytes;
	uint64_t lost_bytes; /* of rows that no datagram could hold */

	struct report head; /* of the interval that is being sealed */
	const struct record *rows;
	size_t n_rows;
	uint8_t datagram[WIRE_DATAGRAM_MAX];
};

int outbox_new(
	struct sender *sender, size_t ring_bytes, struct outbox **ret, char err[static ERR_LEN])
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	int r = -ENOMEM;

	if (!outbox)
		goto fail;
	outbox->sender = sender;
	outbox->sequence = 1;
	outbox->ring = ring_new(ring_bytes);
	outbox->encoder = wire_encoder_new();
	if (!outbox->ring || !outbox->encoder)
		goto fail;
	if (getrandom(outbox->boot_id, sizeof(outbox->boot_id), 0) !=
		(ssize_t)sizeof(outbox->boot_id)) {
		r = -EIO;
		goto fail;
	}
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

void outbox_begin(
	struct outbox *outbox, const struct report *head, const struct record *rows, size_t n)
{
	struct report *own = &outbox->head;
	size_t i = 0;

	*own = *head;
	memcpy(own->boot_id, outbox->boot_id, sizeof(own->boot_id));
	own->part = 0;
	own->parts = 0;
	do {
		i += wire_fit(outbox->encoder, own, rows + i, n - i);
		own->parts++;
	} while (i < n && own->parts < WIRE_PARTS_MAX);

	/* Names of hundreds of bytes and thousands of rows: sealed, so that the collector sees them
	 * missing, and gone. */
	outbox->sealed_bytes += rows_bytes(rows + i, n - i);
	outbox->lost_bytes += rows_bytes(rows + i, n - i);
	outbox->rows = rows;
	outbox->n_rows = i;
}

bool outbox_seal_next(struct outbox *outbox)
{
	struct report *head = &outbox->head;
	struct ring_item item = {.sequence = outbox->sequence, .data = outbox->datagram};
	size_t n;

	if (head->part == head->parts)
		return false;
	n = wire_fit(outbox->encoder, head, outbox->rows, outbox->n_rows);
	item.row_bytes = rows_bytes(outbox->rows, n);
	outbox->sealed_bytes += item.row_bytes;
	head->sequence = outbox->sequence;
	head->oldest = ring_oldest(outbox->ring, outbox->sequence);
	head->sealed_bytes = outbox->sealed_bytes;
	item.len = wire_encode(outbox->encoder, head, outbox->rows, n, outbox->datagram);
	if (item.len > 0) {
		ring_push(outbox->ring, &item);
		outbox->sequence++;
	} else {
		outbox->lost_bytes += item.row_bytes;
	}
	outbox->rows += n;
	outbox->n_rows -= n;
	head->part++;
	return true;
}

enum outbox_state outbox_send(struct outbox *outbox, size_t budget, size_t *ret_n)
{
	struct ring_item item;

	*ret_n = 0;
	while (ring_next_unsent(outbox->ring, &item)) {
		if (*ret_n == budget)
			return OUTBOX_MORE;
		if (sender_send(outbox->sender, item.data, item.len) != SEND_OK)
			return OUTBOX_BLOCKED;
		ring_mark_sent(outbox->ring, item.sequence);
		/* Without acknowledgements a datagram has done its work when the kernel took it. */
		ring_release(outbox->ring, item.sequence);
		++*ret_n;
	}
	return OUTBOX_EMPTY;
}

uint64_t outbox_evicted_bytes(const struct outbox *outbox)
{
	return ring_stats(outbox->ring)->evicted_bytes + outbox->lost_bytes;
}
