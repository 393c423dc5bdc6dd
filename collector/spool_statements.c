/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_statements.h"

/* Numbers stand before the data: reading them does not follow the body's pages. */
const char *const spool_statements[SPOOL_N_STATEMENTS] = {
	[SPOOL_BEGIN] = "BEGIN IMMEDIATE",
	[SPOOL_COMMIT] = "COMMIT",
	[SPOOL_ROLLBACK] = "ROLLBACK",
	[SPOOL_ADD_BODY] = ("INSERT INTO body (id, lines, traffic_bytes, since_ms, data)"
			    " VALUES (nullif(?1, 0), ?2, ?3, ?4, ?5)"),
	[SPOOL_NEXT_BODY] = ("SELECT id, lines, traffic_bytes, since_ms, data FROM body"
			     " WHERE id > ?1 ORDER BY id LIMIT 1"),
	[SPOOL_NEWEST_BODY] = ("SELECT id, lines, traffic_bytes, since_ms, data FROM body"
			       " WHERE id > ?1 ORDER BY id DESC LIMIT 1"),
	[SPOOL_OLDEST_BODY] = "SELECT since_ms FROM body ORDER BY id LIMIT 1",
	[SPOOL_SIZE_OF_BODY] =
		"SELECT id, lines, traffic_bytes, length(data) FROM body WHERE id = ?1",
	[SPOOL_LIST_BODIES] =
		("SELECT id, lines, traffic_bytes, length(data) FROM body WHERE id <> ?1"
		 " ORDER BY id"),
	[SPOOL_DELETE_BODY] = "DELETE FROM body WHERE id = ?1",
	[SPOOL_EVICT_BODIES] = "DELETE FROM body WHERE id <= ?2 AND id <> ?1",
	[SPOOL_BURY_BODY] = ("INSERT INTO dead (status, reason, lines, traffic_bytes, data)"
			     " SELECT ?2, ?3, lines, traffic_bytes, data FROM body WHERE id = ?1"),
	[SPOOL_ADD_DEAD] = ("INSERT INTO dead (lines, status, reason, traffic_bytes, data)"
			    " VALUES (?1, ?2, ?3, ?4, ?5)"),
	[SPOOL_LIST_DEAD] =
		("SELECT id, lines, traffic_bytes, length(data) FROM dead WHERE id <> ?1"
		 " ORDER BY id"),
	[SPOOL_LIST_DEAD_TO] =
		("SELECT id, lines, traffic_bytes, length(data) FROM dead WHERE id <= ?1"
		 " ORDER BY id"),
	[SPOOL_EVICT_DEAD] = "DELETE FROM dead WHERE id <= ?2 AND id <> ?1",
	[SPOOL_PUT_BOOT] = "REPLACE INTO boot (key, value) VALUES (?1, ?2)",
	[SPOOL_PUT_OBSERVER] = "REPLACE INTO observer (key, value) VALUES (?1, ?2)",
	[SPOOL_DELETE_BOOT] = "DELETE FROM boot WHERE key = ?1",
	[SPOOL_DELETE_OBSERVER] = "DELETE FROM observer WHERE key = ?1",
	[SPOOL_PUT_SERIES] = "REPLACE INTO series (key, value) VALUES (?1, ?2)",
	[SPOOL_DELETE_SERIES] = "DELETE FROM series WHERE key = ?1",
	[SPOOL_LIST_BOOTS] = "SELECT key, value FROM boot",
	[SPOOL_LIST_OBSERVERS] = "SELECT key, value FROM observer",
	/* The seed first: where the rest is damaged, no hash is read without it. */
	[SPOOL_LIST_SERIES] = ("SELECT key, value FROM series WHERE key = x'73656564'"
			       " UNION ALL SELECT key, value FROM series"
			       " WHERE key <> x'73656564'"),
	[SPOOL_NEXT_DEAD] = ("SELECT id, lines, traffic_bytes, status, data, reason FROM dead"
			     " WHERE id > ?1 ORDER BY id LIMIT 1"),
	[SPOOL_LAST_DEAD] = "SELECT id FROM dead ORDER BY id DESC LIMIT 1",
	[SPOOL_RAISE_DEAD] = ("INSERT INTO body (lines, traffic_bytes, since_ms, data)"
			      " SELECT lines, traffic_bytes, ?1, data FROM dead WHERE id <= ?2"
			      " ORDER BY id"),
	[SPOOL_GET_TOTALS] = ("SELECT is_clean, bodies, lines, traffic_bytes, data_bytes, dead,"
			      " dead_lines, dead_traffic_bytes, dead_data_bytes FROM total"),
	[SPOOL_PUT_TOTALS] =
		("UPDATE total SET is_clean = ?1, bodies = ?2, lines = ?3, traffic_bytes = ?4,"
		 " data_bytes = ?5, dead = ?6, dead_lines = ?7, dead_traffic_bytes = ?8,"
		 " dead_data_bytes = ?9"),
	[SPOOL_START_IDS] = "INSERT INTO sqlite_sequence (name, seq) VALUES ('body', ?1)",
	[SPOOL_QUICK_CHECK] = "PRAGMA quick_check(1)",
	[SPOOL_CHECK_DEAD] = "PRAGMA quick_check(dead)",
	/* With the schema's table, and with no other, it looks at the list of free pages. */
	[SPOOL_CHECK_FREE] = "PRAGMA quick_check(sqlite_schema)",
	[SPOOL_COUNT_DAMAGED_DEAD] =
		"SELECT count(*) FROM sqlite_schema WHERE name = 'dead_damaged'",
	[SPOOL_COUNT_PAGES] = "PRAGMA page_count",
	[SPOOL_COUNT_FREE_PAGES] = "PRAGMA freelist_count",
};
