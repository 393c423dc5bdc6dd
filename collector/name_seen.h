/* SPDX-License-Identifier: Apache-2.0 */
/* A name that a pod looked up, as a tag's value: without what Kubernetes' search list put behind
 * it. Pure. */
#pragma once

#include "scope.h"

/*
 * Cleaned as name_text_clean does, then, where it ends in ".svc." and a domain:
 *   NAME.NS.svc.DOMAIN        NAME.NS           a service
 *   POD.NAME.NS.svc.DOMAIN    POD.NAME.NS       a pod of a headless one, at an address that is not
 * public a.b.NS.svc.DOMAIN         a.b               else: an external name that was asked for with
 * the a.b.c.NS.svc.DOMAIN       a.b.c             pod's search list and answered as such (CoreDNS'
 *                                               autopath, a wildcard)
 * The domain is cluster.local or clusterset.local; any, where the address is not public: the
 * outside may have a label "svc" of its own. False: it is no name, as for name_text_clean.
 */
bool name_seen_clean(const char *raw, enum scope scope, char ret[static ADDR_HOST_LEN]);
