/* SPDX-License-Identifier: Apache-2.0 */
/* A spool in a folder of its own, which goes with all that is in it. */
#pragma once

#include "spool.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB (1024 * 1024)

static char dir[64];
static char path[128];
static char err[ERR_LEN];
static struct spool *spool;

static inline int folder_make(void)
{
	snprintf(dir, sizeof(dir), "/tmp/nstats-test-spool-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/spool.db", dir);
	spool = NULL;
	return 0;
}

static inline int folder_remove(void)
{
	struct dirent *entry;
	DIR *list;

	spool_close(spool);
	list = opendir(dir);
	if (!list)
		return -1;
	while ((entry = readdir(list)))
		unlinkat(dirfd(list), entry->d_name, 0);
	closedir(list);
	return rmdir(dir);
}

static inline void open_spool(uint64_t max_bytes)
{
	assert_int_equal(spool_open(path, max_bytes, &spool, err), 0);
}

static inline void reopen(uint64_t max_bytes)
{
	spool_close(spool);
	spool = NULL;
	open_spool(max_bytes);
}

static inline struct spool_state state_now(void)
{
	struct spool_state ret;

	spool_state(spool, &ret);
	return ret;
}

/* Of len bytes, each of them `fill`, of 3 lines and 1000 bytes of traffic. */
static inline int commit_body_at(
	uint8_t fill, size_t len, int64_t since_ms, struct ledger_entry *entries, size_t n_entries)
{
	struct spool_body body = {.lines = 3, .traffic_bytes = 1000, .len = len};
	const struct spool_batch batch = {.bodies = &body,
		.n_bodies = 1,
		.entries = entries,
		.n_entries = n_entries,
		.since_ms = since_ms};
	int r;

	body.data = malloc(len);
	assert_non_null(body.data);
	memset(body.data, fill, len);
	r = spool_commit(spool, &batch, err);
	free(body.data);
	return r;
}

/* The oldest body's id; it was filled so. */
static inline int64_t take(uint8_t fill)
{
	struct spool_body body;

	assert_int_equal(spool_next(spool, 0, &body, err), 1);
	assert_int_equal(body.data[0], fill);
	free(body.data);
	return body.id;
}

/* It was delivered as a whole. 1, 0 or -errno as spool_settle. */
static inline int deliver(int64_t id)
{
	const struct spool_outcome delivered = {.dead = NULL};

	return spool_settle(spool, id, &delivered, err);
}

/* It was refused as a whole. */
static inline int refuse(int64_t id, const char *reason)
{
	const struct spool_outcome refused = {
		.is_dead_whole = true, .status = 400, .reason = reason};

	return spool_settle(spool, id, &refused, err);
}

/* The oldest; true: it left. */
static inline bool drain_one(void)
{
	struct spool_body body;

	if (spool_next(spool, 0, &body, err) != 1)
		return false;
	free(body.data);
	return deliver(body.id) >= 0;
}

static inline void check_all(int expected)
{
	int r, n = 0;

	assert_true(spool_is_check_due(spool));
	while ((r = spool_check(spool, err)) == 1)
		assert_true(++n < 1000);
	assert_int_equal(r, expected);
}

/* What the ledger holds, as "table key=value". */
struct seen_text {
	int n;
	char text[8][64];
};

static inline bool see_text(void *ctx, const struct ledger_entry *entry)
{
	struct seen_text *seen = ctx;

	snprintf(seen->text[seen->n++], sizeof(seen->text[0]), "%s %.*s=%.*s", entry->table,
		(int)entry->key_len, (const char *)entry->key, (int)entry->value_len,
		(const char *)entry->value);
	return seen->n < 8;
}

static inline struct ledger_entry entry_of(const char *table, const char *key, const char *value)
{
	return (struct ledger_entry){
		.table = table,
		.key = (const uint8_t *)key,
		.key_len = strlen(key),
		.value = (const uint8_t *)value,
		.value_len = strlen(value),
	};
}

static inline void run_sql(const char *sql)
{
	char command[1024];

	snprintf(command, sizeof(command), "sqlite3 %s \"%s\" >/dev/null", path, sql);
	assert_int_equal(system(command), 0);
}

static inline bool have_sqlite3(void)
{
	return system("command -v sqlite3 >/dev/null") == 0;
}
