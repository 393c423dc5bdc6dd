/* SPDX-License-Identifier: Apache-2.0 */
#include "fold.h"

enum lost {
	LOST_NOTHING,
	LOST_PORT,
	LOST_NAME
};

static enum series_verdict try(struct series *series, struct series_owner owner,
	enum series_fold fold, const struct tags *tags, struct strbuf *out)
{
	strbuf_reset(out);
	line_series(out, &tags->line);
	if (out->failed) /* no memory: the batch is given up */
		return SERIES_LIVE;
	return series_admit(series, owner, fold, out->data, out->len);
}

static void note(enum series_verdict why, uint64_t *of_pod, uint64_t *of_total)
{
	(*(why == SERIES_POD_FULL ? of_pod : of_total))++;
}

/* *ret_why: what was full. */
static enum lost squeeze(struct series *series, struct series_owner owner,
	const struct record *record, struct tags *tags, struct strbuf *out,
	enum series_verdict *ret_why)
{
	bool is_label = tags->receiver.by == NAMED_BY_LABEL;
	enum lost lost = LOST_NOTHING;

	*ret_why = try(series, owner, SERIES_WHOLE, tags, out);
	if (*ret_why == SERIES_LIVE)
		return lost;
	if (tags_drop_port(tags)) {
		lost = LOST_PORT;
		if (try(series, owner, SERIES_PORTLESS, tags, out) == SERIES_LIVE)
			return lost;
	}
	if (tags_drop_name(tags, record) &&
		try(series, owner, SERIES_LABEL, tags, out) == SERIES_LIVE)
		return is_label ? lost : LOST_NAME;
	tags_to_other(tags);
	strbuf_reset(out);
	line_series(out, &tags->line);
	return LOST_NAME;
}

void fold_record(struct series *series, struct series_owner owner, const struct record *record,
	struct tags *tags, struct strbuf *out, struct fold_counts *counts)
{
	enum series_verdict why;

	if (!series || record->kind != RECORD_FLOW) {
		strbuf_reset(out);
		line_series(out, &tags->line);
		return;
	}
	switch (squeeze(series, owner, record, tags, out, &why)) {
	case LOST_NOTHING:
		break;
	case LOST_PORT:
		note(why, &counts->port_pod, &counts->port_total);
		break;
	case LOST_NAME:
		note(why, &counts->name_pod, &counts->name_total);
		break;
	}
}
