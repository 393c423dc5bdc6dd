/* SPDX-License-Identifier: Apache-2.0 */
#include "name_seen.h"

#include "name_text.h"

#include <string.h>

#define SVC ".svc."

/* The last one that has something behind it; NULL: none. */
static char *find_svc(char *name)
{
	char *last = NULL;

	for (char *at = strstr(name, SVC); at; at = strstr(at + 1, SVC))
		if (at[strlen(SVC)] != '\0')
			last = at;
	return last;
}

static bool is_cluster_domain(const char *domain, enum scope scope)
{
	return scope != SCOPE_PUBLIC || strcmp(domain, "cluster.local") == 0 ||
	       strcmp(domain, "clusterset.local") == 0;
}

static unsigned count_labels(const char *name)
{
	unsigned n = 1;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

bool name_seen_clean(const char *raw, enum scope scope, char ret[static ADDR_HOST_LEN])
{
	struct addr addr;
	unsigned n_labels;
	char *svc;

	if (!name_text_clean(raw, ret))
		return false;
	svc = find_svc(ret);
	if (!svc || !is_cluster_domain(svc + strlen(SVC), scope))
		return true;
	*svc = '\0';
	n_labels = count_labels(ret);
	if (n_labels < 2)
		*svc = '.'; /* NS.svc.DOMAIN names nobody: as it was */
	else if (n_labels > 3 || (n_labels == 3 && scope == SCOPE_PUBLIC))
		*strrchr(ret, '.') = '\0';
	return addr_parse(ret, &addr) < 0; /* 192.0.2.1.NS.svc.cluster.local */
}
