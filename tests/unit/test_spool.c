/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/spool_account collector/spool_statements collector/spool_sqlite */
/* uses: collector/spool_db collector/spool_room collector/spool_setup collector/spool_backup */
/* uses: collector/spool_aside collector/spool_rows collector/spool_commit collector/spool_settle */
/* uses: collector/spool_dead collector/spool_file collector/spool */
#include "spool_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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

static int64_t since_ms = 1795378530000;

static int commit_body(uint8_t fill, size_t len)
{
	return commit_body_at(fill, len, since_ms, NULL, 0);
}

static off_t size_of(const char *end)
{
	char name[160];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, end);
	return stat(name, &st) == 0 ? st.st_size : 0;
}

static void write_file(const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void a_body_comes_back_as_it_went_in(void **state)
{
	struct spool_body body;

	(void)state;
	open_spool(MIB);
	assert_int_equal(commit_body(7, 5000), 0);
	assert_int_equal(spool_next(spool, 0, &body, err), 1);
	assert_int_equal(body.lines, 3);
	assert_int_equal(body.traffic_bytes, 1000);
	assert_int_equal(body.len, 5000);
	assert_int_equal(body.data[4999], 7);
	free(body.data);
}

static void an_empty_spool_has_nothing_to_give(void **state)
{
	struct spool_body body;

	(void)state;
	open_spool(MIB);
	assert_int_equal(spool_next(spool, 0, &body, err), 0);
}

static void bodies_come_oldest_first(void **state)
{
	struct spool_body body;
	int64_t first;

	(void)state;
	open_spool(MIB);
	commit_body(1, 100);
	commit_body(2, 100);
	first = take(1);
	assert_int_equal(spool_next(spool, first, &body, err), 1);
	assert_int_equal(body.data[0], 2);
	assert_true(body.id > first);
	free(body.data);
	assert_int_equal(deliver(first), 1);
	take(2);
}

static void a_deleted_body_leaves_the_state(void **state)
{
	(void)state;
	open_spool(MIB);
	commit_body(1, 100);
	commit_body(2, 200);
	assert_int_equal(deliver(take(1)), 1);
	assert_int_equal(state_now().bodies, 1);
	assert_int_equal(state_now().lines, 3);
	assert_int_equal(state_now().traffic_bytes, 1000);
	assert_int_equal(state_now().data_bytes, 200);
}

static void deleting_what_is_not_there_changes_nothing(void **state)
{
	(void)state;
	open_spool(MIB);
	commit_body(1, 100);
	assert_int_equal(deliver(99), 0);
	assert_int_equal(state_now().bodies, 1);
}

static void ids_are_not_used_again(void **state)
{
	int64_t first;

	(void)state;
	open_spool(MIB);
	commit_body(1, 100);
	first = take(1);
	deliver(first);
	reopen(MIB);
	commit_body(2, 100);
	assert_true(take(2) > first);
}

static void the_state_is_the_same_after_opening_again(void **state)
{
	struct spool_state before, after;

	(void)state;
	open_spool(MIB);
	commit_body(1, 100);
	commit_body(2, 200);
	commit_body(3, 300);
	refuse(take(1), "bad line");
	before = state_now();
	reopen(MIB);
	after = state_now();
	assert_memory_equal(&before, &after, sizeof(before));
}

static void traffic_beyond_a_signed_number_survives(void **state)
{
	uint8_t byte = 1;
	struct spool_body body[2] = {
		{.lines = 1, .traffic_bytes = UINT64_MAX, .data = &byte, .len = 1},
		{.lines = 1, .traffic_bytes = UINT64_MAX / 2, .data = &byte, .len = 1},
	};
	const struct spool_batch batch = {.bodies = body, .n_bodies = 2};

	(void)state;
	open_spool(MIB);
	assert_int_equal(spool_commit(spool, &batch, err), 0);
	reopen(MIB);
	assert_int_equal(spool_next(spool, 0, &body[0], err), 1);
	assert_true(body[0].traffic_bytes == UINT64_MAX);
	free(body[0].data);
}

static void dead_letters_keep_to_their_bound_and_the_oldest_go(void **state)
{
	int i;

	(void)state;
	open_spool(MIB);
	for (i = 0; i < 10; i++) {
		commit_body((uint8_t)i, 20000); /* 3 fit into a sixteenth of 1 MiB */
		assert_int_equal(refuse(take((uint8_t)i), "no"), 1);
	}
	assert_int_equal(state_now().dead_bodies, 3);
	assert_int_equal(state_now().dead_evicted_bodies, 7);
	assert_int_equal(state_now().bodies, 0);
}

static void a_dead_letter_over_the_bound_alone_is_counted_not_kept(void **state)
{
	(void)state;
	open_spool(MIB);
	commit_body(1, 100000);
	assert_int_equal(refuse(take(1), "no"), 1);
	assert_int_equal(state_now().dead_bodies, 0);
	assert_int_equal(state_now().dead_evicted_bodies, 1);
	assert_int_equal(state_now().bodies, 0);
}

static void the_quota_keeps_the_files_below_the_maximum(void **state)
{
	int i;

	(void)state;
	open_spool(MIB);
	for (i = 0; i < 500; i++) {
		assert_int_equal(commit_body((uint8_t)i, 1000 + (size_t)(i * 7919 % 30000)), 0);
		assert_true(size_of("") + size_of("-wal") <= MIB);
	}
	assert_true(state_now().evicted_bodies > 400);
	assert_true(state_now().data_bytes > MIB / 2);
}

static void what_is_evicted_is_the_oldest_and_counted(void **state)
{
	struct spool_state now;
	int64_t after = 0;
	uint64_t n = 0;
	struct spool_body body;
	int i;

	(void)state;
	open_spool(MIB);
	for (i = 0; i < 100; i++)
		commit_body((uint8_t)i, 20000);
	now = state_now();
	assert_int_equal(now.bodies + now.evicted_bodies, 100);
	assert_int_equal(now.lines + now.evicted_lines, 300);
	assert_int_equal(now.traffic_bytes + now.evicted_traffic_bytes, 100000);
	for (; spool_next(spool, after, &body, err) == 1; n++) {
		assert_int_equal(body.data[0], now.evicted_bodies + n);
		after = body.id;
		free(body.data);
	}
	assert_int_equal(n, now.bodies);
}

/* It may be on its way to the database: evicted and delivered would count it twice. */
static void the_body_given_last_is_not_evicted(void **state)
{
	int64_t id;
	int i;

	(void)state;
	open_spool(MIB);
	commit_body(200, 20000);
	id = take(200);
	for (i = 0; i < 100; i++)
		assert_int_equal(commit_body(1, 20000), 0);
	assert_int_equal(take(200), id);
	assert_int_equal(state_now().bodies + state_now().evicted_bodies, 101);
}

static void a_batch_that_does_not_fit_is_discarded_whole(void **state)
{
	uint8_t *data = calloc(1, MIB);
	struct spool_body bodies[2] = {
		{.lines = 1, .data = data, .len = 100},
		{.lines = 1, .data = data, .len = MIB},
	};
	const struct ledger_entry entry = {
		"boot", (const uint8_t *)"k", 1, (const uint8_t *)"v", 1};
	const struct spool_batch batch = {
		.bodies = bodies,
		.n_bodies = 2,
		.entries = (struct ledger_entry[]){entry},
		.n_entries = 1,
	};

	(void)state;
	open_spool(MIB);
	assert_int_equal(spool_commit(spool, &batch, err), -ENOSPC);
	assert_int_equal(state_now().bodies, 0);
	assert_int_equal(commit_body(1, 100), 0);
	reopen(MIB);
	assert_int_equal(state_now().bodies, 1);
	free(data);
}

static void commit_entries(struct ledger_entry *entries, size_t n)
{
	const struct spool_batch batch = {.entries = entries, .n_entries = n};

	assert_int_equal(spool_commit(spool, &batch, err), 0);
}

static void the_ledger_comes_back(void **state)
{
	struct ledger_entry entries[] = {
		entry_of("boot", "b1", "one"),
		entry_of("observer", "pod", "two"),
		entry_of("series", "hash", "three"),
	};
	struct seen_text seen = {0};

	(void)state;
	open_spool(MIB);
	commit_entries(entries, 3);
	reopen(MIB);
	assert_int_equal(spool_load_ledger(spool, see_text, &seen, err), 0);
	assert_int_equal(seen.n, 3);
	assert_string_equal(seen.text[0], "boot b1=one");
	assert_string_equal(seen.text[1], "observer pod=two");
	assert_string_equal(seen.text[2], "series hash=three");
}

/* 300 KB of ledger where the reserve is 128 KiB: old bodies go, not the batch. */
static void a_large_ledger_evicts_old_bodies_and_is_committed(void **state)
{
	enum {
		N = 1000
	};
	static char keys[N][16];
	static char value[300];
	static struct ledger_entry entries[N];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	open_spool(MIB);
	while (state_now().evicted_bodies == 0)
		assert_int_equal(commit_body(1, 20000), 0);
	for (size_t i = 0; i < N; i++) {
		snprintf(keys[i], sizeof(keys[i]), "boot-%zu", i);
		entries[i] = entry_of("boot", keys[i], value);
	}
	commit_entries(entries, N);
	assert_true(state_now().evicted_bodies > 1);
}

static void an_entry_is_replaced_and_an_empty_one_deletes(void **state)
{
	struct ledger_entry first[] = {entry_of("boot", "a", "1"), entry_of("boot", "b", "1"),
		entry_of("series", "b", "1")};
	struct ledger_entry second[] = {
		entry_of("boot", "a", "2"), entry_of("boot", "b", ""), entry_of("series", "b", "")};
	struct seen_text seen = {0};

	(void)state;
	open_spool(MIB);
	commit_entries(first, 3);
	commit_entries(second, 3);
	assert_int_equal(spool_load_ledger(spool, see_text, &seen, err), 0);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.text[0], "boot a=2");
}

static bool refuse_entry(void *ctx, const struct ledger_entry *unused)
{
	(void)ctx;
	(void)unused;
	return false;
}

static void an_entry_that_is_not_taken_is_an_error(void **state)
{
	struct ledger_entry one[] = {entry_of("boot", "a", "1")};

	(void)state;
	open_spool(MIB);
	commit_entries(one, 1);
	assert_int_equal(spool_load_ledger(spool, refuse_entry, NULL, err), -EBADMSG);
	assert_int_equal(commit_body(1, 10), 0);
}

static void a_directory_is_refused_with_a_sentence(void **state)
{
	char expected[ERR_LEN];

	(void)state;
	assert_int_equal(spool_open(dir, MIB, &spool, err), -EISDIR);
	snprintf(expected, sizeof(expected), "--spool: '%s' is a directory; expected a file", dir);
	assert_string_equal(err, expected);
}

static void a_missing_directory_is_refused_with_a_sentence(void **state)
{
	(void)state;
	assert_int_equal(spool_open("/nonexistent/x.db", MIB, &spool, err), -ENOENT);
	assert_non_null(strstr(err, "--spool: '/nonexistent/x.db'"));
	assert_non_null(strstr(err, "expected"));
}

static void garbage_is_refused_and_left_alone(void **state)
{
	char garbage[10000];
	size_t len;

	(void)state;
	memset(garbage, 'x', sizeof(garbage));
	for (len = 10; len <= sizeof(garbage); len = len * 10) {
		write_file(garbage, len);
		assert_int_equal(spool_open(path, MIB, &spool, err), -EBADMSG);
		assert_non_null(strstr(err, "is no nstats spool"));
		assert_int_equal(size_of(""), len);
	}
}

static void another_program_s_database_is_refused(void **state)
{
	(void)state;
	if (!have_sqlite3()) {
		print_message("skipped: sqlite3 is not installed\n");
		skip();
	}
	run_sql("CREATE TABLE theirs (x)");
	assert_int_equal(spool_open(path, MIB, &spool, err), -EBADMSG);
}

static void the_oldest_bodys_interval_is_known(void **state)
{
	int64_t first_ms = since_ms;

	(void)state;
	open_spool(MIB);
	assert_int_equal(state_now().oldest_ms, 0);
	assert_int_equal(state_now().max_bytes, MIB);
	assert_int_equal(commit_body(1, 100), 0);
	since_ms += 10000;
	assert_int_equal(commit_body(2, 100), 0);
	since_ms += 10000;
	assert_int_equal(commit_body(3, 100), 0);
	assert_int_equal(state_now().oldest_ms, first_ms);
	assert_int_equal(deliver(take(1)), 1);
	assert_int_equal(state_now().oldest_ms, first_ms + 10000);
	reopen(MIB);
	assert_int_equal(state_now().oldest_ms, first_ms + 10000);
	assert_int_equal(refuse(take(2), "no"), 1);
	assert_int_equal(state_now().oldest_ms, first_ms + 20000);
}

static void a_quota_below_the_least_is_refused(void **state)
{
	(void)state;
	assert_int_equal(spool_open(path, MIB - 1, &spool, err), -EINVAL);
	assert_non_null(strstr(err, "--spool-max: 1048575; expected at least 1048576"));
}

static void a_path_that_sqlite_would_interpret_is_a_plain_file(void **state)
{
	char before[256];
	struct stat st;

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(dir), 0);
	snprintf(path, sizeof(path), "%s/:memory:", dir);
	assert_int_equal(spool_open(":memory:", MIB, &spool, err), 0);
	assert_int_equal(stat(":memory:", &st), 0);
	assert_int_equal(chdir(before), 0);
}

static void a_second_open_is_refused_while_the_first_is_idle(void **state)
{
	struct spool *second = NULL;

	(void)state;
	open_spool(MIB);
	assert_int_equal(spool_open(path, MIB, &second, err), -EBUSY);
	assert_non_null(strstr(err, "is in use by another collector"));
	assert_int_equal(commit_body(1, 10), 0);
}

static void another_process_is_refused_while_this_one_is_idle(void **state)
{
	pid_t child;
	int status;

	(void)state;
	open_spool(MIB);
	commit_body(1, 10);
	child = fork();
	if (child == 0) {
		struct spool *second;

		_exit(spool_open(path, MIB, &second, err) == -EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(commit_body(2, 10), 0);
}

static void no_shared_memory_file_is_made(void **state)
{
	(void)state;
	open_spool(MIB);
	commit_body(1, 10);
	assert_int_equal(size_of("-shm"), 0);
}

/* Commits bodies of a number each, and writes the number to fd when the commit has returned. */
static void commit_until_killed(int fd)
{
	uint32_t i;

	if (spool_open(path, 64 * MIB, &spool, err) < 0)
		_exit(1);
	for (i = 1; i < 100000; i++) {
		uint8_t data[3000] = {0};
		struct spool_body body = {.lines = i, .data = data, .len = 1 + i * 31 % 3000};
		struct ledger_entry last = entry_of("boot", "last", "");
		const struct spool_batch batch = {&body, 1, &last, 1, 0};

		last.value = (const uint8_t *)&i;
		last.value_len = sizeof(i);
		if (spool_commit(spool, &batch, err) < 0 || write(fd, &i, sizeof(i)) < 0)
			_exit(1);
	}
	_exit(1);
}

static bool take_last(void *ctx, const struct ledger_entry *e)
{
	assert_int_equal(e->value_len, sizeof(uint32_t));
	memcpy(ctx, e->value, sizeof(uint32_t));
	return true;
}

static void check_all_up_to(uint32_t reported)
{
	struct spool_body body;
	uint32_t n = 0, last = 0;
	int64_t after = 0;

	open_spool(64 * MIB);
	while (spool_next(spool, after, &body, err) == 1) {
		assert_int_equal(body.lines, ++n);
		after = body.id;
		free(body.data);
	}
	/* The last commit may have returned without having been reported. */
	assert_true(n == reported || n == reported + 1);
	assert_int_equal(spool_load_ledger(spool, take_last, &last, err), 0);
	assert_int_equal(last, n);
}

static void what_was_committed_survives_a_kill_once_with_its_ledger(void **state)
{
	uint32_t number = 0, until;
	int fds[2], status;

	(void)state;
	for (until = 1; until <= 200; until += 37) {
		pid_t child;

		unlink(path);
		assert_int_equal(pipe(fds), 0);
		child = fork();
		if (child == 0)
			commit_until_killed(fds[1]);
		close(fds[1]);
		while (read(fds[0], &number, sizeof(number)) == sizeof(number) && number < until)
			continue;
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		while (read(fds[0], &number, sizeof(number)) == sizeof(number))
			continue;
		close(fds[0]);
		assert_true(WIFSIGNALED(status));
		check_all_up_to(number);
		spool_close(spool);
		spool = NULL;
	}
}

static atomic_bool is_over;

static void *commit_many(void *ctx)
{
	int i;

	(void)ctx;
	for (i = 0; i < 50; i++)
		commit_body(1, 20000);
	atomic_store(&is_over, true);
	return NULL;
}

static void the_state_may_be_read_while_another_thread_commits(void **state)
{
	pthread_t thread;

	(void)state;
	open_spool(MIB);
	atomic_store(&is_over, false);
	assert_int_equal(pthread_create(&thread, NULL, commit_many, NULL), 0);
	while (!atomic_load(&is_over)) {
		struct spool_state now = state_now();

		assert_int_equal(now.lines, now.bodies * 3);
	}
	pthread_join(thread, NULL);
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	spool_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_body_comes_back_as_it_went_in),
		TEST(an_empty_spool_has_nothing_to_give),
		TEST(bodies_come_oldest_first),
		TEST(a_deleted_body_leaves_the_state),
		TEST(deleting_what_is_not_there_changes_nothing),
		TEST(ids_are_not_used_again),
		TEST(the_state_is_the_same_after_opening_again),
		TEST(traffic_beyond_a_signed_number_survives),
		TEST(dead_letters_keep_to_their_bound_and_the_oldest_go),
		TEST(a_dead_letter_over_the_bound_alone_is_counted_not_kept),
		TEST(the_quota_keeps_the_files_below_the_maximum),
		TEST(what_is_evicted_is_the_oldest_and_counted),
		TEST(the_body_given_last_is_not_evicted),
		TEST(a_batch_that_does_not_fit_is_discarded_whole),
		TEST(the_ledger_comes_back),
		TEST(an_entry_is_replaced_and_an_empty_one_deletes),
		TEST(a_large_ledger_evicts_old_bodies_and_is_committed),
		TEST(an_entry_that_is_not_taken_is_an_error),
		TEST(a_directory_is_refused_with_a_sentence),
		TEST(a_missing_directory_is_refused_with_a_sentence),
		TEST(garbage_is_refused_and_left_alone),
		TEST(another_program_s_database_is_refused),
		TEST(the_oldest_bodys_interval_is_known),
		TEST(a_quota_below_the_least_is_refused),
		TEST(a_path_that_sqlite_would_interpret_is_a_plain_file),
		TEST(a_second_open_is_refused_while_the_first_is_idle),
		TEST(another_process_is_refused_while_this_one_is_idle),
		TEST(no_shared_memory_file_is_made),
		TEST(what_was_committed_survives_a_kill_once_with_its_ledger),
		TEST(the_state_may_be_read_while_another_thread_commits),
		cmocka_unit_test(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
