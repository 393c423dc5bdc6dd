/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/label_file collector/labels collector/name_text collector/line collector/strbuf
 */
/* uses: collector/loop */
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

static void a_changed_file_is_read_and_an_unchanged_one_is_not(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 before\n");
	assert_int_equal(open_file(), 0);
	assert_int_equal(stats.labels, 1);
	label_file_look(file);
	assert_int_equal(stats.labels_read, 0);
	write_to("labels", "10.0.0.0/8 afterwards\n192.0.2.0/24 new\n");
	label_file_look(file);
	label_file_look(file);
	assert_int_equal(stats.labels_read, 1);
	assert_int_equal(stats.labels, 2);
	assert_string_equal(name_of("10.0.0.1"), "afterwards");
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
	label_file_look(file);
	assert_string_equal(name_of("10.0.0.1"), "two");
}

static void a_bad_change_leaves_the_labels_and_is_counted_once(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 good\n");
	assert_int_equal(open_file(), 0);
	write_to("labels", "10.0.0.0/8 good\nworse\n");
	label_file_look(file);
	label_file_look(file);
	assert_int_equal(stats.labels_failed, 1);
	assert_int_equal(stats.labels, 1);
	assert_string_equal(name_of("10.0.0.1"), "good");
	write_to("labels", "10.0.0.0/8 better\n");
	label_file_look(file);
	assert_string_equal(name_of("10.0.0.1"), "better");
}

static void a_file_that_goes_away_leaves_the_labels_until_it_is_back(void **state)
{
	(void)state;
	write_to("labels", "10.0.0.0/8 here\n");
	assert_int_equal(open_file(), 0);
	assert_int_equal(unlink("labels"), 0);
	label_file_look(file);
	label_file_look(file);
	assert_int_equal(stats.labels_failed, 1);
	assert_string_equal(name_of("10.0.0.1"), "here");
	write_to("labels", "10.0.0.0/8 back\n");
	label_file_look(file);
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
		TEST(a_link_of_a_config_map_that_is_swapped_is_a_change),
		TEST(a_bad_change_leaves_the_labels_and_is_counted_once),
		TEST(a_file_that_goes_away_leaves_the_labels_until_it_is_back),
		TEST(it_is_read_on_demand_changed_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
