/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sequence numbers of one boot, as ledger.h speaks of them. Pure. Up to `contiguous` all is
 * over: committed or stepped over. Above it a window of LEDGER_WINDOW numbers tells missing,
 * waiting, flying and committed apart; it has memory only while there is something in it.
 *
 * contiguous rises over what is committed, and over what is missing below `oldest`: that will never
 * come. What waits or flies below `oldest` stops it until the commit, and counts as stored like any
 * other.
 *
 * Lost = sealed_bytes at contiguous - bytes stored up to it. The datagram at contiguous may be just
 * the one that never came, and then its sealed_bytes are not known. So a mark is set at the highest
 * sequence seen, with its sealed_bytes; bytes stored up to the mark are kept apart, and when
 * contiguous reaches it, lost is the difference, exactly, and the next mark is set. Between two
 * marks lost_bytes is that of the earlier one. Without a gap the mark is reached with every commit.
 */
#pragma once

#include "ledger_terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot {
	uint64_t contiguous;
	uint64_t oldest;  /* highest that was said; at most highest */
	uint64_t highest; /* seen */
	uint64_t sealed_bytes;
	uint64_t stored_bytes;
	uint64_t lost_bytes; /* at the last mark that was reached */
	uint64_t mark;
	uint64_t mark_sealed_bytes;
	uint64_t mark_stored_bytes;
	bool is_final; /* the highest sequence seen is the last one of all */
	/* What follows is not stored. */
	uint64_t gap_first; /* the last stretch stepped over; 0: none */
	uint64_t gap_last;
	uint64_t flying_bytes;
	uint64_t flying_to_mark_bytes;
	uint8_t *window; /* two bits a number, at number % LEDGER_WINDOW; NULL: all missing */
	uint32_t n_window;
};

void boot_done(struct boot *boot);

/* LEDGER_FULL: no memory. */
enum ledger_verdict boot_offer(struct boot *boot, uint64_t sequence, uint64_t oldest,
	uint64_t sealed_bytes, bool is_final);
void boot_forget(struct boot *boot, uint64_t sequence);
void boot_fly(struct boot *boot, uint64_t sequence, uint64_t row_bytes);
void boot_commit(struct boot *boot);
void boot_abort(struct boot *boot);

/* Sealed, as was heard, and neither stored nor lost; 0 while something waits or flies. */
uint64_t boot_missing_bytes(const struct boot *boot);
/* Its last number is committed and nothing up to it is missing. */
bool boot_is_finished(const struct boot *boot);
/* Something waits or flies. */
bool boot_is_busy(const struct boot *boot);

/* As it will stand once what flies is committed, but for the window, which *ret has none of. */
void boot_preview(const struct boot *boot, struct boot *ret);

/*
 * As it will stand once what flies is committed; what waits counts as missing. Version, is_final,
 * the first nine numbers of the struct, little-endian, and a bit for each number above contiguous,
 * lowest first, up to the last that is committed. Version 1, without is_final, is read as one that
 * is not final.
 */
#define BOOT_ENCODED_MAX (2 + 9 * 8 + LEDGER_WINDOW / 8)
size_t boot_encode(const struct boot *boot, uint8_t ret[static BOOT_ENCODED_MAX]);
/*
 * A bit for each number from contiguous + first on, lowest first: is it committed? Returns the
 * length up to the last that is.
 */
size_t boot_bits(const struct boot *boot, uint64_t first, uint8_t bits[static LEDGER_WINDOW / 8]);
/* False, *ret untouched: not what boot_encode gives, or no memory. */
bool boot_decode(const uint8_t *data, size_t len, struct boot *ret);
