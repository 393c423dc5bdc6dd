/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line.h"

#include <string.h>

#define LEFT_LEN     64
#define HELP_COLUMN  34 /* widest left side before the text moves to the next line */
#define HELP_WIDTH   79
#define HELP_NOTE    "print this help and exit"
#define VERSION_NOTE "print the version and exit"
#define EXIT_USAGE   2

static size_t word_len(const char *text)
{
	size_t note_len = *text == '(' ? strcspn(text, ")") : 0;

	return note_len + strcspn(text + note_len, " ");
}

/* Words from column at on, continued at indent; a "(note)" stays in one piece. */
static void print_wrapped(FILE *out, const char *text, size_t indent, size_t at)
{
	while (*text) {
		size_t len = word_len(text);

		if (at > indent && at + 1 + len > HELP_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)len, text);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void left_format(const struct option_row *row, char ret[static LEFT_LEN])
{
	char letter[] = {'-', row->letter, ',', ' ', '\0'};

	snprintf(ret, LEFT_LEN, "  %s--%s%s%s", row->letter ? letter : "    ", row->name,
		row->arg ? " " : "", row->arg ? row->arg : "");
}

static size_t help_column(const struct option_table *table)
{
	size_t column = strlen("      --version") + 2;
	char left[LEFT_LEN];

	for (size_t i = 0; i < table->n; i++) {
		left_format(&table->rows[i], left);
		if (strlen(left) + 2 > column && strlen(left) + 2 <= HELP_COLUMN)
			column = strlen(left) + 2;
	}
	return column;
}

static void print_row(FILE *out, const char *left, const char *text, size_t column)
{
	fputs(left, out);
	if (strlen(left) + 2 > column)
		fprintf(out, "\n%*s", (int)column, "");
	else
		fprintf(out, "%*s", (int)(column - strlen(left)), "");
	print_wrapped(out, text, column, column);
}

static void print_command(FILE *out, const struct option_command *command, size_t column)
{
	char left[LEFT_LEN];

	snprintf(left, sizeof(left), "  %s%s%s", command->name, command->arg ? " " : "",
		command->arg ? command->arg : "");
	print_row(out, left, command->help, column);
}

void command_line_help(const struct option_table *table, FILE *out)
{
	size_t column = help_column(table);

	fprintf(out, "Usage: %s [OPTION]...%s\n\n", table->program,
		table->n_commands ? " [COMMAND]" : "");
	print_wrapped(out, table->summary, 0, 0);
	fprintf(out, "\nOptions:\n");
	for (size_t i = 0; i < table->n; i++) {
		const struct option_row *row = &table->rows[i];
		bool has_initial = row->initial && *row->initial;
		char left[LEFT_LEN];
		char text[1024];

		left_format(row, left);
		snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", row->help,
			has_initial ? " (default: " : "", has_initial ? row->initial : "",
			has_initial ? ")" : "", row->alias ? " (env: " : "",
			row->alias ? row->alias : "", row->alias ? ")" : "");
		print_row(out, left, text, column);
	}
	print_row(out, "  -h, --help", HELP_NOTE, column);
	print_row(out, "      --version", VERSION_NOTE, column);
	if (table->n_commands)
		fprintf(out, "\nCommands:\n");
	for (size_t i = 0; i < table->n_commands; i++)
		print_command(out, &table->commands[i], column);
	fputc('\n', out);
	print_wrapped(out,
		"Each option may stand in the environment instead: --some-flag as "
		"NSTATS_SOME_FLAG. What comes first wins: the flag, NSTATS_SOME_FLAG, the name "
		"in (env: ...), the default.",
		0, 0);
}

/* In a cell of a table, '|' must be escaped even between backticks. */
static void print_cell(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void print_markdown_row(FILE *out, const struct option_row *row)
{
	char env[OPTIONS_ENV_LEN];
	char left[LEFT_LEN];

	options_env_name(row, env);
	left_format(row, left);
	fputs("| `", out);
	print_cell(out, left + strspn(left, " "));
	fprintf(out, "` | `%s`", env);
	if (row->alias)
		fprintf(out, ", `%s`", row->alias);
	fputs(" | ", out);
	if (row->initial && *row->initial)
		fprintf(out, "`%s` ", row->initial);
	fputs("| ", out);
	print_cell(out, row->help);
	fputs(" |\n", out);
}

void command_line_markdown(const struct option_table *table, FILE *out)
{
	fputs("| option | environment | default | meaning |\n|---|---|---|---|\n", out);
	for (size_t i = 0; i < table->n; i++)
		print_markdown_row(out, &table->rows[i]);
}

static int refuse(const struct option_table *table, const char *why)
{
	fprintf(stderr, "%s: %s\n", table->program, why);
	return EXIT_USAGE;
}

/* NULL: there is no such command. */
static const char *find_command(const struct option_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_commands; i++)
		if (strcmp(table->commands[i].name, name) == 0)
			return table->commands[i].name;
	return NULL;
}

int command_line_read(const struct option_table *table, int argc, char **argv, void *config,
	const char **ret_command)
{
	const char *operand = NULL;
	const char *command;
	char err[ERR_LEN];

	switch (options_parse(table, argc, argv, config, &operand, err)) {
	case OPTIONS_HELP:
		command_line_help(table, stdout);
		return 0;
	case OPTIONS_HELP_MARKDOWN:
		command_line_markdown(table, stdout);
		return 0;
	case OPTIONS_VERSION:
		printf("%s %s\n", table->program, NSTATS_VERSION);
		return 0;
	case OPTIONS_BAD:
		return refuse(table, err);
	case OPTIONS_RUN:
		break;
	}
	command = operand ? find_command(table, operand) : NULL;
	if (operand && !command) {
		snprintf(err, sizeof(err), "'%.64s' is no command; see --help", operand);
		return refuse(table, err);
	}
	*ret_command = command;
	return COMMAND_LINE_RUN;
}
