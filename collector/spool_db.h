/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's file: its statements, run by sqlite. One thread at a time. A statement that gave a
 * row is open until spool_db_end.
 */
#pragma once

#include "err.h"
#include "spool_statements.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_DB_PAGE_BYTES 4096

struct spool_db;

void spool_db_close(struct spool_db *db);
/* Leaves the file and its WAL as they are. */
void spool_db_abandon(struct spool_db *db);

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

/* Of a statement that gives one row of one number. 0 or -errno. */
int spool_db_count(struct spool_db *db, enum spool_statement which, uint64_t *ret);

/* Columns count from 0. Data hold until the next step or the end; NULL where len is 0, or no
 * memory. */
int64_t spool_db_number(struct spool_db *db, enum spool_statement which, int at);
const void *spool_db_data(struct spool_db *db, enum spool_statement which, int at, size_t *ret_len);
int64_t spool_db_last_id(struct spool_db *db);

bool spool_db_is_in_transaction(struct spool_db *db);
void spool_db_roll_back(struct spool_db *db);

/* "what: sqlite's own words" of the last failure. Returns its -errno. */
int spool_db_fail(struct spool_db *db, const char *what, char err[static ERR_LEN]);
