/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include "clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static enum log_level threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

/* What did not fit is cut off: snprintf returns the length that it would have liked. */
static size_t bounded(size_t at, int more, size_t max)
{
	size_t len = at + (more < 0 ? 0 : (size_t)more);

	return len < max ? len : max;
}

static size_t line_begin(char *line, size_t size, enum log_level level, const char *msg)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	int64_t now_ms = clock_wall_ms();
	time_t now = (time_t)(now_ms / 1000);
	struct tm tm;
	size_t len;
	int more;

	gmtime_r(&now, &tm);
	len = strftime(line, size, "ts=%Y-%m-%dT%H:%M:%S", &tm);
	more = snprintf(line + len, size - len, ".%03dZ level=%s msg=\"%s\"", (int)(now_ms % 1000),
		names[level], msg);
	return bounded(len, more, size - 1);
}

/* One write(2) a line, so that lines of several threads or processes do not mix. */
__attribute__((format(printf, 3, 0))) static void line_write(
	enum log_level level, const char *msg, const char *fmt, va_list args)
{
	int saved_errno = errno;
	char line[LINE_MAX_BYTES];
	size_t len;

	if (level > threshold)
		return;
	len = line_begin(line, sizeof(line), level, msg);
	if (fmt[0] != '\0' && len < sizeof(line) - 1) {
		line[len++] = ' ';
		len = bounded(len, vsnprintf(line + len, sizeof(line) - len, fmt, args),
			sizeof(line) - 1);
	}
	for (size_t i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0) {
		/* Nowhere left to say so. */
	}
	errno = saved_errno;
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *msg, const char *fmt, ...)                                           \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, fmt);                                                               \
		line_write(level, msg, fmt, args);                                                 \
		va_end(args);                                                                      \
	}

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)
