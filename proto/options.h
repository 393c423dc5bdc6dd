/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options are data: a row in a program's table gives the flag, its environment variables, default,
 * bounds, help text and the README's line. Order of precedence: flag, NSTATS_<NAME>, alias,
 * default.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
	OPTION_TEXT,   /* const char *, borrowed from argv, the environment or the table */
	OPTION_NUMBER, /* uint64_t within [min, max] */
	OPTION_BYTES,  /* uint64_t within [min, max]; suffixes k, M, G, KiB, MiB, GiB are powers of
			  1024 */
	OPTION_CHOICE, /* int: the index in choices */
	OPTION_SWITCH, /* bool: no argument on the command line; 0/1/on/off in the environment */
	OPTION_PORT,   /* const char *: "host[:port]"; a port outside 1…65535 is refused here */
};

struct option_row {
	const char *name;    /* "interval" */
	char letter;         /* 't', or 0 */
	const char *arg;     /* "SECONDS"; NULL for a switch */
	const char *alias;   /* environment name kept for compatibility, or NULL */
	const char *initial; /* default as text; NULL: unset */
	const char *help;    /* one line, lower case, no full stop */
	enum option_type type;
	size_t offset; /* into the program's config struct */
	uint64_t min;
	uint64_t max;
	const char *choices; /* "on|off" */
};

/* A word that makes the program do something else: "nstats-probe healthcheck". */
struct option_command {
	const char *name;
	const char *help; /* as a row's */
	const char *arg;  /* "PATH", which follows it; NULL: nothing does */
	size_t offset;    /* where that goes, a const char *, in the program's config struct */
};

struct option_table {
	const char *program; /* "nstats-probe" */
	const char *summary; /* one sentence for --help */
	const struct option_row *rows;
	size_t n;
	const struct option_command *commands;
	size_t n_commands;
};

enum option_outcome {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_HELP_MARKDOWN, /* --help=markdown */
	OPTIONS_VERSION,
	OPTIONS_BAD, /* err says which option, which value, and what is expected */
};

/*
 * Fills the config struct that the rows' offsets speak of. *ret_operand is the first argument that
 * is no option (a sub-command), or NULL; a second one is an error, but for a command that takes it
 * and cannot do without.
 */
enum option_outcome options_parse(const struct option_table *table, int argc, char **argv,
	void *config, const char **ret_operand, char err[static ERR_LEN]);

#define OPTIONS_ENV_LEN 64
/* The row's variable: "NSTATS_INTERVAL". */
void options_env_name(const struct option_row *row, char ret[static OPTIONS_ENV_LEN]);
