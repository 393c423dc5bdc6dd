/* SPDX-License-Identifier: Apache-2.0 */
#include "name_seen.h"

#include "name_text.h"

#include <string.h>

#define SVC ".svc"

/* The last one that has a domain behind it or, once a search suffix is cut off, nothing. */
static char *find_svc(char *name, bool is_cut)
{
	char *last = NULL;

	for (char *at = strstr(name, SVC); at; at = strstr(at + 1, SVC)) {
		const char *behind = at + strlen(SVC);

		if (*behind == '.' ? behind[1] != '\0' : is_cut && *behind == '\0')
			last = at;
	}
	return last;
}

/* In no search list: what stands before is all of the name. */
static bool is_set_of_clusters(const char *domain)
{
	return strcmp(domain, "clusterset.local") == 0;
}

static bool is_cluster_domain(const char *domain, enum scope scope)
{
	return scope != SCOPE_PUBLIC || strcmp(domain, "cluster.local") == 0 ||
	       is_set_of_clusters(domain);
}

static unsigned count_labels(const char *name)
{
	unsigned n = 1;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

/* True: a search list's suffix is cut off, and what is left may end as a cluster's name itself. */
static bool cut(char *name, enum scope scope, const char *namespace, bool is_cut)
{
	char *svc = find_svc(name, is_cut);
	unsigned n_labels;
	bool is_whole;
	char *last;

	if (!svc || (svc[strlen(SVC)] && !is_cluster_domain(svc + strlen(SVC) + 1, scope)))
		return false;
	is_whole = svc[strlen(SVC)] && is_set_of_clusters(svc + strlen(SVC) + 1);
	*svc = '\0';
	n_labels = count_labels(name);
	if (n_labels < 2)
		*svc = '.'; /* NS.svc.DOMAIN names nobody: as it was */
	if (is_whole || n_labels < 3 || (n_labels == 3 && (is_cut || scope != SCOPE_PUBLIC)))
		return false;
	last = strrchr(name, '.');
	if (!*namespace || strcmp(last + 1, namespace) == 0)
		*last = '\0';
	return true;
}

bool name_seen_clean(
	const char *raw, enum scope scope, const char *namespace, char ret[static ADDR_HOST_LEN])
{
	bool is_cut = false;
	struct addr addr;

	if (!name_text_clean(raw, ret))
		return false;
	while (cut(ret, scope, namespace, is_cut))
		is_cut = true;
	return addr_parse(ret, &addr) < 0; /* 192.0.2.1.NS.svc.cluster.local */
}
