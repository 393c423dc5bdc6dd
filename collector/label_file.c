/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ConfigMap's file is a link to a link, of which the second is replaced: inotify(7) would have to
 * watch the folder of each and to begin anew after each change. stat(2) goes through them all, and
 * now and then is soon enough for names. What it says of a file changes with its content:
 * the file that it is, its size, the time of its last write. An editor or scp may be half-way
 * through it at a look, so that a change waits for a second one that sees the same.
 */
#include "label_file.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct label_file {
	struct loop *loop;
	const char *path;
	struct stats *stats;
	struct labels *labels;
	struct stat taken;  /* what was read; all zero: there is none */
	struct stat looked; /* what the last look saw */
	struct loop_timer look;
};

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void look_at(const char *path, struct stat *ret)
{
	if (stat(path, ret) < 0)
		memset(ret, 0, sizeof(*ret));
}

static int read_all(int fd, char *text, size_t cap, size_t *ret_len)
{
	ssize_t n = 1;
	size_t len = 0;

	while (n > 0 && len < cap) {
		n = read(fd, text + len, cap - len);
		if (n < 0)
			return -errno;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* What is at the path now, whether it can be read or not, is looked at again once it has changed.
 */
static int read_file(struct label_file *file, char *text, size_t cap, size_t *ret_len)
{
	int fd, r;

	look_at(file->path, &file->taken);
	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &file->taken) < 0 ? -errno : read_all(fd, text, cap, ret_len);
	close(fd);
	return r;
}

static int load(struct label_file *file, struct labels **ret, char err[static ERR_LEN])
{
	char *text = malloc(LABELS_TEXT_MAX + 1);
	char what[ERR_LEN];
	size_t len = 0;
	int r = text ? read_file(file, text, LABELS_TEXT_MAX + 1, &len) : -ENOMEM;

	if (r == 0 && len > LABELS_TEXT_MAX)
		r = -EFBIG;
	if (r < 0) {
		snprintf(err, ERR_LEN,
			"--labels: cannot read '%.100s': %s; expected a file of at "
			"most 8 MiB",
			file->path, strerror(-r));
	} else {
		r = labels_parse(text, len, ret, what);
		if (r < 0)
			snprintf(err, ERR_LEN, "--labels: '%.80s', %.160s", file->path, what);
	}
	free(text);
	return r;
}

static void take(struct label_file *file, struct labels *labels)
{
	labels_free(file->labels);
	file->labels = labels;
	file->stats->labels = labels_count(labels);
}

void label_file_read(struct label_file *file)
{
	struct labels *labels;
	char err[ERR_LEN];
	size_t n_before;

	if (load(file, &labels, err) < 0) {
		file->stats->labels_failed++;
		log_error("labels stay as they were", "error=\"%s\" labels=%zu", err,
			labels_count(file->labels));
		return;
	}
	n_before = labels_count(file->labels);
	take(file, labels);
	file->stats->labels_read++;
	if (n_before > 0 && labels_count(labels) == 0)
		log_warn("no label is left", "file=\"%s\" labels_before=%zu", file->path, n_before);
	else
		log_info("labels read again", "labels=%zu", labels_count(labels));
}

void label_file_look(struct label_file *file)
{
	struct stat before = file->looked;

	look_at(file->path, &file->looked);
	if (is_same(&file->looked, &before) && !is_same(&file->looked, &file->taken))
		label_file_read(file);
}

static void look(void *ctx, int64_t now_ms)
{
	struct label_file *file = ctx;

	label_file_look(file);
	loop_timer_set(file->loop, &file->look, now_ms + LABEL_FILE_LOOK_MS);
}

int label_file_open(struct loop *loop, const char *path, struct stats *stats,
	struct label_file **ret, char err[static ERR_LEN])
{
	struct label_file *file = calloc(1, sizeof(*file));
	struct labels *labels;
	int r;

	if (!file) {
		snprintf(err, ERR_LEN, "--labels: out of memory");
		return -ENOMEM;
	}
	*file = (struct label_file){.loop = loop, .path = path, .stats = stats};
	file->look = (struct loop_timer){.fn = look, .ctx = file};
	r = load(file, &labels, err);
	if (r < 0) {
		label_file_close(file);
		return r;
	}
	take(file, labels);
	file->looked = file->taken;
	loop_timer_set(loop, &file->look, clock_mono_ms() + LABEL_FILE_LOOK_MS);
	*ret = file;
	return 0;
}

void label_file_close(struct label_file *file)
{
	if (!file)
		return;
	loop_timer_cancel(file->loop, &file->look);
	labels_free(file->labels);
	free(file);
}

const char *label_file_find(const struct label_file *file, const struct addr *addr)
{
	return labels_find(file->labels, addr);
}
