/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/spool_account collector/spool_statements collector/spool_sqlite */
/* uses: collector/spool_db collector/spool_room collector/spool_setup collector/spool_backup */
/* uses: collector/spool_aside collector/spool_rows collector/spool_commit collector/spool_settle */
/* uses: collector/spool_dead collector/spool_file collector/spool */
/* What older and newer versions have left. */
#include "spool_lab.h"

#include "clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t since_ms = 1795378530000;

static int set_up(void **state)
{
	(void)state;
	return folder_make();
}

static int tear_down(void **state)
{
	(void)state;
	return folder_remove();
}

static int commit_body(uint8_t fill, size_t len)
{
	return commit_body_at(fill, len, since_ms, NULL, 0);
}

static void a_newer_version_is_refused_with_a_sentence(void **state)
{
	(void)state;
	if (!have_sqlite3()) {
		print_message("skipped: sqlite3 is not installed\n");
		skip();
	}
	open_spool(MIB);
	spool_close(spool);
	spool = NULL;
	run_sql("PRAGMA user_version=6");
	assert_int_equal(spool_open(path, MIB, &spool, err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err, "is of version 6; expected 5"));
}

#define BODY_COLUMNS                                                                               \
	"id INTEGER PRIMARY KEY AUTOINCREMENT, lines INTEGER NOT NULL, traffic_bytes INTEGER NOT " \
	"NULL, "
#define OLD_TABLES                                                                                 \
	"CREATE TABLE dead (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, reason TEXT NOT "     \
	"NULL, lines INTEGER NOT NULL, traffic_bytes INTEGER NOT NULL, data BLOB NOT NULL);"       \
	"CREATE TABLE boot (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"             \
	"CREATE TABLE observer (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"         \
	"INSERT INTO dead VALUES (2, 400, 'no', 5, 700, zeroblob(50));"                            \
	"PRAGMA application_id=0x6e737470;"

/* What such a file held: two bodies, the first of a page's length, and a dead letter. */
static void old_file_is_counted(void)
{
	struct spool_state now = state_now();

	assert_int_equal(now.bodies, 2);
	assert_int_equal(now.lines, 3 + 4);
	assert_int_equal(now.traffic_bytes, 1000 + 2000);
	assert_int_equal(now.data_bytes, 4096 + 9);
	assert_int_equal(now.dead_bodies, 1);
	assert_int_equal(now.dead_lines, 5);
	assert_int_equal(now.dead_traffic_bytes, 700);
}

static int64_t since_of_body(int64_t after, int64_t id)
{
	struct spool_body body;

	assert_int_equal(spool_next(spool, after, &body, err), 1);
	assert_int_equal(body.id, id);
	free(body.data);
	return body.since_ms;
}

/* It knew nothing of when a body began: that counts from now on. */
static void a_file_of_version_1_is_taken_over_and_its_bodies_are_shipped(void **state)
{
	int64_t before_ms;

	(void)state;
	if (!have_sqlite3()) {
		print_message("skipped: sqlite3 is not installed\n");
		skip();
	}
	run_sql("CREATE TABLE body (" BODY_COLUMNS "data BLOB NOT NULL);" OLD_TABLES
		"INSERT INTO body VALUES (7, 3, 1000, zeroblob(4096)), (8, 4, 2000, zeroblob(9));"
		"PRAGMA user_version=1");
	before_ms = clock_wall_ms();
	open_spool(MIB);
	old_file_is_counted();
	assert_true(state_now().oldest_ms >= before_ms);
	assert_int_equal(commit_body(2, 100), 0);
	reopen(MIB);
	assert_int_equal(state_now().bodies, 3);
	assert_true(since_of_body(0, 7) >= before_ms);
	assert_int_equal(since_of_body(8, 9), since_ms);
	assert_int_equal(deliver(take(0)), 1);
	assert_int_equal(state_now().lines, 4 + 3);
}

static void a_file_of_version_2_is_counted_and_its_bodies_keep_their_time(void **state)
{
	(void)state;
	if (!have_sqlite3()) {
		print_message("skipped: sqlite3 is not installed\n");
		skip();
	}
	run_sql("CREATE TABLE body (" BODY_COLUMNS
		"since_ms INTEGER NOT NULL, data BLOB NOT NULL);" OLD_TABLES
		"INSERT INTO body VALUES (7, 3, 1000, 77, zeroblob(4096)), (8, 4, 2000, 88, "
		"zeroblob(9));"
		"PRAGMA user_version=2");
	open_spool(MIB);
	old_file_is_counted();
	assert_int_equal(state_now().oldest_ms, 77);
	assert_int_equal(since_of_body(7, 8), 88);
	reopen(MIB);
	old_file_is_counted();
	assert_int_equal(deliver(take(0)), 1);
	assert_int_equal(state_now().lines, 4);
}

/* What version 3 had written: as a new file, but without series. */
static void a_file_of_version_3_keeps_its_bodies_and_ledger_and_takes_series(void **state)
{
	struct ledger_entry boot = entry_of("boot", "b1", "one");
	struct ledger_entry series = entry_of("series", "s1", "day");
	struct seen_text seen = {0};

	(void)state;
	if (!have_sqlite3()) {
		print_message("skipped: sqlite3 is not installed\n");
		skip();
	}
	open_spool(MIB);
	assert_int_equal(commit_body_at(2, 100, since_ms, &boot, 1), 0);
	spool_close(spool);
	spool = NULL;
	run_sql("DROP TABLE series; PRAGMA user_version=3");
	open_spool(MIB);
	assert_int_equal(state_now().bodies, 1);
	assert_int_equal(commit_body_at(3, 100, since_ms, &series, 1), 0);
	reopen(MIB);
	assert_int_equal(spool_load_ledger(spool, see_text, &seen, err), 0);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.text[0], "boot b1=one");
	assert_string_equal(seen.text[1], "series s1=day");
	assert_int_equal(state_now().bodies, 2);
	take(2);
}

static void a_file_of_version_4_has_all_that_a_newer_one_has(void **state)
{
	(void)state;
	if (!have_sqlite3()) {
		print_message("skipped: sqlite3 is not installed\n");
		skip();
	}
	open_spool(MIB);
	assert_int_equal(commit_body(1, 100), 0);
	spool_close(spool);
	spool = NULL;
	run_sql("PRAGMA user_version=4");
	open_spool(MIB);
	assert_int_equal(state_now().bodies, 1);
	take(1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_newer_version_is_refused_with_a_sentence),
		TEST(a_file_of_version_1_is_taken_over_and_its_bodies_are_shipped),
		TEST(a_file_of_version_2_is_counted_and_its_bodies_keep_their_time),
		TEST(a_file_of_version_3_keeps_its_bodies_and_ledger_and_takes_series),
		TEST(a_file_of_version_4_has_all_that_a_newer_one_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
