/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/spool_account collector/spool_statements collector/spool_sqlite */
/* uses: collector/spool_db collector/spool_room collector/spool_setup collector/spool_backup */
/* uses: collector/spool_aside collector/spool_rows collector/spool_commit collector/spool_settle */
/* uses: collector/spool_dead collector/spool_file collector/spool */
/*
 * The disk fails: the C library's calls are defined here, and so taken by sqlite, which is linked
 * dynamically.
 */
#include "spool_lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	unsigned n_syncs;
	unsigned n_writes;
	unsigned sync_every; /* fails; 0: none */
	unsigned write_every;
	int code;
	bool is_full; /* no file grows */
} disk;

static bool is_due(unsigned *n, unsigned every)
{
	++*n;
	return every && *n % every == 0;
}

/* Nothing is synced, which would take its time. */
static int sync_to_disk(void)
{
	if (!is_due(&disk.n_syncs, disk.sync_every))
		return 0;
	errno = disk.code;
	return -1;
}

int fsync(int fd)
{
	(void)fd;
	return sync_to_disk();
}

int fdatasync(int fd)
{
	(void)fd;
	return sync_to_disk();
}

static bool is_growing(int fd, off_t end)
{
	struct stat st;

	return disk.is_full && fstat(fd, &st) == 0 && end > st.st_size;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at)
{
	if (is_growing(fd, at + (off_t)len)) {
		errno = ENOSPC;
		return -1;
	}
	if (is_due(&disk.n_writes, disk.write_every)) {
		errno = disk.code;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, data, len, at);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
	if (is_growing(fd, at + len))
		return ENOSPC;
	return syscall(SYS_fallocate, fd, 0, at, len) < 0 ? errno : 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&disk, 0, sizeof(disk));
	disk.code = EIO;
	return folder_make();
}

static int tear_down(void **state)
{
	(void)state;
	return folder_remove();
}

static int commit_body(uint8_t fill, size_t len)
{
	struct ledger_entry boot = {.table = "boot",
		.key = &fill,
		.key_len = 1,
		.value = (const uint8_t *)"committed",
		.value_len = strlen("committed")};

	return commit_body_at(fill, len, 1, &boot, 1);
}

static void write_at(const char *file, off_t at, const void *data, size_t len)
{
	int fd = open(file, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(syscall(SYS_pwrite64, fd, data, len, at), len);
	close(fd);
}

static int count_files(const char *part)
{
	struct dirent *entry;
	DIR *list = opendir(dir);
	int n = 0;

	while ((entry = readdir(list)))
		n += strstr(entry->d_name, part) != NULL;
	closedir(list);
	return n;
}

static void each_commit_is_synced(void **state)
{
	unsigned i;

	(void)state;
	open_spool(16 * MIB);
	disk.n_syncs = 0;
	for (i = 1; i <= 50; i++) {
		assert_int_equal(commit_body(1, 100), 0);
		assert_true(disk.n_syncs >= i);
	}
}

static void a_delivery_is_synced(void **state)
{
	unsigned before;

	(void)state;
	open_spool(16 * MIB);
	commit_body(1, 100);
	before = disk.n_syncs;
	assert_true(drain_one());
	assert_true(disk.n_syncs > before);
}

/* Each on the disk, without holes. */
static void assert_sizes(off_t file_bytes, off_t wal_bytes)
{
	char wal[160];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, file_bytes);
	assert_true(st.st_blocks * 512 >= file_bytes);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_size, wal_bytes);
	assert_true(st.st_blocks * 512 >= wal_bytes);
}

static void close_spool(void)
{
	spool_close(spool);
	spool = NULL;
}

static void room_is_taken_at_the_start_and_kept(void **state)
{
	(void)state;
	open_spool(16 * MIB);
	assert_int_equal(state_now().room_bytes, state_now().room_want_bytes);
	assert_int_equal(state_now().room_bytes, 15 * MIB);
	for (int i = 0; i < 100; i++)
		assert_int_equal(commit_body(1, 20000), 0);
	while (drain_one())
		continue;
	close_spool();
	assert_sizes(14 * MIB, MIB);
}

/* A command need not know what --spool-max the collector has. */
static void a_look_into_it_takes_no_room(void **state)
{
	struct spool_body body;

	(void)state;
	open_spool(16 * MIB);
	commit_body(1, 20000);
	close_spool();
	assert_int_equal(spool_open_as_it_is(path, 1024 * (uint64_t)MIB, &spool, err), 0);
	assert_int_equal(spool_next(spool, 0, &body, err), 1);
	free(body.data);
	close_spool();
	assert_sizes(14 * MIB, MIB);
}

static void a_smaller_maximum_cuts_the_wal(void **state)
{
	(void)state;
	open_spool(256 * MIB);
	commit_body(1, 20000);
	close_spool();
	assert_sizes(64 * MIB, 16 * MIB);
	open_spool(16 * MIB);
	assert_int_equal(state_now().bodies, 1);
	commit_body(1, 20000);
	close_spool();
	assert_sizes(14 * MIB, MIB);
}

/* A body as long as three WALs has gone through it. Other tenants take what is given away. */
static void a_wal_that_is_cut_on_a_full_disk_costs_the_file_no_room(void **state)
{
	(void)state;
	open_spool(16 * MIB);
	assert_int_equal(commit_body(1, 3 * MIB), 0);
	close_spool();
	disk.is_full = true;
	open_spool(16 * MIB);
	close_spool();
	assert_sizes(14 * MIB, MIB);
}

/* Up to the quota, which is within the room; then all must come out again. */
static void fill_and_drain(void)
{
	uint64_t evicted = state_now().evicted_bodies;

	while (state_now().evicted_bodies == evicted)
		assert_int_equal(commit_body(1, 20000), 0);
	assert_true(state_now().bodies > 500);
	while (drain_one())
		continue;
	assert_int_equal(state_now().bodies, 0);
}

static void on_a_full_disk_it_commits_and_drains_within_its_room(void **state)
{
	(void)state;
	open_spool(16 * MIB);
	disk.is_full = true;
	fill_and_drain();
	fill_and_drain();
}

static void also_after_a_start_on_the_full_disk(void **state)
{
	(void)state;
	open_spool(16 * MIB);
	assert_int_equal(commit_body(1, 20000), 0);
	disk.is_full = true;
	reopen(16 * MIB);
	assert_int_equal(state_now().bodies, 1);
	fill_and_drain();
	reopen(16 * MIB);
	fill_and_drain();
}

/* 256 MiB would take 80 MiB of room: more is refused, but deleting must go on. */
static void beyond_its_room_a_full_disk_refuses_commits_and_goes_on_draining(void **state)
{
	uint64_t n = 0;
	int r;

	(void)state;
	assert_int_equal(spool_open(path, 256 * MIB, &spool, err), 0);
	disk.is_full = true;
	while ((r = commit_body(1, 200000)) == 0)
		n++;
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(err, "the disk is full"));
	assert_true(n > 250);
	for (int i = 0; i < 100; i++)
		assert_int_equal(commit_body(1, 200000), -ENOSPC);
	for (uint64_t i = 0; i < n; i++)
		assert_true(drain_one());
	assert_int_equal(commit_body(1, 200000), 0);
	spool_close(spool);
	disk.is_full = false;
	assert_int_equal(spool_open(path, 256 * MIB, &spool, err), 0);
	assert_int_equal(state_now().bodies, 1);
}

static void beyond_its_room_it_goes_on_once_the_disk_has_room(void **state)
{
	(void)state;
	assert_int_equal(spool_open(path, 256 * MIB, &spool, err), 0);
	disk.is_full = true;
	while (commit_body(1, 200000) == 0)
		continue;
	disk.is_full = false;
	for (int i = 0; i < 100; i++)
		assert_int_equal(commit_body(1, 200000), 0);
	assert_int_equal(state_now().evicted_bodies, 0);
}

/* Of 1 MiB the WAL has 16 pages: it is not emptied by itself below half, nor has room for both. */
static void what_fits_the_empty_wal_is_committed_on_a_full_disk(void **state)
{
	(void)state;
	open_spool(MIB);
	disk.is_full = true;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(commit_body(1, 100), 0);
		assert_int_equal(commit_body(2, 32000), 0);
	}
	assert_sizes(MIB / 8 * 7, MIB / 16);
}

/* Ten times what the WAL holds, which it was before its length was put right at the start. */
static void a_body_longer_than_the_wal_leaves_a_full_disk(void **state)
{
	(void)state;
	open_spool(MIB);
	assert_int_equal(commit_body(1, 600000), 0);
	reopen(MIB);
	disk.is_full = true;
	assert_true(drain_one());
	assert_int_equal(state_now().bodies, 0);
	assert_sizes(MIB / 8 * 7, MIB / 16);
}

static void a_refused_body_leaves_a_full_disk_as_well(void **state)
{
	struct spool_body body;
	uint64_t n;

	(void)state;
	assert_int_equal(spool_open(path, 256 * MIB, &spool, err), 0);
	disk.is_full = true;
	while (commit_body(1, 200000) == 0)
		continue;
	n = state_now().bodies;
	assert_int_equal(spool_next(spool, 0, &body, err), 1);
	assert_int_equal(refuse(body.id, "no"), 1);
	assert_int_equal(state_now().bodies, n - 1);
	assert_int_equal(state_now().dead_bodies + state_now().dead_evicted_bodies, 1);
	free(body.data);
}

struct seen {
	uint64_t n;
};

static bool see(void *ctx, const struct ledger_entry *entry)
{
	struct seen *seen = ctx;

	(void)entry;
	seen->n++;
	return true;
}

/* What was said to be committed is there, and what was said to have failed is not; with its
 * ledger. Returns how many of 200 were committed. */
static uint64_t commits_under(unsigned sync_every, unsigned write_every, int code)
{
	struct seen seen = {0};
	uint64_t n = 0;

	open_spool(16 * MIB);
	disk.code = code;
	disk.sync_every = sync_every;
	disk.write_every = write_every;
	for (unsigned i = 0; i < 200; i++)
		n += commit_body((uint8_t)i, 100 + i * 97 % 20000) == 0;
	disk.sync_every = 0;
	disk.write_every = 0;
	assert_int_equal(state_now().bodies, n);
	assert_int_equal(commit_body(250, 100), 0);
	assert_int_equal(spool_load_ledger(spool, see, &seen, err), 0);
	assert_int_equal(seen.n, n + 1);
	reopen(16 * MIB);
	assert_int_equal(state_now().bodies, n + 1);
	assert_int_equal(state_now().corrupt_files, 0);
	for (uint64_t i = 0; i <= n; i++)
		assert_true(drain_one());
	assert_false(drain_one());
	spool_close(spool);
	spool = NULL;
	unlink(path);
	return n;
}

static void failing_syncs_discard_whole_batches_and_no_more(void **state)
{
	static const unsigned every[] = {2, 3, 5, 17, 100};

	(void)state;
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++)
		assert_true(commits_under(every[i], 0, EIO) < 200);
}

static void failing_writes_discard_whole_batches_and_no_more(void **state)
{
	static const unsigned every[] = {5, 17, 100, 331};

	(void)state;
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++)
		assert_true(commits_under(0, every[i], EIO) < 200);
}

/* Seldom full: the WAL is emptied into the file, and what failed is tried once more. */
static void a_disk_that_is_full_now_and_then_discards_whole_batches_and_no_more(void **state)
{
	(void)state;
	assert_true(commits_under(0, 5, ENOSPC) < 200);
	commits_under(0, 17, ENOSPC);
	commits_under(0, 100, ENOSPC);
	commits_under(0, 331, ENOSPC);
}

static void syncs_that_fail_for_a_while_leave_no_trace(void **state)
{
	(void)state;
	open_spool(16 * MIB);
	assert_int_equal(commit_body(1, 5000), 0);
	disk.sync_every = 1;
	for (int i = 0; i < 200; i++)
		assert_int_equal(commit_body(2, 5000), -EIO);
	assert_false(drain_one());
	disk.sync_every = 0;
	assert_int_equal(commit_body(3, 5000), 0);
	assert_int_equal(state_now().bodies, 2);
	reopen(16 * MIB);
	assert_int_equal(state_now().bodies, 2);
	assert_true(drain_one());
	assert_true(drain_one());
}

/* The batch after it writes over its pages in the WAL. */
static void a_kill_after_a_failed_commit_keeps_rows_and_ledger_together(void **state)
{
	struct seen seen = {0};
	pid_t child;
	int status;

	(void)state;
	child = fork();
	if (child == 0) {
		open_spool(16 * MIB);
		commit_body(1, 5000);
		disk.sync_every = 1;
		commit_body(2, 5000);
		_exit(0);
	}
	waitpid(child, &status, 0);
	open_spool(16 * MIB);
	assert_int_equal(spool_load_ledger(spool, see, &seen, err), 0);
	assert_int_equal(state_now().bodies, seen.n);
	assert_true(spool_is_check_due(spool));
}

static void a_clean_stop_asks_for_no_check(void **state)
{
	(void)state;
	open_spool(16 * MIB);
	assert_false(spool_is_check_due(spool));
	commit_body(1, 5000);
	reopen(16 * MIB);
	assert_false(spool_is_check_due(spool));
}

/* As a kill does: the files as they are, taken while it runs. */
static void leave_uncleanly(uint64_t max_bytes, int n, size_t len)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (spool_open(path, max_bytes, &spool, err) < 0)
			_exit(1);
		for (int i = 0; i < n; i++)
			commit_body(1, len);
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void an_unclean_stop_asks_for_a_check_which_is_done_in_steps(void **state)
{
	(void)state;
	leave_uncleanly(64 * MIB, 100, 200000);
	assert_int_equal(spool_open(path, 64 * MIB, &spool, err), 0);
	assert_int_equal(spool_check(spool, err), 1);
	assert_int_equal(commit_body(1, 100), 0);
	check_all(0);
	assert_false(spool_is_check_due(spool));
	spool_close(spool);
	assert_int_equal(spool_open(path, 64 * MIB, &spool, err), 0);
	assert_false(spool_is_check_due(spool));
}

static void until_it_was_checked_a_clean_stop_still_asks_for_it(void **state)
{
	(void)state;
	leave_uncleanly(16 * MIB, 3, 100);
	open_spool(16 * MIB);
	reopen(16 * MIB);
	assert_true(spool_is_check_due(spool));
}

/* Its pages, but for the head, after everything has gone from the WAL into the file. */
static void damage(off_t from, off_t to)
{
	uint8_t junk[4096];

	memset(junk, 0x5a, sizeof(junk));
	for (off_t at = from; at < to; at += (off_t)sizeof(junk))
		write_at(path, at, junk, sizeof(junk));
}

static void one_file_was_moved_aside_and_a_new_one_works(void)
{
	assert_int_equal(state_now().corrupt_files, 1);
	assert_int_equal(state_now().bodies, 0);
	assert_int_equal(count_files("spool.db.corrupt-"), 2); /* and its WAL */
	assert_int_equal(commit_body(7, 100), 0);
	reopen(16 * MIB);
	assert_int_equal(state_now().bodies, 1);
}

static void a_damaged_file_is_moved_aside_at_the_start(void **state)
{
	struct seen seen = {0};

	(void)state;
	open_spool(16 * MIB);
	for (int i = 0; i < 10; i++)
		commit_body(1, 20000);
	spool_close(spool);
	spool = NULL;
	write_at(path, 100, "no tree here", 12);
	unlink("spool.db-wal");
	damage(4096, 40 * 4096);
	{
		char wal[160];

		snprintf(wal, sizeof(wal), "%s-wal", path);
		assert_int_equal(truncate(wal, 0), 0);
	}
	open_spool(16 * MIB);
	assert_int_equal(spool_load_ledger(spool, see, &seen, err), 0);
	one_file_was_moved_aside_and_a_new_one_works();
}

static void a_file_that_was_cut_is_moved_aside(void **state)
{
	char wal[160];

	(void)state;
	open_spool(16 * MIB);
	for (int i = 0; i < 100; i++)
		commit_body(1, 20000);
	spool_close(spool);
	spool = NULL;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(truncate(wal, 0), 0);
	assert_int_equal(truncate(path, 10 * 4096), 0);
	open_spool(16 * MIB);
	if (state_now().corrupt_files == 0)
		(void)drain_one();
	one_file_was_moved_aside_and_a_new_one_works();
}

static void damage_that_is_found_while_working_costs_no_more_than_what_was_in_the_file(void **state)
{
	struct spool_body body;
	char wal[160];
	int64_t last = 0;

	(void)state;
	open_spool(16 * MIB);
	for (int i = 0; i < 100; i++)
		commit_body(1, 20000);
	assert_int_equal(spool_next(spool, 0, &body, err), 1);
	last = body.id;
	free(body.data);
	spool_close(spool);
	spool = NULL;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(truncate(wal, 0), 0);
	open_spool(16 * MIB);
	assert_int_equal(spool_next(spool, last, &body, err), 1);
	free(body.data);
	last = body.id;
	damage(300 * 4096, 400 * 4096);
	for (int i = 0; i < 100 && state_now().corrupt_files == 0; i++)
		drain_one();
	assert_int_equal(state_now().corrupt_files, 1);
	assert_true(state_now().corrupt_lines > 0);
	/* What is under way is settled by its id, which must not be another's now. */
	assert_int_equal(commit_body(9, 100), 0);
	assert_int_equal(spool_next(spool, 0, &body, err), 1);
	assert_true(body.id > last);
	free(body.data);
}

static void a_check_finds_damage(void **state)
{
	char wal[160];

	(void)state;
	leave_uncleanly(64 * MIB, 200, 20000);
	assert_int_equal(spool_open(path, 64 * MIB, &spool, err), 0);
	spool_close(spool);
	spool = NULL;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(truncate(wal, 0), 0);
	damage(500 * 4096, 510 * 4096);
	assert_int_equal(spool_open(path, 64 * MIB, &spool, err), 0);
	check_all(-EBADMSG);
	assert_int_equal(state_now().corrupt_files, 1);
	assert_int_equal(commit_body(7, 100), 0);
}

static void what_we_did_not_write_is_never_moved(void **state)
{
	char junk[8192];
	FILE *file = fopen(path, "w");

	(void)state;
	memset(junk, 'x', sizeof(junk));
	fwrite(junk, 1, sizeof(junk), file);
	fclose(file);
	assert_int_equal(spool_open(path, 16 * MIB, &spool, err), -EBADMSG);
	assert_int_equal(count_files("corrupt"), 0);
}

static void bury(int n, size_t len)
{
	struct spool_body body;

	for (int i = 0; i < n; i++) {
		assert_int_equal(commit_body((uint8_t)i, len), 0);
		assert_int_equal(spool_newest(spool, 0, &body, err), 1);
		assert_int_equal(refuse(body.id, "partial write: no"), 1);
		free(body.data);
	}
}

static void dead_letters_are_shown_with_their_reason(void **state)
{
	struct spool_dead dead;

	(void)state;
	open_spool(16 * MIB);
	bury(2, 100);
	assert_int_equal(spool_next_dead(spool, 0, &dead, err), 1);
	assert_int_equal(dead.status, 400);
	assert_string_equal(dead.reason, "partial write: no");
	assert_int_equal(dead.lines, 3);
	assert_int_equal(dead.len, 100);
	assert_int_equal(dead.data[99], 0);
	free(dead.data);
	assert_int_equal(spool_next_dead(spool, dead.id, &dead, err), 1);
	free(dead.data);
	assert_int_equal(spool_next_dead(spool, dead.id, &dead, err), 0);
}

static void a_replay_moves_them_all_back_and_counts_them(void **state)
{
	int64_t last;
	int r, n = 0;

	(void)state;
	open_spool(16 * MIB);
	bury(40, 20000);
	commit_body(77, 100);
	assert_int_equal(spool_last_dead(spool, &last, err), 0);
	while ((r = spool_replay(spool, last, err)) == 1)
		n++;
	assert_int_equal(r, 0);
	assert_true(n > 1);
	assert_int_equal(state_now().dead_bodies, 0);
	assert_int_equal(state_now().bodies, 41);
	assert_int_equal(state_now().replayed_lines, 120);
	assert_int_equal(state_now().replayed_traffic_bytes, 40000);
	reopen(16 * MIB);
	assert_int_equal(state_now().dead_bodies, 0);
	assert_int_equal(state_now().bodies, 41);
}

static void what_died_after_a_replay_began_stays(void **state)
{
	int64_t last;

	(void)state;
	open_spool(16 * MIB);
	bury(1, 100);
	assert_int_equal(spool_last_dead(spool, &last, err), 0);
	bury(1, 100);
	assert_int_equal(spool_replay(spool, last, err), 0);
	assert_int_equal(state_now().dead_bodies, 1);
	assert_int_equal(spool_replay(spool, last, err), 0);
	assert_int_equal(state_now().replayed_lines, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_commit_is_synced),
		TEST(a_delivery_is_synced),
		TEST(room_is_taken_at_the_start_and_kept),
		TEST(a_look_into_it_takes_no_room),
		TEST(a_smaller_maximum_cuts_the_wal),
		TEST(a_wal_that_is_cut_on_a_full_disk_costs_the_file_no_room),
		TEST(on_a_full_disk_it_commits_and_drains_within_its_room),
		TEST(also_after_a_start_on_the_full_disk),
		TEST(beyond_its_room_a_full_disk_refuses_commits_and_goes_on_draining),
		TEST(beyond_its_room_it_goes_on_once_the_disk_has_room),
		TEST(what_fits_the_empty_wal_is_committed_on_a_full_disk),
		TEST(a_body_longer_than_the_wal_leaves_a_full_disk),
		TEST(a_refused_body_leaves_a_full_disk_as_well),
		TEST(failing_syncs_discard_whole_batches_and_no_more),
		TEST(failing_writes_discard_whole_batches_and_no_more),
		TEST(a_disk_that_is_full_now_and_then_discards_whole_batches_and_no_more),
		TEST(syncs_that_fail_for_a_while_leave_no_trace),
		TEST(a_kill_after_a_failed_commit_keeps_rows_and_ledger_together),
		TEST(a_clean_stop_asks_for_no_check),
		TEST(an_unclean_stop_asks_for_a_check_which_is_done_in_steps),
		TEST(until_it_was_checked_a_clean_stop_still_asks_for_it),
		TEST(a_damaged_file_is_moved_aside_at_the_start),
		TEST(a_file_that_was_cut_is_moved_aside),
		TEST(damage_that_is_found_while_working_costs_no_more_than_what_was_in_the_file),
		TEST(a_check_finds_damage),
		TEST(what_we_did_not_write_is_never_moved),
		TEST(dead_letters_are_shown_with_their_reason),
		TEST(a_replay_moves_them_all_back_and_counts_them),
		TEST(what_died_after_a_replay_began_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
