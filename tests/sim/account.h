/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books: what each boot of a probe was given to report, what it was told of it, and what of
 * that must be found at the end (oracle.h).
 */
#pragma once

#include "destinations.h"
#include "record.h"

#define ACCOUNTS_MAX  256
#define SEQUENCES_MAX 4096 /* of a boot */

enum account_state {
	ACCOUNT_OPEN,     /* it runs */
	ACCOUNT_COMPLETE, /* it ended, and was told that all is committed */
	ACCOUNT_KILLED,   /* what was not acknowledged is lost with it */
};

struct account {
	uint8_t boot_id[BOOT_ID_LEN];
	unsigned observer;
	enum account_state state;
	uint64_t generated;
	uint64_t by_destination[N_DESTINATIONS];
	uint64_t evicted; /* as the probe says, at its end */
	/* The ledger forgot it, and with it these bytes, */
	uint64_t forgotten_stored;
	uint64_t forgotten_lost;
	bool is_old_story; /* before the collector's last start */
	uint64_t acked;    /* bytes of the datagrams that were acknowledged */
	uint64_t n_sent;   /* datagrams, each once */
	uint64_t n_sequences;
	uint64_t row_bytes[SEQUENCES_MAX];
	bool is_sent[SEQUENCES_MAX];
	bool is_acked[SEQUENCES_MAX];
};

void account_begin(void);
void account_end(void);

/* NULL: too many. */
struct account *account_open(const uint8_t boot_id[static BOOT_ID_LEN], unsigned observer);
void account_generated(struct account *account, const struct record *rows, size_t n);
/* Each time that a datagram goes out. */
void account_sent(struct account *account, const uint8_t *data, size_t len);
/* It reached the probe. */
void account_acked(struct account *account, const uint8_t *data, size_t len);

size_t account_count(void);
struct account *account_at(size_t i);
