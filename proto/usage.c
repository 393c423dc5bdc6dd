/* SPDX-License-Identifier: Apache-2.0 */
#include "usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define US_PER_S 1000000

int usage_open(void)
{
	return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

void usage_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

static uint64_t us_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * US_PER_S + (uint64_t)time->tv_usec;
}

uint64_t usage_cpu_us(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return 0;
	return us_of(&usage.ru_utime) + us_of(&usage.ru_stime);
}

/* proc_pid_statm(5): "size resident …", in pages. */
uint64_t usage_rss_bytes(int fd)
{
	char text[128];
	uint64_t pages;
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%*u %" SCNu64, &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
