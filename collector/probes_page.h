/* SPDX-License-Identifier: Apache-2.0 */
/* What /metrics says of each probe. Pure. */
#pragma once

#include "ledger.h"
#include "probes.h"
#include "strbuf.h"

/*
 * nstats_probe_*{cluster,namespace,host}: one line a probe and figure, of those that were heard of
 * in the last hour. Where the buffer has no room for all, or no memory, those that were silent
 * longest are left out, each with all of its lines; nstats_probes_left_out, the first line, says
 * how many.
 */
void probes_page_render(const struct probes *probes, const struct ledger *ledger, int64_t now_ms,
	struct strbuf *out);
