/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_all(const char *path, char *buf, size_t cap, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n = 1;
	int r = 0;

	if (fd < 0)
		return -errno;
	while (n > 0 && len < cap) {
		n = read(fd, buf + len, cap - len);
		if (n < 0)
			r = -errno;
		else
			len += (size_t)n;
	}
	close(fd);
	if (r == 0)
		*ret_len = len;
	return r;
}

bool secret_has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return true;
	return false;
}

int secret_read(const char *option, const char *path, char ret[static SECRET_MAX + 1],
	char err[static ERR_LEN])
{
	const char *wrong = NULL;
	size_t len = 0;
	int r = read_all(path, ret, SECRET_MAX + 1, &len);

	if (r < 0) {
		snprintf(err, ERR_LEN, "%s: cannot read '%.100s': %s", option, path, strerror(-r));
		return r;
	}
	if (len > SECRET_MAX)
		wrong = "is longer than 4096 bytes";
	if (len && ret[len - 1] == '\n')
		len--;
	if (len && ret[len - 1] == '\r')
		len--;
	if (!wrong && len == 0)
		wrong = "is empty";
	if (!wrong && secret_has_control(ret, len))
		wrong = "has control characters, or more than one line";
	if (wrong) {
		snprintf(err, ERR_LEN, "%s: '%.100s' %s", option, path, wrong);
		return -EINVAL;
	}
	ret[len] = '\0';
	return 0;
}
