/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline's first half: a datagram is decoded, told from its duplicates and put to those that
 * wait, and its names are asked for. What is not taken is counted by its reason.
 */
#pragma once

#include "acks.h"
#include "ledger.h"
#include "names.h"
#include "probes.h"
#include "stats.h"
#include "waiting.h"

struct intake_parts {
	struct names *names;
	struct ledger *ledger;
	struct probes *probes;
	struct waiting *waiting;
	struct acks *acks;
	struct stats *stats;
	const char *cluster; /* for probes that do not say */
};

struct intake;
/* Keeps the parts until intake_free. NULL: no memory. */
struct intake *intake_new(const struct intake_parts *parts);
void intake_free(struct intake *intake);

void intake_datagram(struct intake *intake, const uint8_t *data, size_t len,
	const struct receive_from *from, int64_t now_ms);

/* Asks for the names that are not known. True: some answer is awaited. */
bool intake_await_names(struct names *names, const struct report *report,
	const struct record *records, size_t n, int64_t now_ms);
