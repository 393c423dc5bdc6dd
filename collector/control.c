/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   listening ─client─▶ asking ─a line─▶ working ─a step─▶ answering ─written─▶ working, or
 * listening
 *
 * The listening socket is watched while there is no client. A client that neither asks nor reads
 * for CLIENT_MS is let go.
 */
#include "control.h"

#include "clock.h"
#include "command.h"
#include "errand.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_MS 30000
#define BACKLOG   4

struct control {
	struct control_parts parts;
	struct sockaddr_un address;
	int listen_fd;
	int client_fd; /* -1: none */
	struct loop_timer timer;
	char request[CONTROL_REQUEST_MAX];
	size_t request_len;
	struct command *command; /* under way */
	struct errand errand;
	bool is_cancelled;
	int result; /* of a step */
	char err[ERR_LEN];
	char end[ERR_LEN + 16]; /* the answer's, with its NUL before it */
	const char *out;        /* to be written */
	size_t out_len;
};

static void listen_again(struct control *control);
static void answer(struct control *control);

int control_address(const char *spool_path, struct sockaddr_un *ret)
{
	int len;

	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	len = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s.sock", spool_path);
	return len < 0 || (size_t)len >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

/* Also where it broke off: those lines are in the spool. */
static void end_command(struct control *control)
{
	uint64_t lines = control->command ? command_replayed(control->command) : 0;

	if (lines > 0)
		log_info("dead letters replayed", "lines=%" PRIu64, lines);
	command_free(control->command);
	control->command = NULL;
}

static void let_go(struct control *control)
{
	loop_timer_cancel(control->parts.loop, &control->timer);
	if (control->client_fd >= 0) {
		loop_unwatch(control->parts.loop, control->client_fd);
		close(control->client_fd);
	}
	control->client_fd = -1;
	end_command(control);
	control->is_cancelled = false;
	listen_again(control);
}

/* What a step has begun is ended where it was begun, on the spool's thread. */
static void give_up(struct control *control)
{
	if (!control->command) {
		let_go(control);
		return;
	}
	loop_timer_cancel(control->parts.loop, &control->timer);
	loop_unwatch(control->parts.loop, control->client_fd);
	control->is_cancelled = true;
	errand_send(&control->errand, 0);
}

static void step_run(void *ctx)
{
	struct control *control = ctx;

	if (control->is_cancelled)
		command_cancel(control->command);
	else
		control->result = command_step(control->command, control->err);
}

static void end_with(struct control *control, const char *line)
{
	int len = snprintf(control->end, sizeof(control->end), "%c%s\n", '\0', line);

	control->out = control->end;
	control->out_len = (size_t)len;
}

static void step_done(void *ctx)
{
	struct control *control = ctx;
	char line[ERR_LEN + 8];

	if (control->is_cancelled) {
		let_go(control);
		return;
	}
	control->out = command_text(control->command)->data;
	control->out_len = command_text(control->command)->len;
	if (control->result <= 0) {
		snprintf(line, sizeof(line), "error %s", control->err);
		end_with(control, control->result == 0 ? command_result(control->command) : line);
		if (control->parts.done)
			control->parts.done(control->parts.ctx);
	}
	answer(control);
}

static void out_of_time(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	give_up(ctx);
}

static void written(struct control *control)
{
	loop_timer_cancel(control->parts.loop, &control->timer);
	loop_unwatch(control->parts.loop, control->client_fd);
	if (control->command && control->result > 0)
		errand_send(&control->errand, 0);
	else
		let_go(control);
}

/* A command's file goes with the NUL that its end begins with. */
static ssize_t send_some(const struct control *control)
{
	struct iovec iov = {.iov_base = (char *)control->out, .iov_len = control->out_len};
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd = control->command ? command_file(control->command) : -1;

	if (fd >= 0 && control->out == control->end) {
		struct cmsghdr *head;

		msg.msg_control = room;
		msg.msg_controllen = sizeof(room);
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	return sendmsg(control->client_fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void on_writable(void *ctx, uint32_t events)
{
	struct control *control = ctx;
	ssize_t n = 0;

	(void)events;
	if (control->out_len > 0)
		n = send_some(control);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		if (control->command && control->result > 0)
			give_up(control);
		else
			let_go(control);
		return;
	}
	control->out += n;
	control->out_len -= (size_t)n;
	if (control->out_len == 0)
		written(control);
}

static void answer(struct control *control)
{
	struct loop *loop = control->parts.loop;

	if (loop_watch(loop, control->client_fd, EPOLLOUT, on_writable, control) < 0) {
		control->result = 0;
		let_go(control);
		return;
	}
	loop_timer_set(loop, &control->timer, clock_mono_ms() + CLIENT_MS);
}

static void begin(struct control *control)
{
	char line[ERR_LEN + 8];

	loop_timer_cancel(control->parts.loop, &control->timer);
	loop_unwatch(control->parts.loop, control->client_fd);
	control->command = command_new(control->request, control->parts.spool, control->err);
	if (control->command) {
		errand_send(&control->errand, 0);
		return;
	}
	control->result = -EINVAL;
	snprintf(line, sizeof(line), "error %s", control->err);
	end_with(control, line);
	answer(control);
}

static void on_readable(void *ctx, uint32_t events)
{
	struct control *control = ctx;
	size_t left = sizeof(control->request) - 1 - control->request_len;
	ssize_t n = recv(
		control->client_fd, control->request + control->request_len, left, MSG_DONTWAIT);
	char *end;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		let_go(control);
		return;
	}
	control->request_len += (size_t)n;
	control->request[control->request_len] = '\0';
	end = strchr(control->request, '\n');
	if (end) {
		*end = '\0';
		begin(control);
	} else if (control->request_len == sizeof(control->request) - 1) {
		let_go(control);
	}
}

static void on_client(void *ctx, uint32_t events)
{
	struct control *control = ctx;
	struct loop *loop = control->parts.loop;

	(void)events;
	control->client_fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (control->client_fd < 0)
		return;
	loop_unwatch(loop, control->listen_fd);
	control->request_len = 0;
	if (loop_watch(loop, control->client_fd, EPOLLIN, on_readable, control) < 0) {
		let_go(control);
		return;
	}
	loop_timer_set(loop, &control->timer, clock_mono_ms() + CLIENT_MS);
}

static void listen_again(struct control *control)
{
	loop_watch(control->parts.loop, control->listen_fd, EPOLLIN, on_client, control);
}

/* Nobody can connect before it listens, and then it is the owner's alone. */
static int open_socket(struct control *control)
{
	const char *name = control->address.sun_path;
	struct stat st;

	if (lstat(name, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(name);
	control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listen_fd < 0 ||
		bind(control->listen_fd, (const struct sockaddr *)&control->address,
			sizeof(control->address)) < 0)
		return -errno;
	if (chmod(name, 0600) < 0 || listen(control->listen_fd, BACKLOG) < 0) {
		int r = -errno;

		unlink(name);
		return r;
	}
	return loop_watch(control->parts.loop, control->listen_fd, EPOLLIN, on_client, control);
}

int control_open(const struct control_parts *parts, struct control **ret, char err[static ERR_LEN])
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control) {
		snprintf(err, ERR_LEN, "out of memory");
		return -ENOMEM;
	}
	control->parts = *parts;
	control->listen_fd = -1;
	control->client_fd = -1;
	control->timer = (struct loop_timer){.fn = out_of_time, .ctx = control};
	control->errand = (struct errand){.loop = parts->loop,
		.worker = parts->worker,
		.run = step_run,
		.done = step_done,
		.ctx = control};
	r = control_address(parts->spool_path, &control->address);
	if (r == 0)
		r = open_socket(control);
	if (r < 0) {
		snprintf(err, ERR_LEN, "'%.100s.sock': %s", parts->spool_path, strerror(-r));
		if (control->listen_fd >= 0)
			close(control->listen_fd);
		free(control);
		return r;
	}
	*ret = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	errand_cancel(&control->errand);
	if (control->command)
		command_cancel(control->command);
	let_go(control);
	loop_unwatch(control->parts.loop, control->listen_fd);
	close(control->listen_fd);
	unlink(control->address.sun_path);
	free(control);
}
