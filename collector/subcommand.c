/* SPDX-License-Identifier: Apache-2.0 */
#include "subcommand.h"

#include "control_client.h"
#include "healthcheck.h"

#include <stdio.h>
#include <string.h>

#define HEALTHCHECK_WAIT_MS 2000

static int check_health(const struct config *config, const char *name)
{
	char line[HEALTHCHECK_LINE_LEN];
	char err[ERR_LEN];
	int status = healthcheck_ask(config->http, HEALTHCHECK_WAIT_MS, line, err);

	(void)name;
	if (status < 0)
		fprintf(stderr, "nstats-collector: %s\n", err);
	else
		puts(line);
	return status == 200 ? 0 : 1;
}

/* Its result is for the eyes: what is printed may go into a file. */
static int ask_spool(const struct config *config, const char *name)
{
	const struct control_client client = {.spool_path = config->spool,
		.spool_max_bytes = config->spool_max_bytes,
		.name = name,
		.argument = strcmp(name, "backup") == 0 ? config->backup : NULL,
		.out = stdout};
	char line[ERR_LEN];
	char err[ERR_LEN];
	int r = control_client_run(&client, line, err);

	fprintf(stderr, "nstats-collector: %s\n", r < 0 ? err : line);
	return fflush(stdout) == 0 && r == 0 ? 0 : 1;
}

int subcommand_run(const struct config *config, const char *name)
{
	static const struct {
		const char *name;
		int (*run)(const struct config *config, const char *name);
	} commands[] = {
		{"healthcheck", check_health},
		{"backup", ask_spool},
		{"dead-letters", ask_spool},
		{"replay", ask_spool},
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(config, name);
	return 2;
}
