/* SPDX-License-Identifier: Apache-2.0 */
#include "name_text.h"

#include "line.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

static_assert(LINE_VALUE_MAX < ADDR_HOST_LEN, "a cleaned name fits");

bool name_text_clean(const char *raw, char ret[static ADDR_HOST_LEN])
{
	bool has_letters = false;
	struct addr addr;
	size_t len;

	line_clean(raw, ret);
	len = strlen(ret);
	if (len < LINE_VALUE_MAX && ret[len - 1] == '.')
		ret[--len] = '\0';
	for (size_t i = 0; i < len; i++) {
		has_letters |= isalnum((unsigned char)ret[i]) != 0;
		ret[i] = (char)tolower((unsigned char)ret[i]);
	}
	return has_letters && ret[0] != '~' && addr_parse(ret, &addr) < 0;
}
