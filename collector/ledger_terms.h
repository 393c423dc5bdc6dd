/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's bounds and verdicts, which its parts share, and what it writes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LEDGER_BOOTS_MAX      20000
#define LEDGER_OBSERVERS_MAX  20000
#define LEDGER_BOOT_BYTES     512  /* in the spool, at most: 330, key and heads, leaves not full */
#define LEDGER_OBSERVER_BYTES 4608 /* at most: a page that its runs overflow to, and the rest */
#define LEDGER_WINDOW         2048 /* sequence numbers above contiguous that are told apart */
#define LEDGER_RUNS_MAX       32   /* of an observer */
#define LEDGER_K_MAX          999  /* starts lie on whole seconds (wire.h) */

#define LEDGER_MISSED_MS   120000   /* a probe that lives has sent again by then, and again */
#define LEDGER_FINISHED_MS 600000   /* a process that ended sends nothing that comes so late */
#define LEDGER_SILENT_MS   86400000 /* nor does one that runs, we take it */
#define LEDGER_SWEEP_MS    1000     /* between two searches for what may be forgotten */
#define LEDGER_FORGET_MAX  128      /* of each table in a batch */

/* A row of a table that is committed with the rows. value_len 0: delete it. */
struct ledger_entry {
	const char *table; /* "boot" or "observer"; "series" is series.h's */
	const uint8_t *key;
	size_t key_len;
	const uint8_t *value;
	size_t value_len;
};

/* Of how much, and for how long. Zero: as above. */
struct ledger_limits {
	size_t boots_max;     /* at most LEDGER_BOOTS_MAX */
	size_t observers_max; /* at most LEDGER_OBSERVERS_MAX */
	int64_t missed_ms;
	int64_t finished_ms;
	int64_t silent_ms;
};

enum ledger_verdict {
	LEDGER_NEW,       /* now waiting: the caller keeps its rows */
	LEDGER_WAITING,   /* seen, not committed yet: neither count nor acknowledge */
	LEDGER_DUPLICATE, /* committed: acknowledge, do not count */
	/*
	 * Was stepped over: acknowledge, do not count; its bytes are lost. Only the last stretch
	 * stepped over is remembered; older ones are called duplicates, which is answered in the
	 * same way.
	 */
	LEDGER_LATE,
	LEDGER_AHEAD, /* beyond the window: neither count nor acknowledge */
	LEDGER_FULL,  /* no room for a new boot or observer, or no memory: neither */
	LEDGER_N_VERDICTS,
};
