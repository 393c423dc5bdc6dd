/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --labels: the file, read at the start, at a SIGHUP and when it has changed and is still. What
 * cannot be read then leaves the labels that hold as they are.
 */
#pragma once

#include "labels.h"
#include "loop.h"
#include "stats.h"

#define LABEL_FILE_LOOK_MS 5000

struct label_file;
/* Keeps loop, path and stats. 0 or -errno: a start does not do without what it was told to read. */
int label_file_open(struct loop *loop, const char *path, struct stats *stats,
	struct label_file **ret, char err[static ERR_LEN]);
void label_file_close(struct label_file *file);

/* Now, whether it has changed or not. */
void label_file_read(struct label_file *file);

/* Only if it has changed, and not since the last look; done by itself every LABEL_FILE_LOOK_MS. */
void label_file_look(struct label_file *file);

/* As labels_find, until the loop's next turn. */
const char *label_file_find(const struct label_file *file, const struct addr *addr);
