/* SPDX-License-Identifier: Apache-2.0 */
/* A name that a pod looked up, as a tag's value: without what Kubernetes' search list put behind
 * it. Pure. */
#pragma once

#include "scope.h"

/*
 * Cleaned as name_text_clean does, then, where it ends in ".svc." and a domain:
 *   NAME.NS.svc.DOMAIN         NAME.NS       a service
 *   POD.NAME.NS.svc.DOMAIN     POD.NAME.NS   a pod of a headless one
 *   X.NS.svc.DOMAIN            X             what was asked for with the pod's search list and
 *   X.svc.DOMAIN               X             answered as such (CoreDNS' autopath, a wildcard)
 * X has three labels or more, or two where it has NS and the address is public. The search list's
 * NS is the pod's own: namespace, "" where that is not known, and then any. X may be a cluster's
 * name itself, with or without a domain: it is reduced in turn, and its three labels are a pod's.
 *
 * An X of two labels at an address that is not public cannot be told from a pod of a headless
 * service in the namespace, and stays X.NS. X.DOMAIN, by the search list's last suffix, stays as it
 * is.
 *
 * The domain is cluster.local or clusterset.local; any, where the address is not public: the
 * outside may have a label "svc" of its own. False: it is no name, as for name_text_clean.
 */
bool name_seen_clean(
	const char *raw, enum scope scope, const char *namespace, char ret[static ADDR_HOST_LEN]);
