/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/resolve_files */
#include "resolve_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH "/tmp/nstats-test-XXXXXX"

static char path[sizeof(PATH)];

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	memcpy(path, PATH, sizeof(path));
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static void assert_host(const char *host, const char *expected)
{
	char text[ADDR_STRLEN] = "none";
	struct addr addr;

	if (resolve_files_find_host(path, host, &addr))
		addr_format(&addr, text);
	assert_string_equal(text, expected);
}

/* The names that are asked for, one after the other. */
static void assert_candidates(const char *host, const char *expected)
{
	struct resolve_files files;
	char name[ADDR_HOST_LEN];
	char all[1024] = "";

	resolve_files_read(path, &files);
	for (size_t i = 0; resolve_files_candidate(&files, host, i, name); i++) {
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%s%s", i ? " " : "", name);
	}
	assert_string_equal(all, expected);
}

static void a_host_is_found_by_any_of_its_names(void **state)
{
	(void)state;
	write_file("# one\n10.0.0.1\tfirst second # third\n\n10.0.0.2 third\n");
	assert_host("second", "10.0.0.1");
	assert_host("THIRD", "10.0.0.2");
}

static void a_host_is_found_with_a_final_dot(void **state)
{
	(void)state;
	write_file("10.0.0.1 a.example\n");
	assert_host("a.example.", "10.0.0.1");
}

static void a_host_that_is_not_there_is_not_found(void **state)
{
	(void)state;
	write_file("10.0.0.1 collector2\nnonsense collector\n");
	assert_host("collector", "none");
}

static void ipv4_comes_before_ipv6(void **state)
{
	(void)state;
	write_file("::1 localhost\n127.0.0.1 localhost\n");
	assert_host("localhost", "127.0.0.1");
}

static void the_first_of_a_family_counts(void **state)
{
	(void)state;
	write_file("10.0.0.1 x\n10.0.0.2 x\nfd00::1 x\n");
	assert_host("x", "10.0.0.1");
}

static void a_line_beyond_the_maximum_is_left_out_whole(void **state)
{
	char text[8192];

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "10.0.0.1", 8);
	memcpy(text + 6000, "10.9.9.9 x\n10.0.0.3 y\n", 23);
	write_file(text);
	assert_host("x", "none");
	assert_host("y", "10.0.0.3");
}

static void a_missing_file_means_the_local_server(void **state)
{
	struct resolve_files files;
	char text[ADDR_STRLEN];

	(void)state;
	resolve_files_read("/nonexistent/resolv.conf", &files);
	addr_format(&files.servers[0], text);
	assert_int_equal(files.n_servers, 1);
	assert_string_equal(text, "127.0.0.1");
}

static void three_servers_are_kept(void **state)
{
	struct resolve_files files;

	(void)state;
	write_file("nameserver 10.0.0.1\nnameserver fd00::1\nnameserver bad\n"
		   "nameserver 10.0.0.3\nnameserver 10.0.0.4\n");
	resolve_files_read(path, &files);
	assert_int_equal(files.n_servers, RESOLVE_SERVERS_MAX);
	assert_int_equal(files.servers[1].len, 16);
	assert_int_equal(files.servers[2].bytes[3], 3);
}

static void below_ndots_the_search_list_comes_first(void **state)
{
	(void)state;
	write_file("search ns.svc.cluster.local svc.cluster.local.\noptions timeout:1 ndots:5\n");
	assert_candidates("nstats.monitoring", "nstats.monitoring.ns.svc.cluster.local "
					       "nstats.monitoring.svc.cluster.local "
					       "nstats.monitoring");
}

static void from_ndots_on_the_name_comes_first(void **state)
{
	(void)state;
	write_file("search a b\n");
	assert_candidates("x.y", "x.y x.y.a x.y.b");
}

static void a_final_dot_leaves_the_search_list_out(void **state)
{
	(void)state;
	write_file("search a b\noptions ndots:5\n");
	assert_candidates("x.y.", "x.y");
}

static void the_last_search_list_counts(void **state)
{
	(void)state;
	write_file("domain a\nsearch b c\n");
	assert_candidates("x", "x.b x.c x");
}

static void a_candidate_that_is_too_long_is_empty(void **state)
{
	struct resolve_files files;
	char host[ADDR_HOST_LEN];
	char name[ADDR_HOST_LEN] = "untouched";

	(void)state;
	write_file("search example.com\noptions ndots:15\n");
	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	resolve_files_read(path, &files);
	assert_true(resolve_files_candidate(&files, host, 0, name));
	assert_string_equal(name, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_is_found_by_any_of_its_names),
		TEST(a_host_is_found_with_a_final_dot),
		TEST(a_host_that_is_not_there_is_not_found),
		TEST(ipv4_comes_before_ipv6),
		TEST(the_first_of_a_family_counts),
		TEST(a_line_beyond_the_maximum_is_left_out_whole),
		TEST(a_missing_file_means_the_local_server),
		TEST(three_servers_are_kept),
		TEST(below_ndots_the_search_list_comes_first),
		TEST(from_ndots_on_the_name_comes_first),
		TEST(a_final_dot_leaves_the_search_list_out),
		TEST(the_last_search_list_counts),
		TEST(a_candidate_that_is_too_long_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
