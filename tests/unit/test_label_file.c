/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/label_file collector/labels collector/name_text collector/line collector/strbuf
 */
/* uses: collector/loop collector/scope */
#include "label_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static struct loop *loop;
static struct stats stats;
static struct label_file *file;
static char err[ERR_LEN];

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/nstats-test-labels-XXXXXX");
	stats = (struct stats){0};
	file = NULL;
	return mkdtemp(dir) && chdir(dir) == 0 && loop_new(&loop, err) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	label_file_close(file);
	loop_free(loop);
	unlink("labels");
	unlink("..data");
	unlink("v1/labels");
	unlink("v2/labels");
	rmdir("v1");
	rmdir("v2");
	return chdir("/") == 0 ? rmdir(dir) : -1;
}

static void write_to(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static int open_file(void)
{
	return label_file_open(loop, "labels", &stats, &file, err);
}

static const char *name_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return label_file_find(file, &addr);
}

static void a_bad_line_stops_the_start_with_its_file_and_number(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 a\n10.0.0.0/99 b\n");
	assert_int_equal(open_file(), -EINVAL);
	assert_string_equal(err, "--labels: 'labels', line 2: '10.0.0.0/99'; expected a prefix, as "
				 "10.0.0.0/8 or 2001:db8::/32");
}

static void a_file_that_is_not_there_or_none_stops_the_start(void **state)
{
	(void)state;
	assert_int_equal(open_file(), -ENOENT);
	assert_non_null(strstr(err, "cannot read 'labels': No such file"));
	assert_int_equal(label_file_open(loop, ".", &stats, &file, err), -EISDIR);
}

static void a_file_that_is_too_long_is_refused(void **state)
{
	FILE *out;

	(void)state;
	out = fopen("labels", "we");
	assert_non_null(out);
	for (size_t i = 0; i <= LABELS_TEXT_MAX; i++)
		putc('\n', out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(open_file(), -EFBIG);
}

/* As the timer does it: the second finds still what the first found changed. */
static void look_twice(void)
{
	label_file_look(file);
	label_file_look(file);
}

static void a_changed_file_is_read_and_an_unchanged_one_is_not(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 before\n");
	assert_int_equal(open_file(), 0);
	assert_int_equal(stats.labels, 1);
	label_file_look(file);
	assert_int_equal(stats.labels_read, 0);
	write_to("labels", "10.0.0.0/8 afterwards\n192.0.2.0/24 new\n");
	look_twice();
	label_file_look(file);
	assert_int_equal(stats.labels_read, 1);
	assert_int_equal(stats.labels, 2);
	assert_string_equal(name_of("10.0.0.1"), "afterwards");
}

/* An editor cuts it to nothing, writes, and is held up: each look sees another file. */
static void a_file_that_is_being_written_is_left_until_it_is_still(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 before\n192.0.2.0/24 too\n");
	assert_int_equal(open_file(), 0);
	write_to("labels", "");
	label_file_look(file);
	write_to("labels", "10.0.0.0/8 half\n");
	label_file_look(file);
	write_to("labels", "10.0.0.0/8 whole\n192.0.2.0/24 too\n");
	label_file_look(file);
	assert_int_equal(stats.labels_read, 0);
	assert_string_equal(name_of("10.0.0.1"), "before");
	label_file_look(file);
	assert_int_equal(stats.labels_read, 1);
	assert_string_equal(name_of("10.0.0.1"), "whole");
}

static void a_file_that_is_moved_away_for_another_is_no_failure(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 before\n");
	assert_int_equal(open_file(), 0);
	assert_int_equal(unlink("labels"), 0);
	label_file_look(file);
	write_to("labels", "10.0.0.0/8 after\n");
	look_twice();
	assert_int_equal(stats.labels_failed, 0);
	assert_string_equal(name_of("10.0.0.1"), "after");
}

/* How often the log says so, of looks at what the file is now. */
static unsigned count_warnings(const char *text)
{
	int stderr_was = dup(STDERR_FILENO);
	FILE *log = tmpfile();
	char line[512];
	unsigned n = 0;

	assert_non_null(log);
	assert_true(dup2(fileno(log), STDERR_FILENO) >= 0);
	write_to("labels", text);
	look_twice();
	assert_true(dup2(stderr_was, STDERR_FILENO) >= 0);
	close(stderr_was);
	rewind(log);
	while (fgets(line, sizeof(line), log))
		n += strstr(line, "level=warn msg=\"no label is left\" file=\"labels\" "
				  "labels_before=2\n") != NULL;
	assert_int_equal(fclose(log), 0);
	return n;
}

static void the_loss_of_all_labels_is_a_warning_once(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 a\n192.0.2.0/24 b\n");
	assert_int_equal(open_file(), 0);
	assert_int_equal(count_warnings("# none\n"), 1);
	assert_null(name_of("10.0.0.1"));
	assert_int_equal(count_warnings("# still none\n"), 0);
	assert_int_equal(stats.labels_read, 2);
}

/* As the kubelet does it: ..data points to a folder, and is replaced by one that points to another.
 */
static void a_link_of_a_config_map_that_is_swapped_is_a_change(void **state)
{
	(void)state;
	assert_int_equal(mkdir("v1", 0700), 0);
	assert_int_equal(mkdir("v2", 0700), 0);
	write_to("v1/labels", "10.0.0.0/8 one\n");
	write_to("v2/labels", "10.0.0.0/8 two\n");
	assert_int_equal(symlink("v1", "..data"), 0);
	assert_int_equal(symlink("..data/labels", "labels"), 0);
	assert_int_equal(open_file(), 0);
	assert_string_equal(name_of("10.0.0.1"), "one");
	assert_int_equal(symlink("v2", "..data_tmp"), 0);
	assert_int_equal(rename("..data_tmp", "..data"), 0);
	look_twice();
	assert_string_equal(name_of("10.0.0.1"), "two");
}

static void a_bad_change_leaves_the_labels_and_is_counted_once(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 good\n");
	assert_int_equal(open_file(), 0);
	write_to("labels", "10.0.0.0/8 good\nworse\n");
	look_twice();
	label_file_look(file);
	assert_int_equal(stats.labels_failed, 1);
	assert_int_equal(stats.labels, 1);
	assert_string_equal(name_of("10.0.0.1"), "good");
	write_to("labels", "10.0.0.0/8 better\n");
	look_twice();
	assert_string_equal(name_of("10.0.0.1"), "better");
}

static void a_file_that_goes_away_leaves_the_labels_until_it_is_back(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 here\n");
	assert_int_equal(open_file(), 0);
	assert_int_equal(unlink("labels"), 0);
	look_twice();
	label_file_look(file);
	assert_int_equal(stats.labels_failed, 1);
	assert_string_equal(name_of("10.0.0.1"), "here");
	write_to("labels", "10.0.0.0/8 back\n");
	look_twice();
	assert_string_equal(name_of("10.0.0.1"), "back");
}

static void it_is_read_on_demand_changed_or_not(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 a\n");
	assert_int_equal(open_file(), 0);
	label_file_read(file);
	assert_int_equal(stats.labels_read, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bad_line_stops_the_start_with_its_file_and_number),
		TEST(a_file_that_is_not_there_or_none_stops_the_start),
		TEST(a_file_that_is_too_long_is_refused),
		TEST(a_changed_file_is_read_and_an_unchanged_one_is_not),
		TEST(a_file_that_is_being_written_is_left_until_it_is_still),
		TEST(a_file_that_is_moved_away_for_another_is_no_failure),
		TEST(the_loss_of_all_labels_is_a_warning_once),
		TEST(a_link_of_a_config_map_that_is_swapped_is_a_change),
		TEST(a_bad_change_leaves_the_labels_and_is_counted_once),
		TEST(a_file_that_goes_away_leaves_the_labels_until_it_is_back),
		TEST(it_is_read_on_demand_changed_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
