/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include "name_seen.h"
#include "ptr.h"
#include "scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct names {
	struct ptr *ptr; /* NULL: off */
	struct stats *stats;
};

const char *named_by_text(enum named_by by)
{
	static const char *const texts[] = {
		[NAMED_BY_KUBERNETES] = "kubernetes",
		[NAMED_BY_DNS] = "dns",
		[NAMED_BY_LABEL] = "label",
		[NAMED_BY_PTR] = "ptr",
		[NAMED_BY_ADDRESS] = "address",
		[NAMED_BY_NONE] = "-",
	};

	return texts[by];
}

/* What the pod asked for says more of what it wants there than any record of the address. */
static bool take_seen(struct names *names, const struct names_question *question, enum scope scope,
	struct name *ret)
{
	if (!question->seen)
		return false;
	if (!name_seen_clean(question->seen, scope, ret->text)) {
		names->stats->seen_unusable++;
		return false;
	}
	ret->by = NAMED_BY_DNS;
	return true;
}

bool names_lookup(struct names *names, const struct names_question *question, int64_t now_ms,
	struct name *ret)
{
	const struct addr *addr = &question->addr;
	enum scope scope = scope_of(addr);
	const char *text = NULL;
	bool is_awaited = false;

	ret->kind = scope == SCOPE_PUBLIC ? "external" : "other";
	ret->namespace = ret->zone = ret->label = NULL;
	if (take_seen(names, question, scope, ret))
		return true;
	if (names->ptr && scope != SCOPE_SPECIAL)
		is_awaited = ptr_lookup(names->ptr, addr, now_ms, &text);
	if (text) {
		ret->by = NAMED_BY_PTR;
		snprintf(ret->text, sizeof(ret->text), "%s", text);
	} else {
		ret->by = NAMED_BY_ADDRESS;
		addr_format(addr, ret->text);
	}
	return !is_awaited;
}

void names_pod(
	struct names *names, const struct identity *identity, int64_t at_ms, struct names_pod *ret)
{
	(void)names;
	(void)identity;
	(void)at_ms;
	*ret = (struct names_pod){0};
}

int names_open(struct loop *loop, const struct names_config *config, struct stats *stats,
	struct names **ret, char err[static ERR_LEN])
{
	struct names *names = calloc(1, sizeof(*names));
	int r = 0;

	if (!names) {
		snprintf(err, ERR_LEN, "names: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	names->stats = stats;
	if (config->is_ptr_on)
		r = ptr_open(loop, config->dns_server, stats, &names->ptr, err);
	if (r < 0) {
		names_close(names);
		return r;
	}
	*ret = names;
	return 0;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	ptr_close(names->ptr);
	free(names);
}
