/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which name an address gets, and who said so. It never blocks: what is being asked for is the
 * address until it is known.
 */
#pragma once

#include "addr.h"
#include "kube.h"
#include "loop.h"
#include "record.h"
#include "stats.h"

enum named_by {
	NAMED_BY_KUBERNETES,
	NAMED_BY_DNS,
	NAMED_BY_LABEL,
	NAMED_BY_PTR,
	NAMED_BY_ADDRESS,
	NAMED_BY_NONE, /* remainders */
};
const char *named_by_text(enum named_by by); /* "ptr", "-" */

struct names_question {
	struct addr addr;
	int64_t at_ms;    /* Unix time: the interval's end; whose address it was then */
	const char *seen; /* what the pod looked up to find it; NULL: not known */
	/* Who reports: in whose cluster the address is, and whose share of the PTR queries it
	 * takes. NULL: the collector's, and nobody's. */
	const struct identity *observer;
};

/*
 * The last millisecond of the flow's interval is when its remote end had its address: the one after
 * it is the next interval's, and often the whole second at which another owner began.
 */
static inline int64_t names_at_ms(const struct report *report)
{
	return report_end_ms(report) - 1;
}

/* The texts that are borrowed hold until the loop's next turn; NULL: not known. */
struct name {
	char text[ADDR_HOST_LEN];
	enum named_by by;
	const char *kind; /* pod, service, node, external (a public address), other */
	const char *namespace;
	const char *zone;
	const char *label; /* what the operator calls it, whoever named it */
};

/* What is known of a pod that reports, beyond what it says itself; NULL: not known. */
struct names_pod {
	const char *workload;
	const char *node;
	const char *zone;
};

struct names_config {
	const char *labels; /* a file; NULL: none */
	bool is_ptr_on;
	const char *dns_server; /* NULL: resolv.conf's */
	struct kube_config kube;
	const char *cluster; /* the one that Kubernetes knows; NULL: not told, any */
	bool is_by_pod;      /* remote pods by their own name, not by their workload's */
};

struct names;
/* Keeps loop, stats and config's strings until names_close. 0 or -errno. */
int names_open(struct loop *loop, const struct names_config *config, struct stats *stats,
	struct names **ret, char err[static ERR_LEN]);
void names_close(struct names *names);

/* Soon more will be known, of all that is asked for. now_ms is monotonic, here and below. */
bool names_are_starting(const struct names *names, int64_t now_ms);

/* Fills *ret with the best that is known now; false: an answer is awaited that may be better. */
bool names_lookup(struct names *names, const struct names_question *question, int64_t now_ms,
	struct name *ret);

/* The files that names come from are read again, now. */
void names_reload(struct names *names);

/* at_ms as a question's. */
void names_pod(
	struct names *names, const struct identity *identity, int64_t at_ms, struct names_pod *ret);
