/* SPDX-License-Identifier: Apache-2.0 */
#include "tags.h"

#include "scope.h"

#include <stdio.h>

void tags_begin(struct tags *tags, struct names *names, const struct report *report, int64_t now_ms)
{
	const struct identity *identity = &report->identity;
	struct names_pod pod;

	*tags = (struct tags){.names = names,
		.report = report,
		.now_ms = now_ms,
		.line = {.cluster = identity->cluster,
			.hosts = identity->host,
			.namespace = identity->namespace,
			.node = identity->node}};
	names_pod(names, identity, names_at_ms(report), &pod);
	tags->line.workload = pod.workload;
	tags->line.zone = pod.zone;
	if (!identity->node[0])
		tags->line.node = pod.node;
}

static void tag_flow(struct tags *tags, const struct record *record)
{
	struct names_question question = {.addr = record->local,
		.at_ms = names_at_ms(tags->report),
		.observer = &tags->report->identity};

	if (tags->named_local.len == 0 || !addr_equal(&tags->named_local, &record->local)) {
		names_lookup(tags->names, &question, tags->now_ms, &tags->sender);
		tags->named_local = record->local;
	}
	question.addr = record->remote;
	question.seen = record->name;
	names_lookup(tags->names, &question, tags->now_ms, &tags->receiver);
	tags->line.sender = tags->sender.text;
	tags->line.receiver = tags->receiver.text;
	tags->line.receiver_kind = tags->receiver.kind;
	tags->line.receiver_namespace = tags->receiver.namespace;
	tags->line.receiver_zone = tags->receiver.zone;
	tags->line.named_by = named_by_text(tags->receiver.by);
	tags->port[0] = '\0';
	if (record->port)
		snprintf(tags->port, sizeof(tags->port), "%u", (unsigned)record->port);
	tags->line.port = tags->port;
}

static void tag_remainder(struct tags *tags, const char *receiver)
{
	tags->line.sender = "-";
	tags->line.receiver = receiver;
	tags->line.receiver_kind = "other";
	tags->line.receiver_namespace = tags->line.receiver_zone = NULL;
	tags->line.named_by = named_by_text(NAMED_BY_NONE);
	tags->line.port = "-";
}

void tags_record(struct tags *tags, const struct record *record)
{
	bool is_ip = record->kind == RECORD_FLOW || record->kind == RECORD_OTHER;

	tags->line.proto = is_ip ? record_proto_name(record->proto, tags->proto) : "-";
	tags->line.role = !is_ip ? "-" : record->role == ROLE_SERVER ? "server" : "client";
	switch (record->kind) {
	case RECORD_FLOW:
		tag_flow(tags, record);
		break;
	case RECORD_OTHER:
		tag_remainder(tags, "~other");
		break;
	case RECORD_NON_IP:
		tag_remainder(tags, "~non-ip");
		break;
	case RECORD_MALFORMED:
		tag_remainder(tags, "~malformed");
		break;
	}
}

bool tags_drop_port(struct tags *tags)
{
	if (tags->port[0] == '\0')
		return false;
	tags->port[0] = '\0';
	return true;
}

bool tags_drop_name(struct tags *tags, const struct record *record)
{
	if (!tags->receiver.label)
		return false;
	tags->line.receiver = tags->receiver.label;
	tags->line.receiver_kind = scope_kind(scope_of(&record->remote));
	tags->line.receiver_namespace = tags->line.receiver_zone = NULL;
	tags->line.named_by = named_by_text(NAMED_BY_LABEL);
	return true;
}

void tags_to_other(struct tags *tags)
{
	tag_remainder(tags, "~other");
}
