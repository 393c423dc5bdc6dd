/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct config {
	const char *interface;
	const char *collector;
	uint64_t interval;
	int dns;
	const char *copy;
};

#define AT(field) .offset = offsetof(struct config, field)

static const struct option_row rows[] = {
	{"interface", 'i', "NAME", "IFACE", NULL,
		"network interface to capture on; without it the one of the default route",
		OPTION_TEXT, AT(interface)},
	{"collector", 'c', "HOST[:PORT]", NULL, "127.0.0.1:4747", "where reports go", OPTION_PORT,
		AT(collector)},
	{"interval", 't', "SECONDS", NULL, "10", "length of a report's interval", OPTION_NUMBER,
		AT(interval), .min = 1, .max = 3600},
	{"dns", 0, "on|off", NULL, "on", "learn names from the pod's own DNS answers",
		OPTION_CHOICE, AT(dns), .choices = "on|off"},
};

static const struct option_command commands[] = {
	{.name = "healthcheck",
		.help = "ask the program that runs here whether it is well; a sentence that is "
			"long "
			"enough to be wrapped"},
	{.name = "second", .help = "another"},
	{.name = "copy", .help = "with an argument", .arg = "PATH", AT(copy)},
};

static const struct option_table table = {
	.program = "nstats-probe",
	.summary = "Counts where a pod's bandwidth goes, and tells an nstats-collector; a sentence "
		   "that is long enough to be wrapped.",
	.rows = rows,
	.n = sizeof(rows) / sizeof(rows[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};

static struct config config;
static const char *command;

#define READ(...) read_line((char *[]){"nstats-probe", ##__VA_ARGS__, NULL})

static int read_line(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	command = "untouched";
	return command_line_read(&table, argc, argv, &config, &command);
}

static int clear_environment(void **state)
{
	(void)state;
	return clearenv();
}

static void without_a_command_there_is_none(void **state)
{
	(void)state;
	assert_int_equal(READ("-t", "7"), COMMAND_LINE_RUN);
	assert_null(command);
	assert_int_equal(config.interval, 7);
}

static void a_command_of_the_table_is_named_beside_its_options(void **state)
{
	(void)state;
	assert_int_equal(READ("healthcheck", "-t", "7"), COMMAND_LINE_RUN);
	assert_string_equal(command, "healthcheck");
	assert_int_equal(config.interval, 7);
	assert_int_equal(READ("-t", "8", "second"), COMMAND_LINE_RUN);
	assert_string_equal(command, "second");
}

static void a_command_s_argument_follows_it(void **state)
{
	(void)state;
	assert_int_equal(READ("copy", "-t", "7", "/a file"), COMMAND_LINE_RUN);
	assert_string_equal(command, "copy");
	assert_string_equal(config.copy, "/a file");
}

static void any_other_command_ends_with_2(void **state)
{
	(void)state;
	assert_int_equal(READ("healthchec"), 2);
	assert_int_equal(READ("healthcheck2"), 2);
	assert_int_equal(READ(""), 2);
	assert_int_equal(READ("healthcheck", "second"), 2);
	assert_int_equal(READ("copy"), 2);
	assert_int_equal(READ("copy", "a", "b"), 2);
	assert_string_equal(command, "untouched");
}

static void a_bad_option_ends_with_2_and_help_with_0(void **state)
{
	(void)state;
	assert_int_equal(READ("healthcheck", "-t", "0"), 2);
	assert_int_equal(READ("--version"), 0);
	assert_int_equal(READ("--help"), 0);
}

static char *printed(void (*print)(const struct option_table *, FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	print(&table, out);
	fclose(out);
	return text;
}

static void help_fits_80_columns_and_shows_every_option(void **state)
{
	char *text = printed(command_line_help);
	size_t n_lines = 0;

	(void)state;
	for (const char *line = text; *line; n_lines++) {
		size_t len = strcspn(line, "\n");

		assert_in_range(len, 0, 79);
		assert_true(len == 0 || line[len - 1] != ' ');
		line += len + 1;
	}
	for (size_t i = 0; i < table.n; i++)
		assert_non_null(strstr(text, rows[i].name));
	assert_non_null(strstr(text, "\nCommands:\n  healthcheck "));
	assert_non_null(strstr(text, "(default: 127.0.0.1:4747)"));
	assert_non_null(strstr(text, "(env: IFACE)"));
	assert_non_null(strstr(text, "  -t, --interval SECONDS"));
	free(text);
}

static void markdown_is_a_table_with_a_line_an_option(void **state)
{
	char *text = printed(command_line_markdown);

	(void)state;
	assert_non_null(strstr(text, "| option | environment | default | meaning |\n"));
	assert_non_null(strstr(text, "| `-t, --interval SECONDS` | `NSTATS_INTERVAL` | `10` | "
				     "length of a report's interval |\n"));
	assert_non_null(
		strstr(text, "| `-i, --interface NAME` | `NSTATS_INTERFACE`, `IFACE` | | "));
	assert_non_null(strstr(text, "| `--dns on\\|off` | `NSTATS_DNS` | `on` | "));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup(name, clear_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_command_there_is_none),
		TEST(a_command_of_the_table_is_named_beside_its_options),
		TEST(a_command_s_argument_follows_it),
		TEST(any_other_command_ends_with_2),
		TEST(a_bad_option_ends_with_2_and_help_with_0),
		TEST(help_fits_80_columns_and_shows_every_option),
		TEST(markdown_is_a_table_with_a_line_an_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
