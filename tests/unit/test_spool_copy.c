/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/spool_account collector/spool_statements collector/spool_sqlite */
/* uses: collector/spool_db collector/spool_room collector/spool_setup collector/spool_backup */
/* uses: collector/spool_aside collector/spool_rows collector/spool_commit collector/spool_settle */
/* uses: collector/spool_dead collector/spool_file collector/spool */
#include "spool_lab.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

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

static char *copy_path(void)
{
	static char name[160];

	snprintf(name, sizeof(name), "%s/copy.db", dir);
	return name;
}

static void a_copy_is_consistent_while_it_is_written_to(void **state)
{
	uint64_t bytes = 0, n = 0;
	int r;

	(void)state;
	open_spool(16 * MIB);
	for (int i = 0; i < 300; i++)
		commit_body_at(1, 20000, 1, NULL, 0);
	assert_int_equal(spool_copy_begin(spool, copy_path(), err), 0);
	while ((r = spool_copy_step(spool, &bytes, err)) == 1) {
		assert_int_equal(commit_body_at(2, 20000, 1, NULL, 0), 0);
		assert_true(drain_one());
		assert_true(++n < 1000);
	}
	spool_copy_end(spool);
	assert_int_equal(r, 0);
	assert_true(n > 3);
	assert_true(bytes > 300 * 20000);
	spool_close(spool);
	assert_int_equal(spool_open(copy_path(), 16 * MIB, &spool, err), 0);
	check_all(0);
	assert_int_equal(state_now().bodies, 300);
	for (int i = 0; i < 300; i++)
		assert_true(drain_one());
	assert_false(drain_one());
}

static void a_copy_overwrites_nothing(void **state)
{
	(void)state;
	open_spool(16 * MIB);
	assert_int_equal(spool_copy_begin(spool, path, err), -EEXIST);
	assert_non_null(strstr(err, "exists; expected a new file"));
	assert_int_equal(spool_copy_begin(spool, "/nonexistent/x", err), -ENOENT);
}

static void a_copy_that_is_broken_off_is_deleted(void **state)
{
	uint64_t bytes;

	(void)state;
	open_spool(16 * MIB);
	for (int i = 0; i < 200; i++)
		commit_body_at(1, 20000, 1, NULL, 0);
	assert_int_equal(spool_copy_begin(spool, copy_path(), err), 0);
	assert_int_equal(spool_copy_step(spool, &bytes, err), 1);
	assert_int_equal(spool_copy_begin(spool, path, err), -EBUSY);
	spool_copy_end(spool);
	assert_int_equal(access(copy_path(), F_OK), -1);
}

static void is_alone_with_the_wal(void)
{
	DIR *list = opendir(dir);
	struct dirent *entry;

	assert_non_null(list);
	while ((entry = readdir(list)))
		assert_true(entry->d_name[0] == '.' || strcmp(entry->d_name, "spool.db") == 0 ||
			    strcmp(entry->d_name, "spool.db-wal") == 0);
	closedir(list);
}

static void a_copy_without_a_name_is_whole_and_leaves_none(void **state)
{
	uint64_t bytes;
	struct stat st;
	int fd, r;

	(void)state;
	open_spool(16 * MIB);
	for (int i = 0; i < 200; i++)
		commit_body_at(1, 20000, 1, NULL, 0);
	assert_int_equal(spool_copy_begin(spool, NULL, err), 0);
	assert_int_equal(spool_copy_step(spool, &bytes, err), 1);
	is_alone_with_the_wal();
	while ((r = spool_copy_step(spool, &bytes, err)) == 1) {
		assert_int_equal(spool_copy_file(spool), -1);
		assert_int_equal(commit_body_at(2, 20000, 1, NULL, 0), 0);
	}
	assert_int_equal(r, 0);
	fd = spool_copy_file(spool);
	assert_int_equal(spool_copy_file(spool), -1);
	spool_copy_end(spool);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_size, bytes);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(a_copy_is_consistent_while_it_is_written_to),
		TEST(a_copy_overwrites_nothing),
		TEST(a_copy_that_is_broken_off_is_deleted),
		TEST(a_copy_without_a_name_is_whole_and_leaves_none),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
