/* SPDX-License-Identifier: Apache-2.0 */
#include "live_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct live_out {
	int fd;
	FILE *stream; /* into text, between begin and end */
	char *text;
	size_t len;
	size_t n_written;
};

/*
 * O_NONBLOCK belongs to the open file description (open(2)), which the shell and others share with
 * us: terminals and pipes are opened anew for it. A regular file never keeps a writer waiting; a
 * socket cannot be opened so, and is written to as it is.
 */
static int open_own(int fd)
{
	struct stat st;
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (own >= 0)
			return own;
	}
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

struct live_out *live_out_new(int fd)
{
	struct live_out *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->fd = open_own(fd);
	if (out->fd < 0) {
		free(out);
		return NULL;
	}
	return out;
}

static void text_release(struct live_out *out)
{
	free(out->text);
	out->text = NULL;
	out->len = out->n_written = 0;
}

bool live_out_push(struct live_out *out)
{
	while (out->n_written < out->len) {
		ssize_t n = write(out->fd, out->text + out->n_written, out->len - out->n_written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) /* nobody will ever read it */
			break;
		out->n_written += (size_t)n;
	}
	text_release(out);
	return true;
}

void live_out_free(struct live_out *out)
{
	if (!out)
		return;
	(void)live_out_push(out);
	text_release(out);
	close(out->fd);
	free(out);
}

FILE *live_out_begin(struct live_out *out)
{
	out->stream = open_memstream(&out->text, &out->len);
	return out->stream;
}

void live_out_end(struct live_out *out)
{
	bool is_whole = fclose(out->stream) == 0;

	out->stream = NULL;
	if (is_whole)
		(void)live_out_push(out);
	else
		text_release(out);
}
