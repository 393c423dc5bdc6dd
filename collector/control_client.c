/* SPDX-License-Identifier: Apache-2.0 */
#include "control_client.h"

#include "command.h"
#include "control.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_to_out(const struct control_client *client)
{
	return client->argument && strcmp(client->argument, "-") == 0;
}

static int make_request(
	const struct control_client *client, char *ret, size_t size, char err[static ERR_LEN])
{
	const char *argument = client->argument ? client->argument : "";
	char here[PATH_MAX] = "";
	int len;

	if (client->argument && *argument != '/' && !is_to_out(client)) {
		if (!getcwd(here, sizeof(here) - 1)) {
			snprintf(err, ERR_LEN, "%s: %s", client->name, strerror(errno));
			return -EINVAL;
		}
		strncat(here, "/", sizeof(here) - strlen(here) - 1);
	}
	len = snprintf(
		ret, size, "%s%s%s%s\n", client->name, client->argument ? " " : "", here, argument);
	if (len < 0 || (size_t)len >= size || strchr(argument, '\n')) {
		snprintf(err, ERR_LEN, "%s: expected a shorter path, on a line", client->name);
		return -EINVAL;
	}
	return 0;
}

/* -ENOENT: nobody listens there. */
static int connect_to(const char *spool_path, int *ret)
{
	struct sockaddr_un address;
	int r = control_address(spool_path, &address);
	int fd;

	if (r < 0)
		return -ENOENT;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		close(fd);
		return r == -ECONNREFUSED ? -ENOENT : r;
	}
	*ret = fd;
	return 0;
}

static int judge(const char *line, char ret_line[static ERR_LEN], char err[static ERR_LEN])
{
	int len = (int)strcspn(line, "\n");

	if (strncmp(line, "ok", 2) == 0) {
		snprintf(ret_line, ERR_LEN, "%.*s", len, line);
		return 0;
	}
	if (strncmp(line, "error ", 6) == 0)
		snprintf(err, ERR_LEN, "%.*s", len - 6, line + 6);
	else
		snprintf(err, ERR_LEN, "the collector broke off");
	return -EIO;
}

static int put_file(const struct control_client *client, int file, char err[static ERR_LEN])
{
	char data[65536];
	ssize_t n;

	while ((n = read(file, data, sizeof(data))) > 0)
		if (fwrite(data, 1, (size_t)n, client->out) != (size_t)n)
			break;
	if (n == 0 && fflush(client->out) == 0)
		return 0;
	snprintf(err, ERR_LEN, "%s: %s: %s", client->name,
		n < 0 ? "read the copy" : "standard output", strerror(errno));
	return -EIO;
}

/* ret_file: -1, or one that came with it. */
static ssize_t receive(int fd, char *data, size_t size, int *ret_file)
{
	struct iovec iov = {.iov_base = data, .iov_len = size};
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))];
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room)};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_file, CMSG_DATA(head), sizeof(int));
	return n;
}

/* Text up to a NUL, which goes out, and the result behind it. */
static int read_answer(const struct control_client *client, int fd, int *ret_file,
	char ret_line[static ERR_LEN], char err[static ERR_LEN])
{
	char data[4096];
	char line[ERR_LEN + 16] = "";
	size_t line_len = 0;
	bool is_text = true;
	ssize_t n;

	while ((n = receive(fd, data, sizeof(data), ret_file)) > 0) {
		size_t text_len = is_text ? strnlen(data, (size_t)n) : 0;
		size_t rest = (size_t)n - text_len;

		fwrite(data, 1, text_len, client->out);
		if (is_text && rest > 0) {
			is_text = false;
			text_len++;
			rest--;
		}
		if (rest > sizeof(line) - 1 - line_len)
			rest = sizeof(line) - 1 - line_len;
		memcpy(line + line_len, data + text_len, rest);
		line_len += rest;
	}
	return judge(line, ret_line, err);
}

static int ask(const struct control_client *client, int fd, const char *request,
	char ret_line[static ERR_LEN], char err[static ERR_LEN])
{
	size_t len = strlen(request);
	int file = -1;
	int r;

	/* A new connection's buffer takes it whole. */
	if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) {
		snprintf(err, ERR_LEN, "ask the collector: %s", strerror(errno));
		return -EIO;
	}
	r = read_answer(client, fd, &file, ret_line, err);
	if (r == 0 && file >= 0)
		r = put_file(client, file, err);
	if (file >= 0)
		close(file);
	return r;
}

static int do_here(const struct control_client *client, struct spool *spool, char *request,
	char ret_line[static ERR_LEN], char err[static ERR_LEN])
{
	struct command *command;
	int r;

	request[strcspn(request, "\n")] = '\0';
	command = command_new(request, spool, err);
	if (!command)
		return -EINVAL;
	do {
		r = command_step(command, err);
		if (r >= 0 && command_text(command)->len > 0)
			fwrite(command_text(command)->data, 1, command_text(command)->len,
				client->out);
	} while (r > 0);
	if (r == 0 && command_file(command) >= 0)
		r = put_file(client, command_file(command), err);
	snprintf(ret_line, ERR_LEN, "%s", command_result(command));
	command_free(command);
	return r;
}

static int open_here(const struct control_client *client, char *request,
	char ret_line[static ERR_LEN], char err[static ERR_LEN])
{
	struct spool *spool;
	struct stat st;
	int r;

	if (stat(client->spool_path, &st) < 0) {
		r = -errno;
		snprintf(err, ERR_LEN, "--spool: '%.160s': %s", client->spool_path, strerror(-r));
		return r;
	}
	r = spool_open_as_it_is(client->spool_path, client->spool_max_bytes, &spool, err);
	if (r < 0)
		return r;
	r = do_here(client, spool, request, ret_line, err);
	spool_close(spool);
	return r;
}

int control_client_run(const struct control_client *client, char ret_line[static ERR_LEN],
	char err[static ERR_LEN])
{
	char request[CONTROL_REQUEST_MAX];
	int fd = -1;
	int r;

	if (is_to_out(client) && isatty(fileno(client->out))) {
		snprintf(err, ERR_LEN,
			"%s: standard output is a terminal; expected a file or a pipe",
			client->name);
		return -EINVAL;
	}
	r = make_request(client, request, sizeof(request), err);
	if (r < 0)
		return r;
	r = connect_to(client->spool_path, &fd);
	if (r == -ENOENT)
		return open_here(client, request, ret_line, err);
	if (r < 0) {
		snprintf(err, ERR_LEN, "'%.160s.sock': %s", client->spool_path, strerror(-r));
		return r;
	}
	r = ask(client, fd, request, ret_line, err);
	close(fd);
	return r;
}
