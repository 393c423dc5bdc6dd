/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_boot.h"

#include "bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VERSION       2
#define VERSION_SHORT 1 /* without is_final */
#define N_NUMBERS     9
#define NUMBERS_LEN   (N_NUMBERS * 8)
#define HEAD_LEN      (2 + NUMBERS_LEN)
#define WINDOW_BYTES  (LEDGER_WINDOW / 4)

enum state {
	MISSING,
	WAITING,
	FLYING,
	COMMITTED,
};

static enum state get(const struct boot *boot, uint64_t sequence)
{
	size_t i = sequence % LEDGER_WINDOW;

	if (!boot->window)
		return MISSING;
	return (enum state)(boot->window[i / 4] >> (i % 4 * 2) & 3);
}

static void set(struct boot *boot, uint64_t sequence, enum state state)
{
	size_t i = sequence % LEDGER_WINDOW;
	unsigned shift = i % 4 * 2;
	enum state before = get(boot, sequence);

	boot->n_window -= before != MISSING;
	boot->n_window += state != MISSING;
	boot->window[i / 4] =
		(uint8_t)((boot->window[i / 4] & ~(3u << shift)) | ((unsigned)state << shift));
}

static bool have_window(struct boot *boot)
{
	if (!boot->window)
		boot->window = calloc(1, WINDOW_BYTES);
	return boot->window;
}

void boot_done(struct boot *boot)
{
	free(boot->window);
	boot->window = NULL;
}

static void free_empty_window(struct boot *boot)
{
	if (boot->n_window == 0)
		boot_done(boot);
}

/* The last number that may be in the window. */
static uint64_t window_end(const struct boot *boot)
{
	if (boot->highest - boot->contiguous > LEDGER_WINDOW)
		return boot->contiguous + LEDGER_WINDOW;
	return boot->highest;
}

static void step_over(struct boot *boot, uint64_t up_to)
{
	if (boot->gap_last != boot->contiguous || boot->gap_last == 0)
		boot->gap_first = boot->contiguous + 1;
	boot->gap_last = up_to;
	boot->contiguous = up_to;
}

static void reach_mark(struct boot *boot)
{
	uint64_t sealed = boot->mark_sealed_bytes, stored = boot->mark_stored_bytes;

	boot->lost_bytes = sealed > stored ? sealed - stored : 0;
}

static void settle(struct boot *boot)
{
	if (boot->contiguous < boot->mark)
		return;
	reach_mark(boot);
	if (boot->highest == boot->mark)
		return;
	/* All that was ever stored, and all that flies, is at or below the highest number seen. */
	boot->mark = boot->highest;
	boot->mark_sealed_bytes = boot->sealed_bytes;
	boot->mark_stored_bytes = boot->stored_bytes;
	boot->flying_to_mark_bytes = boot->flying_bytes;
	if (boot->contiguous == boot->mark)
		reach_mark(boot);
}

/* At most LEDGER_WINDOW steps and a jump. */
static void rise(struct boot *boot)
{
	while (boot->contiguous < boot->highest && boot->n_window > 0) {
		uint64_t next = boot->contiguous + 1;
		enum state state = get(boot, next);

		if (state == COMMITTED) {
			set(boot, next, MISSING);
			boot->contiguous = next;
		} else if (state == MISSING && next < boot->oldest) {
			step_over(boot, next);
		} else {
			break;
		}
	}
	if (boot->n_window == 0 && boot->oldest > boot->contiguous &&
		boot->oldest - boot->contiguous > 1)
		step_over(boot, boot->oldest - 1);
	settle(boot);
}

enum ledger_verdict boot_offer(
	struct boot *boot, uint64_t sequence, uint64_t oldest, uint64_t sealed_bytes, bool is_final)
{
	if (oldest > sequence)
		oldest = sequence;
	if (sequence > boot->highest) {
		boot->highest = sequence;
		boot->sealed_bytes = sealed_bytes;
		boot->is_final = is_final;
	}
	if (oldest > boot->oldest)
		boot->oldest = oldest;
	rise(boot);
	free_empty_window(boot);
	if (sequence <= boot->contiguous)
		return sequence >= boot->gap_first && sequence <= boot->gap_last ? LEDGER_LATE
										 : LEDGER_DUPLICATE;
	if (sequence - boot->contiguous > LEDGER_WINDOW)
		return LEDGER_AHEAD;
	switch (get(boot, sequence)) {
	case COMMITTED:
		return LEDGER_DUPLICATE;
	case WAITING:
	case FLYING:
		return LEDGER_WAITING;
	case MISSING:
		break;
	}
	if (!have_window(boot))
		return LEDGER_FULL;
	set(boot, sequence, WAITING);
	return LEDGER_NEW;
}

bool boot_is_finished(const struct boot *boot)
{
	return boot->is_final && boot->contiguous == boot->highest;
}

uint64_t boot_missing_bytes(const struct boot *boot)
{
	uint64_t known = boot->stored_bytes + boot->lost_bytes;

	if (boot->sealed_bytes <= known || boot_is_busy(boot))
		return 0;
	return boot->sealed_bytes - known;
}

bool boot_is_busy(const struct boot *boot)
{
	/* Two bits a number: waiting is 01, flying 10, committed 11. */
	for (size_t i = 0; boot->window && i < WINDOW_BYTES; i++)
		if ((boot->window[i] ^ boot->window[i] >> 1) & 0x55)
			return true;
	return false;
}

void boot_forget(struct boot *boot, uint64_t sequence)
{
	assert(get(boot, sequence) == WAITING);
	set(boot, sequence, MISSING);
	rise(boot);
	free_empty_window(boot);
}

void boot_fly(struct boot *boot, uint64_t sequence, uint64_t row_bytes)
{
	assert(get(boot, sequence) == WAITING);
	set(boot, sequence, FLYING);
	boot->flying_bytes += row_bytes;
	if (sequence <= boot->mark)
		boot->flying_to_mark_bytes += row_bytes;
}

/* What flies is above contiguous: it stops it. */
static void land(struct boot *boot, enum state state)
{
	uint64_t sequence;

	for (sequence = window_end(boot); sequence > boot->contiguous; sequence--)
		if (get(boot, sequence) == FLYING)
			set(boot, sequence, state);
	if (state == COMMITTED) {
		boot->stored_bytes += boot->flying_bytes;
		boot->mark_stored_bytes += boot->flying_to_mark_bytes;
	}
	boot->flying_bytes = 0;
	boot->flying_to_mark_bytes = 0;
	rise(boot);
}

void boot_commit(struct boot *boot)
{
	land(boot, COMMITTED);
	free_empty_window(boot);
}

void boot_abort(struct boot *boot)
{
	land(boot, MISSING);
	free_empty_window(boot);
}

size_t boot_bits(const struct boot *boot, uint64_t first, uint8_t bits[static LEDGER_WINDOW / 8])
{
	uint64_t n = window_end(boot) - boot->contiguous; /* sums of these could pass 2^64 */
	size_t len = 0;

	memset(bits, 0, LEDGER_WINDOW / 8);
	for (uint64_t i = 0; i + first <= n; i++) {
		if (get(boot, boot->contiguous + first + i) != COMMITTED)
			continue;
		bits[i / 8] |= (uint8_t)(1 << i % 8);
		len = i / 8 + 1;
	}
	return len;
}

static void land_copy(
	const struct boot *boot, struct boot *ret, uint8_t window[static WINDOW_BYTES])
{
	*ret = *boot;
	if (boot->window) {
		memcpy(window, boot->window, WINDOW_BYTES);
		ret->window = window;
	}
	land(ret, COMMITTED);
}

void boot_preview(const struct boot *boot, struct boot *ret)
{
	uint8_t window[WINDOW_BYTES];

	land_copy(boot, ret, window);
	ret->window = NULL;
}

size_t boot_encode(const struct boot *boot, uint8_t ret[static BOOT_ENCODED_MAX])
{
	uint8_t window[WINDOW_BYTES];
	struct boot then;
	size_t i;

	land_copy(boot, &then, window);

	const uint64_t numbers[N_NUMBERS] = {
		then.contiguous,
		then.oldest,
		then.highest,
		then.sealed_bytes,
		then.stored_bytes,
		then.lost_bytes,
		then.mark,
		then.mark_sealed_bytes,
		then.mark_stored_bytes,
	};

	ret[0] = VERSION;
	ret[1] = then.is_final;
	for (i = 0; i < N_NUMBERS; i++)
		bytes_put_le64(ret + 2 + i * 8, numbers[i]);
	return HEAD_LEN + boot_bits(&then, 1, ret + HEAD_LEN);
}

static bool decode_bits(struct boot *boot, const uint8_t *bits, size_t len)
{
	size_t i;

	if (len == 0)
		return true;
	if (!have_window(boot))
		return false;
	for (i = 0; i < len * 8; i++) {
		if (!(bits[i / 8] >> i % 8 & 1))
			continue;
		if (boot->highest - boot->contiguous <= i)
			return false;
		set(boot, boot->contiguous + 1 + i, COMMITTED);
	}
	return true;
}

/* Where the numbers begin; 0: not what boot_encode gives, nor what it once gave. */
static size_t numbers_at(const uint8_t *data, size_t len)
{
	size_t at;

	if (len == 0 || (data[0] != VERSION && data[0] != VERSION_SHORT))
		return 0;
	at = data[0] == VERSION ? 2 : 1;
	if (len < at + NUMBERS_LEN || len > at + NUMBERS_LEN + LEDGER_WINDOW / 8)
		return 0;
	return at == 2 && data[1] > 1 ? 0 : at;
}

static bool decode_numbers(const uint8_t *numbers, struct boot *boot)
{
	boot->contiguous = bytes_le64(numbers);
	boot->oldest = bytes_le64(numbers + 1 * 8);
	boot->highest = bytes_le64(numbers + 2 * 8);
	boot->sealed_bytes = bytes_le64(numbers + 3 * 8);
	boot->stored_bytes = bytes_le64(numbers + 4 * 8);
	boot->lost_bytes = bytes_le64(numbers + 5 * 8);
	boot->mark = bytes_le64(numbers + 6 * 8);
	boot->mark_sealed_bytes = bytes_le64(numbers + 7 * 8);
	boot->mark_stored_bytes = bytes_le64(numbers + 8 * 8);
	return boot->contiguous <= boot->highest && boot->oldest <= boot->highest &&
	       boot->mark <= boot->highest;
}

bool boot_decode(const uint8_t *data, size_t len, struct boot *ret)
{
	size_t at = numbers_at(data, len);
	size_t head_len = at + NUMBERS_LEN;
	struct boot boot = {.is_final = at == 2 && data[1]};

	if (at == 0 || !decode_numbers(data + at, &boot))
		return false;
	if (!decode_bits(&boot, data + head_len, len - head_len)) {
		boot_done(&boot);
		return false;
	}
	/* What waited when this was written is missing now, and may be below `oldest`. */
	rise(&boot);
	free_empty_window(&boot);
	*ret = boot;
	return true;
}
