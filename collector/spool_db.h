/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's file: sqlite, its settings, schema and statements; the only one who knows sqlite. One
 * thread at a time. A statement that gave a row is open until spool_db_end.
 */
#pragma once

#include "err.h"

#include <stddef.h>
#include <stdint.h>

#define SPOOL_DB_PAGE_BYTES 4096

enum spool_statement {
	SPOOL_BEGIN,
	SPOOL_COMMIT,
	SPOOL_ROLLBACK,
	SPOOL_ADD_BODY,     /* lines, traffic, since, data */
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
	SPOOL_EVICT_DEAD,   /* but this id, up to that */
	SPOOL_PUT_BOOT,     /* key, value */
	SPOOL_PUT_OBSERVER,
	SPOOL_DELETE_BOOT, /* key */
	SPOOL_DELETE_OBSERVER,
	SPOOL_LIST_BOOTS, /* : key, value */
	SPOOL_LIST_OBSERVERS,
	SPOOL_COUNT_PAGES,
	SPOOL_COUNT_FREE_PAGES,
	SPOOL_N_STATEMENTS,
};

struct spool_db;

/* Creates what is not there. file_bytes: where sqlite ends the file; wal_bytes: when it empties the
 * WAL. */
int spool_db_open(const char *path, uint64_t file_bytes, uint64_t wal_bytes, struct spool_db **ret,
	char err[static ERR_LEN]);
void spool_db_close(struct spool_db *db);

/* Parameters count from 1. Data are borrowed until the step that ends the statement. */
void spool_db_bind(struct spool_db *db, enum spool_statement which, int at, int64_t value);
void spool_db_bind_data(
	struct spool_db *db, enum spool_statement which, int at, const void *data, size_t len);
void spool_db_bind_text(
	struct spool_db *db, enum spool_statement which, int at, const char *text, size_t len);

/* 1: a row, to be read and then ended; 0: done, and ended; -errno, and ended. */
int spool_db_step(struct spool_db *db, enum spool_statement which);
void spool_db_end(struct spool_db *db, enum spool_statement which);
/* Of a statement that gives no row, or whose row does not matter. 0 or -errno. */
int spool_db_run(struct spool_db *db, enum spool_statement which);

/* Columns count from 0. Data hold until the next step or the end; NULL where len is 0, or no
 * memory. */
int64_t spool_db_number(struct spool_db *db, enum spool_statement which, int at);
const void *spool_db_data(struct spool_db *db, enum spool_statement which, int at, size_t *ret_len);
int64_t spool_db_last_id(struct spool_db *db);

void spool_db_roll_back(struct spool_db *db);

/* "what: sqlite's own words" of the last failure. Returns its -errno. */
int spool_db_fail(struct spool_db *db, const char *what, char err[static ERR_LEN]);
