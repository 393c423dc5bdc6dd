/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "bodies.h"
#include "gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX (BODIES_BYTES_MAX + 4096) /* a body's lines, and the one before them */

struct act {
	const char *name;
	bool has_argument;
	int (*begin)(struct command *command, char err[static ERR_LEN]);
	int (*step)(struct command *command, char err[static ERR_LEN]);
	void (*end)(struct command *command);
};

struct command {
	const struct act *act;
	struct spool *spool;
	char argument[PATH_MAX];
	bool is_begun;
	int64_t last_id; /* replay: up to this dead letter; dead-letters: after it */
	uint64_t letters;
	uint64_t lines;
	uint64_t replayed_before; /* the spool's, ... */
	uint64_t replayed;        /* ... and this command's */
	struct strbuf text;
	char result[ERR_LEN];
	int fd; /* of a copy without a name */
};

static int begin_backup(struct command *command, char err[static ERR_LEN])
{
	bool has_path = command->argument[0] == '/';

	return spool_copy_begin(command->spool, has_path ? command->argument : NULL, err);
}

static void end_backup(struct command *command)
{
	spool_copy_end(command->spool);
}

static int step_backup(struct command *command, char err[static ERR_LEN])
{
	uint64_t bytes = 0;
	int r = spool_copy_step(command->spool, &bytes, err);

	if (r != 0)
		return r;
	snprintf(command->result, ERR_LEN, "ok bytes=%llu", (unsigned long long)bytes);
	command->fd = spool_copy_file(command->spool);
	return 0;
}

/* In quotes, on a line. */
static void append_reason(struct strbuf *text, const char *reason)
{
	for (; *reason; reason++) {
		if (*reason == '"' || *reason == '\\')
			strbuf_char(text, '\\');
		strbuf_char(text, *reason >= ' ' && *reason <= '~' ? *reason : '?');
	}
}

static void append_letter(struct strbuf *text, const struct spool_dead *dead)
{
	char *lines;
	size_t len;

	strbuf_printf(text, "# status=%d reason=\"", dead->status);
	append_reason(text, dead->reason);
	strbuf_printf(text, "\" lines=%u\n", (unsigned)dead->lines);
	if (gzip_expand(dead->data, dead->len, BODIES_BYTES_MAX, &lines, &len) < 0) {
		strbuf_text(text, "# its lines cannot be read\n");
		return;
	}
	strbuf_append(text, lines, len);
	if (len > 0 && lines[len - 1] != '\n')
		strbuf_char(text, '\n');
	free(lines);
}

static int step_dead_letters(struct command *command, char err[static ERR_LEN])
{
	struct spool_dead dead;
	int r = spool_next_dead(command->spool, command->last_id, &dead, err);

	if (r == 0)
		snprintf(command->result, ERR_LEN, "ok letters=%llu lines=%llu",
			(unsigned long long)command->letters, (unsigned long long)command->lines);
	if (r <= 0)
		return r;
	append_letter(&command->text, &dead);
	free(dead.data);
	command->last_id = dead.id;
	command->letters++;
	command->lines += dead.lines;
	if (command->text.failed) {
		snprintf(err, ERR_LEN, "dead-letters: out of memory");
		return -ENOMEM;
	}
	return 1;
}

static int begin_replay(struct command *command, char err[static ERR_LEN])
{
	struct spool_state state;

	spool_state(command->spool, &state);
	command->replayed_before = state.replayed_lines;
	return spool_last_dead(command->spool, &command->last_id, err);
}

static int step_replay(struct command *command, char err[static ERR_LEN])
{
	struct spool_state state;
	int r = spool_replay(command->spool, command->last_id, err);

	spool_state(command->spool, &state);
	command->replayed = state.replayed_lines - command->replayed_before;
	if (r == 0)
		snprintf(command->result, ERR_LEN, "ok lines=%llu",
			(unsigned long long)command->replayed);
	return r;
}

static const struct act acts[] = {
	{"backup", true, begin_backup, step_backup, end_backup},
	{"dead-letters", false, NULL, step_dead_letters, NULL},
	{"replay", false, begin_replay, step_replay, NULL},
};

static const struct act *find_act(const char *request, size_t name_len)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strlen(acts[i].name) == name_len &&
			strncmp(acts[i].name, request, name_len) == 0)
			return &acts[i];
	return NULL;
}

/* Nothing, a path from the root, or "-". */
static bool is_argument(const struct act *act, const char *argument)
{
	if (!act->has_argument)
		return *argument == '\0';
	return (*argument == '/' && strlen(argument) < PATH_MAX) || strcmp(argument, "-") == 0;
}

struct command *command_new(const char *request, struct spool *spool, char err[static ERR_LEN])
{
	size_t name_len = strcspn(request, " ");
	const char *argument = request + name_len + (request[name_len] == ' ');
	const struct act *act = find_act(request, name_len);
	struct command *command;

	if (!act || !is_argument(act, argument)) {
		snprintf(err, ERR_LEN,
			"'%.64s' is not understood; expected 'backup /PATH', 'backup -', "
			"'dead-letters' or 'replay'",
			request);
		return NULL;
	}
	command = calloc(1, sizeof(*command));
	if (!command) {
		snprintf(err, ERR_LEN, "%s: out of memory", act->name);
		return NULL;
	}
	command->act = act;
	command->spool = spool;
	command->fd = -1;
	strbuf_init(&command->text, TEXT_MAX);
	snprintf(command->argument, sizeof(command->argument), "%s", argument);
	return command;
}

void command_free(struct command *command)
{
	if (!command)
		return;
	strbuf_done(&command->text);
	if (command->fd >= 0)
		close(command->fd);
	free(command);
}

void command_cancel(struct command *command)
{
	if (command->is_begun && command->act->end)
		command->act->end(command);
	command->is_begun = false;
}

int command_step(struct command *command, char err[static ERR_LEN])
{
	int r = 0;

	strbuf_reset(&command->text);
	if (!command->is_begun && command->act->begin)
		r = command->act->begin(command, err);
	if (r < 0)
		return r;
	command->is_begun = true;
	r = command->act->step(command, err);
	if (r <= 0)
		command_cancel(command);
	return r;
}

uint64_t command_replayed(const struct command *command)
{
	return command->replayed;
}

struct strbuf *command_text(struct command *command)
{
	return &command->text;
}

const char *command_result(const struct command *command)
{
	return command->result;
}

int command_file(const struct command *command)
{
	return command->fd;
}
