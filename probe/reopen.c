/* SPDX-License-Identifier: Apache-2.0 */
#include "reopen.h"

#include <stdio.h>
#include <string.h>

void reopen_init(struct reopen *reopen, int64_t now_ms)
{
	*reopen = (struct reopen){.due_ms = now_ms, .pause_ms = REOPEN_FIRST_MS};
}

int64_t reopen_due_ms(const struct reopen *reopen)
{
	return reopen->is_open ? INT64_MAX : reopen->due_ms;
}

void reopen_succeed(struct reopen *reopen, int64_t now_ms)
{
	reopen->is_open = true;
	reopen->opened_ms = now_ms;
	reopen->reason[0] = '\0';
}

bool reopen_fail(struct reopen *reopen, const char *reason, int64_t now_ms)
{
	bool is_news = strncmp(reopen->reason, reason, ERR_LEN - 1) != 0;

	if (reopen->is_open && now_ms - reopen->opened_ms >= REOPEN_STEADY_MS)
		reopen->pause_ms = REOPEN_FIRST_MS;
	reopen->is_open = false;
	reopen->due_ms = now_ms + reopen->pause_ms;
	reopen->pause_ms *= 2;
	if (reopen->pause_ms > REOPEN_MAX_MS)
		reopen->pause_ms = REOPEN_MAX_MS;
	snprintf(reopen->reason, sizeof(reopen->reason), "%s", reason);
	return is_news;
}
