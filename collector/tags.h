/* SPDX-License-Identifier: Apache-2.0 */
/* What the lines of a datagram's records are tagged with: who saw, whom, and by which name. */
#pragma once

#include "line.h"
#include "names.h"

#define TAGS_PORT_LEN 6

/* One datagram's; line is valid until the next record's, or until the datagram is gone. */
struct tags {
	struct line_tags line;
	struct names *names;
	const struct report *report;
	int64_t now_ms;
	struct name sender;
	struct name receiver;
	struct addr named_local; /* whose name sender is: records share few local addresses */
	char proto[RECORD_PROTO_LEN];
	char port[TAGS_PORT_LEN];
};

/* Keeps names and report. now_ms: monotonic. */
void tags_begin(
	struct tags *tags, struct names *names, const struct report *report, int64_t now_ms);

void tags_record(struct tags *tags, const struct record *record);

/* What is told of a flow less and less. False: it says no port; nobody gave its address a label. */
bool tags_drop_port(struct tags *tags);
bool tags_drop_name(struct tags *tags, const struct record *record);
/* The remainder of its protocol and role, as the probe itself reports it. */
void tags_to_other(struct tags *tags);
