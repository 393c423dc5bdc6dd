/* SPDX-License-Identifier: Apache-2.0 */
#include "account.h"

#include "wire_ack.h"
#include "wire_decode.h"
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct account *list[ACCOUNTS_MAX]; /* kept from schedule to schedule */
	size_t n;
	struct wire_decoder *decoder;
} accounts;

void account_begin(void)
{
	accounts.n = 0;
	if (!accounts.decoder)
		accounts.decoder = wire_decoder_new();
}

void account_end(void)
{
	for (size_t i = 0; i < ACCOUNTS_MAX; i++)
		free(accounts.list[i]);
	wire_decoder_free(accounts.decoder);
	memset(&accounts, 0, sizeof(accounts));
}

struct account *account_open(const uint8_t boot_id[static BOOT_ID_LEN], unsigned observer)
{
	struct account *account = accounts.list[accounts.n];

	if (!account) {
		account = calloc(1, sizeof(*account));
		accounts.list[accounts.n] = account;
	}
	assert(account && accounts.n + 1 < ACCOUNTS_MAX);
	memset(account->row_bytes, 0, account->n_sequences * sizeof(*account->row_bytes));
	memset(account->is_sent, 0, account->n_sequences * sizeof(*account->is_sent));
	memset(account->is_acked, 0, account->n_sequences * sizeof(*account->is_acked));
	memset(account, 0, offsetof(struct account, row_bytes));
	memcpy(account->boot_id, boot_id, BOOT_ID_LEN);
	account->observer = observer;
	accounts.n++;
	return account;
}

void account_generated(struct account *account, const struct record *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bytes = counters_bytes(&rows[i].sum);

		account->generated += bytes;
		account->by_destination[destination_of_record(&rows[i])] += bytes;
	}
}

void account_sent(struct account *account, const uint8_t *data, size_t len)
{
	const struct record *rows;
	struct report report;
	size_t n;

	if (wire_decode(accounts.decoder, data, len, &report, &rows, &n) != WIRE_OK) {
		world_fail("the probe sent a datagram that cannot be read");
		return;
	}
	assert(report.sequence < SEQUENCES_MAX);
	world_trace("probe of pod-%u sends %llu, oldest %llu, %zu rows, part %u of %u",
		account->observer, (unsigned long long)report.sequence,
		(unsigned long long)report.oldest, n, report.part + 1, report.parts);
	if (account->is_sent[report.sequence])
		return;
	account->is_sent[report.sequence] = true;
	account->n_sent++;
	if (report.sequence >= account->n_sequences)
		account->n_sequences = report.sequence + 1;
	for (size_t i = 0; i < n; i++)
		account->row_bytes[report.sequence] += counters_bytes(&rows[i].sum);
}

static void mark(struct account *account, uint64_t sequence)
{
	if (sequence >= account->n_sequences || account->is_acked[sequence])
		return;
	account->is_acked[sequence] = true;
	account->acked += account->row_bytes[sequence];
}

void account_acked(struct account *account, const uint8_t *data, size_t len)
{
	struct ack ack;

	if (wire_ack_decode(data, len, &ack) != WIRE_OK) {
		world_fail("the collector sent an acknowledgement that cannot be read");
		return;
	}
	if (memcmp(ack.boot_id, account->boot_id, BOOT_ID_LEN) != 0)
		return;
	world_trace("probe of pod-%u gets an ack: %llu, bitmap %zu", account->observer,
		(unsigned long long)ack.contiguous, ack.bitmap_len);
	for (uint64_t i = 1; i <= ack.contiguous && i < account->n_sequences; i++)
		mark(account, i);
	for (size_t i = 0; i < ack.bitmap_len * 8; i++)
		if (ack.bitmap[i / 8] >> i % 8 & 1)
			mark(account, ack.contiguous + 2 + i);
}

size_t account_count(void)
{
	return accounts.n;
}

struct account *account_at(size_t i)
{
	return accounts.list[i];
}
