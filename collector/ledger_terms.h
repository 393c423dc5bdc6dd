/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's bounds and verdicts, which its parts share. */
#pragma once

#define LEDGER_BOOTS_MAX     20000
#define LEDGER_OBSERVERS_MAX 20000
#define LEDGER_WINDOW        2048 /* sequence numbers above contiguous that are told apart */
#define LEDGER_RUNS_MAX      32   /* of an observer */
#define LEDGER_K_MAX         999  /* starts lie on whole seconds (wire.h) */

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
