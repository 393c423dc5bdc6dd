/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct config {
	const char *interface;
	const char *collector;
	uint64_t interval;
	uint64_t ring;
	uint64_t unset_number;
	int dns;
	bool print;
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
	{"ring", 0, "BYTES", NULL, "1MiB", "memory for reports that wait for their acknowledgement",
		OPTION_BYTES, AT(ring), .min = 64 * 1024, .max = 1 << 30},
	{"unset-number", 0, "N", NULL, NULL, "a number with no default", OPTION_NUMBER,
		AT(unset_number), .min = 5, .max = UINT64_MAX},
	{"dns", 0, "on|off", NULL, "on", "learn names from the pod's own DNS answers",
		OPTION_CHOICE, AT(dns), .choices = "on|off"},
	{"print", 0, NULL, NULL, NULL, "JSON lines on standard output instead of datagrams",
		OPTION_SWITCH, AT(print)},
};

static const struct option_table table = {
	.program = "nstats-probe",
	.rows = rows,
	.n = sizeof(rows) / sizeof(rows[0]),
};

static struct config config;
static const char *operand;
static char err[ERR_LEN];

#define PARSE(...) parse((char *[]){"nstats-probe", ##__VA_ARGS__, NULL})

static enum option_outcome parse(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	memset(&config, 0xa5, sizeof(config));
	operand = NULL;
	err[0] = '\0';
	return options_parse(&table, argc, argv, &config, &operand, err);
}

static int clear_environment(void **state)
{
	(void)state;
	return clearenv();
}

static void without_anything_the_defaults_hold(void **state)
{
	(void)state;
	assert_int_equal(PARSE(), OPTIONS_RUN);
	assert_null(config.interface);
	assert_string_equal(config.collector, "127.0.0.1:4747");
	assert_int_equal(config.interval, 10);
	assert_int_equal(config.ring, 1 << 20);
	assert_int_equal(config.unset_number, 0);
	assert_int_equal(config.dns, 0);
	assert_false(config.print);
	assert_null(operand);
}

static void each_way_to_write_a_flag_is_understood(void **state)
{
	(void)state;
	assert_int_equal(
		PARSE("--interval", "7", "--ring=2M", "--print", "--dns=off", "-i", "eth1"),
		OPTIONS_RUN);
	assert_int_equal(config.interval, 7);
	assert_int_equal(config.ring, 2 << 20);
	assert_true(config.print);
	assert_int_equal(config.dns, 1);
	assert_string_equal(config.interface, "eth1");
	assert_int_equal(PARSE("-t9", "-i", "-", "--collector=[::1]:5"), OPTIONS_RUN);
	assert_int_equal(config.interval, 9);
	assert_string_equal(config.interface, "-");
	assert_string_equal(config.collector, "[::1]:5");
}

static void one_operand_is_taken_and_a_second_refused(void **state)
{
	(void)state;
	assert_int_equal(PARSE("healthcheck", "-t", "5"), OPTIONS_RUN);
	assert_string_equal(operand, "healthcheck");
	assert_int_equal(config.interval, 5);
	assert_int_equal(PARSE("--", "--help"), OPTIONS_RUN);
	assert_string_equal(operand, "--help");
	assert_int_equal(PARSE("a", "b"), OPTIONS_BAD);
	assert_string_equal(err, "unexpected argument 'b' after 'a'; see --help");
}

static void help_and_version_win_over_bad_values_in_the_environment(void **state)
{
	(void)state;
	setenv("NSTATS_INTERVAL", "x", 1);
	assert_int_equal(PARSE("--help"), OPTIONS_HELP);
	assert_int_equal(PARSE("-h"), OPTIONS_HELP);
	assert_int_equal(PARSE("--help=markdown"), OPTIONS_HELP_MARKDOWN);
	assert_int_equal(PARSE("-t", "5", "--version"), OPTIONS_VERSION);
	assert_int_equal(PARSE(), OPTIONS_BAD);
}

static void flags_win_over_the_environment_and_it_over_the_alias(void **state)
{
	(void)state;
	setenv("IFACE", "from-alias", 1);
	PARSE();
	assert_string_equal(config.interface, "from-alias");
	setenv("NSTATS_INTERFACE", "from-name", 1);
	PARSE();
	assert_string_equal(config.interface, "from-name");
	PARSE("-i", "from-flag");
	assert_string_equal(config.interface, "from-flag");
	setenv("NSTATS_UNSET_NUMBER", "5", 1);
	PARSE();
	assert_int_equal(config.unset_number, 5);
}

static void an_empty_variable_counts_as_unset(void **state)
{
	(void)state;
	setenv("NSTATS_INTERVAL", "", 1);
	setenv("NSTATS_INTERFACE", "", 1);
	setenv("IFACE", "eth7", 1);
	assert_int_equal(PARSE(), OPTIONS_RUN);
	assert_int_equal(config.interval, 10);
	assert_string_equal(config.interface, "eth7");
}

static void a_switch_in_the_environment_takes_four_words(void **state)
{
	static const struct {
		const char *text;
		bool on;
	} cases[] = {{"1", true}, {"on", true}, {"0", false}, {"off", false}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		setenv("NSTATS_PRINT", cases[i].text, 1);
		assert_int_equal(PARSE(), OPTIONS_RUN);
		assert_int_equal(config.print, cases[i].on);
	}
	setenv("NSTATS_PRINT", "yes", 1);
	assert_int_equal(PARSE(), OPTIONS_BAD);
	assert_string_equal(err, "NSTATS_PRINT: 'yes' is not one of 1, 0, on, off");
}

static void a_bad_value_is_named_with_what_was_expected(void **state)
{
	static const struct {
		const char *args[3];
		const char *err;
	} cases[] = {
		{{"--interval", "0"}, "--interval: '0' is not a number from 1 to 3600"},
		{{"--interval=3601"}, "--interval: '3601' is not a number from 1 to 3600"},
		{{"-t", "-5"}, "-t: '-5' is not a number from 1 to 3600"},
		{{"-t+5"}, "-t: '+5' is not a number from 1 to 3600"},
		{{"-t", " 5"}, "-t: ' 5' is not a number from 1 to 3600"},
		{{"-t", "5s"}, "-t: '5s' is not a number from 1 to 3600"},
		{{"-t", ""}, "-t: '' is not a number from 1 to 3600"},
		{{"-t", "18446744073709551617"},
			"-t: '18446744073709551617' is not a number from 1 to 3600"},
		{{"--collector", "x:70000"},
			"--collector: 'x:70000' is not HOST[:PORT] with a port "
			"from 1 to 65535"},
		{{"--dns", "maybe"}, "--dns: 'maybe' is not one of on, off"},
		{{"--dns", "o"}, "--dns: 'o' is not one of on, off"},
		{{"--ring", "1T"},
			"--ring: '1T' is not a size from 64 KiB to 1 GiB, such as 65536, "
			"512k or 1MiB"},
		{{"--foo=1"}, "unknown option '--foo'; see --help"},
		{{"-x"}, "unknown option '-x'; see --help"},
		{{"--inter", "5"}, "unknown option '--inter'; see --help"},
		{{"--interval"}, "--interval: a value is missing; expected SECONDS"},
		{{"--print=1"}, "--print: takes no value, and '1' was given"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			PARSE((char *)cases[i].args[0], (char *)cases[i].args[1]), OPTIONS_BAD);
		assert_string_equal(err, cases[i].err);
	}
}

static void a_bad_variable_is_named_as_the_user_set_it(void **state)
{
	(void)state;
	setenv("NSTATS_INTERVAL", "ten", 1);
	assert_int_equal(PARSE(), OPTIONS_BAD);
	assert_string_equal(err, "NSTATS_INTERVAL: 'ten' is not a number from 1 to 3600");
	assert_int_equal(PARSE("-t", "3"), OPTIONS_RUN);
}

static void sizes_take_units_and_stay_in_bounds(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* 0: refused */
	} cases[] = {{"1048576", 1 << 20}, {"1M", 1 << 20}, {"1MiB", 1 << 20}, {"1m", 1 << 20},
		{"512k", 512 << 10}, {"512KiB", 512 << 10}, {"1G", 1 << 30}, {"1GiB", 1 << 30},
		{"64k", 64 << 10}, {"65535", 0}, {"1073741825", 0}, {"17179869184G", 0}, {"M", 0},
		{"1 M", 0}, {"1MB", 0}, {"-1M", 0}, {"1.5M", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(PARSE("--ring", (char *)cases[i].text),
			cases[i].bytes ? OPTIONS_RUN : OPTIONS_BAD);
		if (cases[i].bytes)
			assert_int_equal(config.ring, cases[i].bytes);
	}
}

static void a_long_bad_value_leaves_the_expectation_readable(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(PARSE("-t", text), OPTIONS_BAD);
	assert_non_null(strstr(err, "is not a number from 1 to 3600"));
}

#define TEST(name) cmocka_unit_test_setup(name, clear_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_anything_the_defaults_hold),
		TEST(each_way_to_write_a_flag_is_understood),
		TEST(one_operand_is_taken_and_a_second_refused),
		TEST(help_and_version_win_over_bad_values_in_the_environment),
		TEST(flags_win_over_the_environment_and_it_over_the_alias),
		TEST(an_empty_variable_counts_as_unset),
		TEST(a_switch_in_the_environment_takes_four_words),
		TEST(a_bad_value_is_named_with_what_was_expected),
		TEST(a_bad_variable_is_named_as_the_user_set_it),
		TEST(sizes_take_units_and_stay_in_bounds),
		TEST(a_long_bad_value_leaves_the_expectation_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
