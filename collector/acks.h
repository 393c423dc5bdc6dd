/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acknowledgements: one a boot and batch, to where its last datagram came from, once what it
 * carried is committed. Never longer than that datagram, so that nobody can be flooded through us.
 * Bounded; whoever is beyond that gets none, counted, and sends again.
 */
#pragma once

#include "ledger.h"
#include "receive.h"

#define ACKS_MAX     20000 /* boots at a time */
#define ACKS_KEPT_MS 60000 /* after a boot's last datagram; a commit takes seconds */

/* False: the kernel did not take it. */
typedef bool acks_send_fn(
	void *ctx, const struct receive_from *to, const uint8_t *data, size_t len);

struct acks;
/* Keeps ledger and stats. NULL: no memory. */
struct acks *acks_new(const struct ledger *ledger, struct stats *stats, uint64_t hash_seed,
	acks_send_fn *send, void *ctx);
void acks_free(struct acks *acks);

/* A datagram of this boot came from here. is_owed: what it carries is committed already. */
void acks_note(struct acks *acks, const uint8_t boot_id[static BOOT_ID_LEN],
	const struct receive_from *from, size_t len, bool is_owed, int64_t now_ms);

/* What it carried is committed. */
void acks_owe(struct acks *acks, const uint8_t boot_id[static BOOT_ID_LEN]);

/* Sends all that are owed. At each beat. */
void acks_send(struct acks *acks, int64_t now_ms);
