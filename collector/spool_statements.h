/* SPDX-License-Identifier: Apache-2.0 */
/* All that the spool asks of its file; "parameters: columns". */
#pragma once

enum spool_statement {
	SPOOL_BEGIN,
	SPOOL_COMMIT,
	SPOOL_ROLLBACK,
	SPOOL_ADD_BODY,     /* id (0: the next), lines, traffic, since, data */
	SPOOL_NEXT_BODY,    /* after: id, lines, traffic, since, data */
	SPOOL_NEWEST_BODY,  /* as SPOOL_NEXT_BODY */
	SPOOL_OLDEST_BODY,  /* : since */
	SPOOL_SIZE_OF_BODY, /* id: id, lines, traffic, length */
	SPOOL_LIST_BODIES,  /* but this id: as above */
	SPOOL_DELETE_BODY,  /* id */
	SPOOL_EVICT_BODIES, /* but this id, up to that */
	SPOOL_BURY_BODY,    /* id, status, reason */
	SPOOL_ADD_DEAD,     /* lines, status, reason, traffic, data */
	SPOOL_LIST_DEAD,    /* but this id: id, lines, traffic, length */
	SPOOL_LIST_DEAD_TO, /* up to this id: as above */
	SPOOL_EVICT_DEAD,   /* but this id, up to that */
	SPOOL_NEXT_DEAD,    /* after: id, lines, traffic, status, data, reason */
	SPOOL_LAST_DEAD,    /* : id */
	SPOOL_RAISE_DEAD,   /* since, up to this id: into the bodies */
	SPOOL_PUT_BOOT,     /* key, value */
	SPOOL_PUT_OBSERVER,
	SPOOL_DELETE_BOOT, /* key */
	SPOOL_DELETE_OBSERVER,
	SPOOL_PUT_SERIES,
	SPOOL_DELETE_SERIES,
	SPOOL_LIST_BOOTS, /* : key, value */
	SPOOL_LIST_OBSERVERS,
	SPOOL_LIST_SERIES,
	SPOOL_GET_TOTALS,  /* : is clean; of bodies: n, lines, traffic, data; of dead letters: so */
	SPOOL_PUT_TOTALS,  /* as above */
	SPOOL_START_IDS,   /* of bodies: above this one; in a new file */
	SPOOL_QUICK_CHECK, /* : "ok" */
	SPOOL_CHECK_DEAD,  /* of the dead letters alone: as above */
	SPOOL_CHECK_FREE,  /* of the free pages alone: as above */
	SPOOL_COUNT_DAMAGED_DEAD,
	SPOOL_COUNT_PAGES,
	SPOOL_COUNT_FREE_PAGES,
	SPOOL_N_STATEMENTS,
};

/* In SQL. */
extern const char *const spool_statements[SPOOL_N_STATEMENTS];
