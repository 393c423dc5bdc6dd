/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/spool_account collector/spool_statements collector/spool_sqlite */
/* uses: collector/spool_db collector/spool_room collector/spool_setup collector/spool_backup */
/* uses: collector/spool_aside collector/spool_rows collector/spool_commit collector/spool_settle */
/* uses: collector/spool_dead collector/spool_file collector/spool */
/* What no body needs is damaged: the dead letters, the list of free pages. */
#include "spool_db.h"
#include "spool_lab.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FREE_LIST_OFFSET 32 /* the first page of the list (sqlite.org/fileformat.html, 1.3) */
#define BIG_BYTES        900000

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

static int commit_body(size_t len)
{
	return commit_body_at(1, len, 1, NULL, 0);
}

static int refuse_newest(void)
{
	struct spool_body body;

	assert_int_equal(spool_newest(spool, 0, &body, err), 1);
	free(body.data);
	return refuse(body.id, "partial write: no");
}

/* All is in the file then, and nothing in the WAL. */
static void close_whole(void)
{
	char wal[160];

	spool_close(spool);
	spool = NULL;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(truncate(wal, 0), 0);
}

static void damage_page(uint32_t page)
{
	uint8_t junk[SPOOL_DB_PAGE_BYTES];
	int fd = open(path, O_WRONLY);

	memset(junk, 0x5a, sizeof(junk));
	assert_true(page > 1 && fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), (off_t)(page - 1) * SPOOL_DB_PAGE_BYTES),
		sizeof(junk));
	close(fd);
}

static int64_t query(const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t number;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	number = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return number;
}

static void damage_the_dead_letters(uint64_t max_bytes)
{
	close_whole();
	damage_page((uint32_t)query("SELECT rootpage FROM sqlite_schema WHERE name = 'dead'"));
	open_spool(max_bytes);
}

/* Two bodies; three dead letters, which are damaged. */
static void begin_damaged(void)
{
	open_spool(16 * MIB);
	for (int i = 0; i < 5; i++)
		commit_body(5000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(refuse_newest(), 1);
	damage_the_dead_letters(16 * MIB);
	assert_int_equal(state_now().dead_bodies, 3);
}

static void only_the_dead_letters_were_put_aside(void)
{
	const struct spool_state now = state_now();

	assert_int_equal(now.dead_damaged, 1);
	assert_int_equal(now.dead_bodies, 0);
	assert_int_equal(now.dead_evicted_bodies, 3);
	assert_int_equal(now.corrupt_files, 0);
	assert_int_equal(now.bodies, 2);
	reopen(16 * MIB);
	assert_int_equal(state_now().bodies, 2);
	assert_int_equal(state_now().dead_bodies, 0);
}

static void looking_at_damaged_dead_letters_costs_no_body(void **state)
{
	struct spool_dead dead;

	(void)state;
	begin_damaged();
	assert_int_equal(spool_next_dead(spool, 0, &dead, err), -EAGAIN);
	assert_string_equal(err, "the dead letters were damaged, and new ones were begun");
	assert_int_equal(spool_next_dead(spool, 0, &dead, err), 0);
	only_the_dead_letters_were_put_aside();
	close_whole();
	assert_int_equal(
		query("SELECT count(*) FROM sqlite_schema WHERE name = 'dead_damaged'"), 1);
}

static void a_replay_of_damaged_dead_letters_costs_no_body(void **state)
{
	(void)state;
	begin_damaged();
	assert_int_equal(spool_replay(spool, 3, err), -EAGAIN);
	assert_int_equal(spool_replay(spool, 3, err), 0);
	only_the_dead_letters_were_put_aside();
}

static void a_body_that_is_refused_finds_new_dead_letters(void **state)
{
	(void)state;
	begin_damaged();
	assert_int_equal(refuse_newest(), -EAGAIN);
	only_the_dead_letters_were_put_aside();
	assert_int_equal(refuse_newest(), 1);
	assert_int_equal(state_now().dead_bodies, 1);
}

/* What a kill leaves behind: a check is due until one has ended. */
static void leave_uncleanly(uint64_t max_bytes)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(spool_open(path, max_bytes, &spool, err) < 0);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void damage_of_dead_letters_that_a_check_finds_costs_no_body(void **state)
{
	(void)state;
	leave_uncleanly(16 * MIB);
	begin_damaged();
	check_all(0);
	only_the_dead_letters_were_put_aside();
	assert_false(spool_is_check_due(spool));
}

static void a_kill_after_that_changes_nothing(void **state)
{
	struct spool_dead dead;
	pid_t child;
	int status;

	(void)state;
	begin_damaged();
	close_whole();
	child = fork();
	if (child == 0)
		_exit(spool_open(path, 16 * MIB, &spool, err) < 0 ||
			spool_next_dead(spool, 0, &dead, err) != -EAGAIN);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	open_spool(16 * MIB);
	assert_int_equal(state_now().bodies, 2);
	assert_int_equal(state_now().dead_bodies, 0);
	check_all(0);
}

static void a_check_after_that_is_well_as_well(void **state)
{
	(void)state;
	leave_uncleanly(16 * MIB);
	begin_damaged();
	assert_int_equal(spool_replay(spool, 3, err), -EAGAIN);
	reopen(16 * MIB);
	check_all(0);
	assert_int_equal(state_now().corrupt_files, 0);
	assert_int_equal(state_now().bodies, 2);
}

static void the_second_time_the_file_is_moved_aside(void **state)
{
	(void)state;
	begin_damaged();
	assert_int_equal(spool_replay(spool, 3, err), -EAGAIN);
	damage_the_dead_letters(16 * MIB);
	assert_int_equal(spool_replay(spool, 3, err), -EBADMSG);
	assert_int_equal(state_now().corrupt_files, 1);
	assert_int_equal(state_now().corrupt_lines, 2 * 3);
}

static uint32_t first_free_page(void)
{
	uint32_t page = 0;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &page, sizeof(page), FREE_LIST_OFFSET), sizeof(page));
	close(fd);
	return be32toh(page);
}

/* More than sqlite is asked to check as a whole. */
static void begin_large(void)
{
	leave_uncleanly(128 * MIB);
	open_spool(128 * MIB);
	for (int i = 0; i < 80; i++)
		commit_body(BIG_BYTES);
}

static void a_check_of_a_large_spool_looks_at_its_free_pages(void **state)
{
	struct spool_body body;

	(void)state;
	begin_large();
	assert_int_equal(spool_next(spool, 0, &body, err), 1);
	free(body.data);
	assert_int_equal(deliver(body.id), 1);
	close_whole();
	damage_page(first_free_page());
	open_spool(128 * MIB);
	check_all(-EBADMSG);
	assert_int_equal(state_now().corrupt_files, 1);
}

static void a_check_of_a_large_spool_reads_its_dead_letters(void **state)
{
	(void)state;
	begin_large();
	assert_int_equal(refuse_newest(), 1);
	damage_the_dead_letters(128 * MIB);
	check_all(0);
	assert_int_equal(state_now().dead_damaged, 1);
	assert_int_equal(state_now().corrupt_files, 0);
	assert_int_equal(state_now().bodies, 79);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(looking_at_damaged_dead_letters_costs_no_body),
		TEST(a_replay_of_damaged_dead_letters_costs_no_body),
		TEST(a_body_that_is_refused_finds_new_dead_letters),
		TEST(damage_of_dead_letters_that_a_check_finds_costs_no_body),
		TEST(a_kill_after_that_changes_nothing),
		TEST(a_check_after_that_is_well_as_well),
		TEST(the_second_time_the_file_is_moved_aside),
		TEST(a_check_of_a_large_spool_looks_at_its_free_pages),
		TEST(a_check_of_a_large_spool_reads_its_dead_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
