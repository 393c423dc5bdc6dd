/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/ledger collector/ledger_boot collector/ledger_forget collector/ledger_runs */
/* uses: collector/ledger_table collector/ledger_touches */
/*
 * What the ledger says of a boot beside a plain list of what was done with each number: committed
 * and stepped over are acknowledged, waiting and flying are not.
 */
#include "ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define N_RUNS    40
#define N_STEPS   1500
#define N_SEQ     6000
#define ENTRY_MAX 1024

enum state {
	MISSING,
	WAITING,
	FLYING,
	COMMITTED,
	OVER, /* stepped over, or missing below what was */
};

static const uint8_t boot_id[BOOT_ID_LEN] = "boot a, 16 byte";

static struct ledger *ledger;
static uint64_t seed = 3;
static enum state states[N_SEQ + 1];
static uint64_t next;   /* the probe's */
static uint64_t oldest; /* in the probe's ring */
static bool is_flying;
static uint8_t saved[2][ENTRY_MAX];
static size_t saved_len[2];

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
	return (uint32_t)(seed >> 33) % below;
}

static bool is_acknowledged(const struct ack *ack, uint64_t sequence)
{
	uint64_t i = sequence - ack->contiguous - 2;

	if (sequence <= ack->contiguous)
		return true;
	if (sequence == ack->contiguous + 1 || i / 8 >= ack->bitmap_len)
		return false;
	return ack->bitmap[i / 8] >> i % 8 & 1;
}

static void check(void)
{
	struct ack ack;

	if (!ledger_ack(ledger, boot_id, &ack))
		return;
	assert_memory_equal(ack.boot_id, boot_id, BOOT_ID_LEN);
	assert_true(ack.contiguous < next);
	assert_true(ack.bitmap_len == 0 || ack.bitmap[ack.bitmap_len - 1] != 0);
	for (uint64_t sequence = 1; sequence < next; sequence++) {
		enum state *state = &states[sequence];

		if (*state == MISSING && sequence < oldest && sequence <= ack.contiguous)
			*state = OVER;
		assert_int_equal(
			is_acknowledged(&ack, sequence), *state == COMMITTED || *state == OVER);
	}
}

static void offer(void)
{
	const uint64_t newest = next;
	uint64_t sequence = draw(3) ? newest : newest - draw((uint32_t)(newest < 60 ? newest : 60));
	struct ledger_claim claim = {.boot_id = boot_id,
		.sequence = sequence,
		.oldest = oldest < sequence ? oldest : sequence,
		.sealed_bytes = sequence * 100,
		.observer = "c/ns/web-0"};
	enum ledger_verdict verdict;

	if (sequence == 0)
		return;
	if (sequence == next)
		next++;
	verdict = ledger_offer(ledger, &claim);
	check();
	switch (verdict) {
	case LEDGER_NEW:
		assert_int_equal(states[sequence], MISSING);
		states[sequence] = WAITING;
		break;
	case LEDGER_WAITING:
		assert_true(states[sequence] == WAITING || states[sequence] == FLYING);
		break;
	case LEDGER_DUPLICATE:
	case LEDGER_LATE:
		assert_true(states[sequence] == COMMITTED || states[sequence] == OVER);
		break;
	default:
		fail();
	}
}

static void fly(void)
{
	ledger_batch_begin(ledger);
	is_flying = true;
	for (uint64_t sequence = 1; sequence < next; sequence++) {
		if (states[sequence] != WAITING || draw(4) == 0)
			continue;
		ledger_batch_add(ledger, boot_id, sequence, 100);
		states[sequence] = FLYING;
	}
}

static bool save(void *ctx, const struct ledger_entry *entry)
{
	size_t i = strcmp(entry->table, "boot") != 0;

	(void)ctx;
	assert_true(entry->value_len <= ENTRY_MAX);
	memcpy(saved[i], entry->value, entry->value_len);
	saved_len[i] = entry->value_len;
	return true;
}

static void land_all(enum state state)
{
	for (uint64_t sequence = 1; sequence < next; sequence++)
		if (states[sequence] == FLYING)
			states[sequence] = state;
	is_flying = false;
}

static void land(void)
{
	bool is_ok = draw(3) != 0;

	if (is_ok) {
		assert_true(ledger_batch_entries(ledger, save, NULL));
		ledger_batch_commit(ledger, NULL, NULL);
	} else {
		ledger_batch_abort(ledger, NULL, NULL);
	}
	land_all(is_ok ? COMMITTED : MISSING);
}

/* kill -9: what waited is missing, and what was stepped over since the last commit may be too. */
static void crash(void)
{
	struct ledger_entry boot = {.table = "boot",
		.key = boot_id,
		.key_len = BOOT_ID_LEN,
		.value = saved[0],
		.value_len = saved_len[0]};
	struct ack ack = {0};

	ledger_free(ledger);
	ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
	land_all(MISSING);
	if (saved_len[0] > 0)
		assert_true(ledger_load(ledger, &boot));
	ledger_ack(ledger, boot_id, &ack);
	for (uint64_t sequence = 1; sequence < next; sequence++)
		if (states[sequence] == WAITING ||
			(states[sequence] == OVER && sequence > ack.contiguous))
			states[sequence] = MISSING;
}

static void step(void)
{
	switch (draw(16)) {
	case 0:
	case 1:
		if (is_flying)
			land();
		else
			fly();
		break;
	case 2:
		if (draw(6) == 0)
			crash();
		break;
	case 3:
		oldest += draw((uint32_t)(next - oldest) / 4 + 1);
		break;
	default:
		offer();
	}
}

static void what_is_committed_or_stepped_over_is_acknowledged_and_nothing_else(void **state)
{
	(void)state;
	for (int run = 0; run < N_RUNS; run++) {
		ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
		memset(states, 0, sizeof(states));
		memset(saved_len, 0, sizeof(saved_len));
		next = oldest = 1;
		is_flying = false;
		for (int i = 0; i < N_STEPS; i++) {
			step();
			check();
		}
		assert_true(next > N_STEPS / 4);
		ledger_free(ledger);
	}
}

static void a_boot_that_is_not_known_has_no_acknowledgement(void **state)
{
	struct ack ack;

	(void)state;
	ledger = ledger_new(&(struct ledger_config){.hash_seed = 1});
	assert_false(ledger_ack(ledger, boot_id, &ack));
	ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_committed_or_stepped_over_is_acknowledged_and_nothing_else),
		cmocka_unit_test(a_boot_that_is_not_known_has_no_acknowledgement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
