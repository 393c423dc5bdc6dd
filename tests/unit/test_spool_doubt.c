/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/spool_account collector/spool_statements collector/spool_sqlite */
/* uses: collector/spool_db collector/spool_room collector/spool_setup collector/spool_backup */
/* uses: collector/spool_aside collector/spool_rows collector/spool_commit collector/spool_settle */
/* uses: collector/spool_dead collector/spool_file collector/spool */
/*
 * A COMMIT that says that it failed and took place all the same, as sqlite's do where memory lacks
 * behind them. A WAL hook's error does it (sqlite.org/c3ref/wal_hook.html).
 */
#include "spool_lab.h"

#include <sqlite3.h>

static sqlite3 *connection; /* the spool's */

static int connection_opened(sqlite3 *sqlite, const char **ret_err, const void *api)
{
	(void)ret_err;
	(void)api;
	connection = sqlite;
	return SQLITE_OK;
}

static int say_no_memory(void *ctx, sqlite3 *sqlite, const char *name, int pages)
{
	(void)ctx;
	(void)sqlite;
	(void)name;
	(void)pages;
	return SQLITE_NOMEM;
}

static int say_no_memory_before(void *ctx)
{
	(void)ctx;
	return 1; /* the COMMIT becomes a ROLLBACK: sqlite.org/c3ref/commit_hook.html */
}

static int set_up(void **state)
{
	(void)state;
	if (folder_make() < 0)
		return -1;
	sqlite3_auto_extension((void (*)(void))connection_opened);
	return spool_open(path, MIB, &spool, err);
}

static int tear_down(void **state)
{
	(void)state;
	sqlite3_reset_auto_extension();
	return folder_remove();
}

static int64_t commit_and_find(uint8_t fill)
{
	struct spool_body body;

	assert_int_equal(commit_body_at(fill, 100, 1, NULL, 0), 0);
	assert_int_equal(spool_newest(spool, 0, &body, err), 1);
	assert_int_equal(body.data[0], fill);
	free(body.data);
	return body.id;
}

/* What is said is what is in the file. */
static void is_as_counted(uint64_t bodies, uint64_t dead)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(state_now().bodies, bodies);
		assert_int_equal(state_now().traffic_bytes, 1000 * bodies);
		assert_int_equal(state_now().dead_bodies, dead);
		reopen(MIB);
	}
}

static void a_commit_that_took_place_is_none_that_failed(void **state)
{
	(void)state;
	sqlite3_wal_hook(connection, say_no_memory, NULL);
	commit_and_find(1);
	is_as_counted(1, 0);
}

static void a_commit_that_did_not_take_place_failed(void **state)
{
	(void)state;
	commit_and_find(1);
	sqlite3_commit_hook(connection, say_no_memory_before, NULL);
	assert_true(commit_body_at(2, 100, 1, NULL, 0) < 0);
	is_as_counted(1, 0);
}

static void a_body_that_left_is_delivered_once(void **state)
{
	int64_t id;

	(void)state;
	id = commit_and_find(1);
	commit_and_find(2);
	sqlite3_wal_hook(connection, say_no_memory, NULL);
	assert_int_equal(deliver(id), 1);
	assert_int_equal(deliver(id), 0);
	is_as_counted(1, 0);
}

static void a_body_that_stayed_is_delivered_later(void **state)
{
	int64_t id;

	(void)state;
	id = commit_and_find(1);
	sqlite3_commit_hook(connection, say_no_memory_before, NULL);
	assert_true(deliver(id) < 0);
	sqlite3_commit_hook(connection, NULL, NULL);
	assert_int_equal(deliver(id), 1);
	is_as_counted(0, 0);
}

static void dead_letters_that_were_raised_are_raised_once(void **state)
{
	(void)state;
	assert_int_equal(refuse(commit_and_find(1), "some"), 1);
	assert_int_equal(state_now().dead_bodies, 1);
	sqlite3_wal_hook(connection, say_no_memory, NULL);
	assert_int_equal(spool_replay(spool, INT64_MAX, err), 1); /* perhaps there are more */
	assert_int_equal(state_now().replayed_lines, 3);
	is_as_counted(1, 0);
}

static void what_was_evicted_for_room_is_counted(void **state)
{
	int n = 0;

	(void)state;
	while (state_now().evicted_bodies == 0 && n < 500) {
		assert_int_equal(commit_body_at((uint8_t)++n, 60000, 1, NULL, 0), 0);
		sqlite3_wal_hook(connection, say_no_memory, NULL);
	}
	assert_int_equal(state_now().bodies + state_now().evicted_bodies, n);
	is_as_counted(state_now().bodies, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(a_commit_that_took_place_is_none_that_failed),
		TEST(a_commit_that_did_not_take_place_failed),
		TEST(a_body_that_left_is_delivered_once),
		TEST(a_body_that_stayed_is_delivered_later),
		TEST(dead_letters_that_were_raised_are_raised_once),
		TEST(what_was_evicted_for_room_is_counted),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
