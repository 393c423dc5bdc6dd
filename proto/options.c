/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "addr.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SOURCE_LEN OPTIONS_ENV_LEN /* "--interval" or "NSTATS_INTERVAL" */
#define SIZE_LEN   32

static const struct unit {
	const char *name;
	unsigned shift;
} units[] = {{"", 0}, {"k", 10}, {"M", 20}, {"G", 30}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

/* Where a value came from, as the user knows it: "--interval", "-t", "IFACE". */
struct value {
	char source[SOURCE_LEN];
	const char *text;
};

/* Digits only: strtoull would take blanks and signs. *ret_end is what follows them. */
static bool number_parse(const char *text, const char **ret_end, uint64_t *ret)
{
	const char *p = text;
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10U, &n) ||
			__builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return false;
	*ret_end = p;
	*ret = n;
	return p > text;
}

static bool size_parse(const char *text, uint64_t *ret)
{
	const char *unit;
	uint64_t n;

	if (!number_parse(text, &unit, &n))
		return false;
	for (size_t i = 0; i < N_UNITS; i++)
		if (strcasecmp(unit, units[i].name) == 0 && n <= UINT64_MAX >> units[i].shift) {
			*ret = n << units[i].shift;
			return true;
		}
	return false;
}

/* In the largest unit that divides it. */
static void size_format(uint64_t bytes, char ret[static SIZE_LEN])
{
	static const char *const names[] = {"", " KiB", " MiB", " GiB"};
	size_t i = 0;

	while (i < 3 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	snprintf(ret, SIZE_LEN, "%" PRIu64 "%s", bytes, names[i]);
}

/* The index of text in "a|b|c", or -1. */
static int choice_index(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (int i = 0;; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && strncmp(choices, text, n) == 0)
			return i;
		if (choices[n] == '\0')
			return -1;
		choices += n + 1;
	}
}

static bool switch_parse(const char *text, bool *ret)
{
	int i = choice_index("0|off|1|on", text);

	if (i >= 0)
		*ret = i >= 2;
	return i >= 0;
}

static bool port_ok(const char *text)
{
	char host[ADDR_HOST_LEN];
	uint16_t port;

	return addr_split_host(text, 1, host, &port) == 0;
}

static void store(const struct option_row *row, void *config, const void *value, size_t size)
{
	memcpy((char *)config + row->offset, value, size);
}

/* False: the text is not what the row takes. */
static bool value_store(const struct option_row *row, const char *text, void *config)
{
	const char *end = "";
	uint64_t number;
	bool on;
	int choice;

	switch (row->type) {
	case OPTION_NUMBER:
	case OPTION_BYTES:
		if (row->type == OPTION_BYTES ? !size_parse(text, &number)
					      : !number_parse(text, &end, &number) || *end)
			return false;
		store(row, config, &number, sizeof(number));
		return number >= row->min && number <= row->max;
	case OPTION_CHOICE:
		choice = choice_index(row->choices, text);
		store(row, config, &choice, sizeof(choice));
		return choice >= 0;
	case OPTION_SWITCH:
		if (!switch_parse(text, &on))
			return false;
		store(row, config, &on, sizeof(on));
		return true;
	case OPTION_PORT:
		if (!port_ok(text))
			return false;
		break;
	case OPTION_TEXT:
		break;
	}
	store(row, config, &text, sizeof(text));
	return true;
}

static void unset_store(const struct option_row *row, void *config)
{
	static const size_t sizes[] = {
		[OPTION_TEXT] = sizeof(const char *),
		[OPTION_NUMBER] = sizeof(uint64_t),
		[OPTION_BYTES] = sizeof(uint64_t),
		[OPTION_CHOICE] = sizeof(int),
		[OPTION_SWITCH] = sizeof(bool),
		[OPTION_PORT] = sizeof(const char *),
	};

	memset((char *)config + row->offset, 0, sizes[row->type]);
}

/* "on|off" becomes "one of on, off". */
static void choices_format(const char *choices, char *ret, size_t size)
{
	int len = snprintf(ret, size, "one of ");

	for (size_t at = (size_t)len; *choices && at + 2 < size; choices++) {
		if (*choices == '|')
			ret[at++] = ',';
		ret[at++] = *choices == '|' ? ' ' : *choices;
		ret[at] = '\0';
	}
}

/* What the row takes, to end the sentence "… is not …". */
static void expectation(const struct option_row *row, char *ret, size_t size)
{
	char low[SIZE_LEN];
	char high[SIZE_LEN];

	switch (row->type) {
	case OPTION_NUMBER:
		snprintf(ret, size, "a number from %" PRIu64 " to %" PRIu64, row->min, row->max);
		break;
	case OPTION_BYTES:
		size_format(row->min, low);
		size_format(row->max, high);
		snprintf(ret, size, "a size from %s to %s, such as 65536, 512k or 1MiB", low, high);
		break;
	case OPTION_CHOICE:
		choices_format(row->choices, ret, size);
		break;
	case OPTION_SWITCH:
		choices_format("1|0|on|off", ret, size);
		break;
	case OPTION_PORT:
	case OPTION_TEXT:
		snprintf(ret, size, "%s with a port from 1 to 65535", row->arg);
		break;
	}
}

/* Reports what value_store refused; a long value is cut so that the expectation stays readable. */
static int value_set(const struct option_row *row, const struct value *value, void *config,
	char err[static ERR_LEN])
{
	char expected[ERR_LEN / 2];

	if (value_store(row, value->text, config))
		return 0;
	expectation(row, expected, sizeof(expected));
	snprintf(err, ERR_LEN, "%s: '%.48s' is not %s", value->source, value->text, expected);
	return -EINVAL;
}

void options_env_name(const struct option_row *row, char ret[static OPTIONS_ENV_LEN])
{
	snprintf(ret, OPTIONS_ENV_LEN, "NSTATS_%s", row->name);
	for (char *p = ret; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

/* False: neither variable is set to anything. */
static bool env_value(const struct option_row *row, struct value *ret)
{
	options_env_name(row, ret->source);
	ret->text = getenv(ret->source);
	if (row->alias && (!ret->text || !*ret->text)) {
		snprintf(ret->source, SOURCE_LEN, "%s", row->alias);
		ret->text = getenv(row->alias);
	}
	return ret->text && *ret->text;
}

/* The environment or the default, for each row that the command line did not speak of. */
static int fill_rest(
	const struct option_table *table, uint64_t given, void *config, char err[static ERR_LEN])
{
	for (size_t i = 0; i < table->n; i++) {
		const struct option_row *row = &table->rows[i];
		struct value value;

		if (given >> i & 1)
			continue;
		if (env_value(row, &value)) {
			if (value_set(row, &value, config, err) < 0)
				return -EINVAL;
		} else if (!row->initial) {
			unset_store(row, config);
		} else {
			bool ok = value_store(row, row->initial, config);

			assert(ok);
			(void)ok;
		}
	}
	return 0;
}

static bool is_row(const struct option_row *row, const char *name, size_t len, bool is_long)
{
	if (is_long)
		return strlen(row->name) == len && strncmp(row->name, name, len) == 0;
	return row->letter != 0 && row->letter == name[0];
}

struct parse {
	const struct option_table *table;
	char **argv;
	int argc;
	int i; /* the argument being read */
	void *config;
	uint64_t given; /* a bit a row */
	const char *operand;
	const char *argument; /* of the command that operand is */
	char *err;
};

/* argv[i] is "--name", "--name=value", "-t" or "-tvalue"; takes the next one where a value is due.
 */
static int parse_flag(struct parse *p)
{
	const char *arg = p->argv[p->i];
	bool is_long = arg[1] == '-';
	const char *name = arg + (is_long ? 2 : 1);
	size_t len = is_long ? strcspn(name, "=") : 1;
	const char *rest = name + len;
	struct value value = {.text = !*rest ? NULL : is_long ? rest + 1 : rest};
	const struct option_row *row = p->table->rows;
	const struct option_row *end = row + p->table->n;

	snprintf(value.source, SOURCE_LEN, "%.*s", (int)(rest - arg), arg);
	while (row < end && !is_row(row, name, len, is_long))
		row++;
	if (row == end) {
		snprintf(p->err, ERR_LEN, "unknown option '%s'; see --help", value.source);
		return -EINVAL;
	}
	p->given |= UINT64_C(1) << (row - p->table->rows);
	if (row->type == OPTION_SWITCH && value.text) {
		snprintf(p->err, ERR_LEN, "%s: takes no value, and '%.48s' was given", value.source,
			value.text);
		return -EINVAL;
	}
	if (row->type == OPTION_SWITCH)
		value.text = "on";
	else if (!value.text && p->i + 1 < p->argc)
		value.text = p->argv[++p->i];
	if (!value.text) {
		snprintf(p->err, ERR_LEN, "%s: a value is missing; expected %s", value.source,
			row->arg);
		return -EINVAL;
	}
	return value_set(row, &value, p->config, p->err);
}

/* NULL: it is no command, or takes no argument. */
static const struct option_command *command_with_argument(const struct parse *p)
{
	for (size_t i = 0; p->operand && i < p->table->n_commands; i++) {
		const struct option_command *command = &p->table->commands[i];

		if (command->arg && strcmp(command->name, p->operand) == 0)
			return command;
	}
	return NULL;
}

static int parse_operand(struct parse *p)
{
	if (!p->operand) {
		p->operand = p->argv[p->i];
		return 0;
	}
	if (p->argument || !command_with_argument(p)) {
		snprintf(p->err, ERR_LEN, "unexpected argument '%.48s' after '%.48s'; see --help",
			p->argv[p->i], p->argument ? p->argument : p->operand);
		return -EINVAL;
	}
	p->argument = p->argv[p->i];
	return 0;
}

static int store_argument(const struct parse *p)
{
	const struct option_command *command = command_with_argument(p);

	if (!command)
		return 0;
	if (!p->argument) {
		snprintf(p->err, ERR_LEN, "%s: an argument is missing; expected %s", command->name,
			command->arg);
		return -EINVAL;
	}
	memcpy((char *)p->config + command->offset, &p->argument, sizeof(p->argument));
	return 0;
}

/* OPTIONS_RUN for what is not one of the flags that every program has. */
static enum option_outcome common_flag(const char *arg)
{
	if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
		return OPTIONS_HELP;
	if (strcmp(arg, "--help=markdown") == 0)
		return OPTIONS_HELP_MARKDOWN;
	if (strcmp(arg, "--version") == 0)
		return OPTIONS_VERSION;
	return OPTIONS_RUN;
}

enum option_outcome options_parse(const struct option_table *table, int argc, char **argv,
	void *config, const char **ret_operand, char err[static ERR_LEN])
{
	struct parse p = {.table = table, .argv = argv, .argc = argc, .config = config, .err = err};
	bool are_operands = false;

	assert(table->n <= 64);
	for (p.i = 1; p.i < argc; p.i++) {
		const char *arg = argv[p.i];
		bool is_operand = are_operands || arg[0] != '-' || arg[1] == '\0';
		enum option_outcome common = is_operand ? OPTIONS_RUN : common_flag(arg);

		if (common != OPTIONS_RUN)
			return common;
		if (!is_operand && strcmp(arg, "--") == 0)
			are_operands = true;
		else if ((is_operand ? parse_operand(&p) : parse_flag(&p)) < 0)
			return OPTIONS_BAD;
	}
	if (fill_rest(table, p.given, config, err) < 0 || store_argument(&p) < 0)
		return OPTIONS_BAD;
	*ret_operand = p.operand;
	return OPTIONS_RUN;
}
