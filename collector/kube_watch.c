/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_watch.h"

#include "clock.h"
#include "hash.h"
#include "kube_event.h"
#include "kube_pace.h"
#include "kube_split.h"
#include "log.h"
#include "retry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEXT_MAX       8192 /* a continue token */
#define VERSION_LEN    128
#define URL_MAX        (KUBE_URL_LEN + NEXT_MAX * 3 + 256)
#define LIST_TOTAL_MS  300000 /* the server forgets what a page continues after 5 min */
#define WATCH_GRACE_MS 30000  /* beyond what it was asked to last */
/* A server may give fewer than a page holds. One whose lists do not end fills no memory, but it
 * would be asked for ever. */
#define PAGES_MAX (2 * KUBE_MAP_OBJECTS_MAX / KUBE_PAGE)

struct kube_watch {
	struct kube_watch_parts parts;
	enum kube_kind kind;
	struct kube_pace pace;
	struct kube_parser *parser;
	struct kube_split split;
	struct strbuf url;
	struct strbuf next; /* the continue token of the page that is to come; empty: the first */
	char version[VERSION_LEN];
	struct http_exchange *exchange; /* NULL: between two */
	struct loop_timer timer; /* the next exchange, or a look whether this one is silent */
	int64_t begun_ms;
	int64_t heard_ms;
	unsigned n_pages;          /* of the list that is being read */
	enum kube_trouble trouble; /* what was found in the body, ... */
	char why[ERR_LEN];         /* ... in words */
	enum kube_trouble said;    /* what the log said last, ... */
	enum kube_stage said_of;   /* ... of this */
	bool is_settled;
};

static const char *resource(const struct kube_watch *w)
{
	static const char *const names[] = {
		[KUBE_POD] = "pods", [KUBE_SERVICE] = "services", [KUBE_NODE] = "nodes"};

	return names[w->kind];
}

static const char *verb(const struct kube_watch *w)
{
	return w->pace.stage == KUBE_LISTING ? "list" : "watch";
}

static int64_t silence_ms(const struct kube_watch *w)
{
	return w->pace.stage == KUBE_LISTING ? KUBE_LIST_SILENCE_MS : w->parts.silence_ms;
}

/* Logged once, and not again until something else happens. A list that works does not mend a watch
 * that is refused. */
static void say(struct kube_watch *w, enum kube_trouble trouble, const char *why)
{
	if (w->said == trouble || (trouble == KUBE_TROUBLE_NONE && w->said_of != w->pace.stage))
		return;
	if (trouble == KUBE_TROUBLE_FORBIDDEN || trouble == KUBE_TROUBLE_UNAUTHORIZED)
		log_warn("Kubernetes refuses", "right=\"%s %s\" error=\"%s\" act=\"asked again\"",
			verb(w), resource(w), why);
	else if (trouble != KUBE_TROUBLE_NONE)
		log_warn("Kubernetes does not answer as it should",
			"request=\"%s %s\" error=\"%s\" act=\"what is known stays, asked again\"",
			verb(w), resource(w), why);
	else
		log_info("Kubernetes answers again", "request=\"%s %s\"", verb(w), resource(w));
	w->said = trouble;
	w->said_of = w->pace.stage;
}

static void show(const struct kube_watch *w)
{
	struct stats *stats = w->parts.stats;
	const struct kube_map *map = w->parts.map;

	stats->kube_pods = kube_map_count(map, KUBE_POD);
	stats->kube_services = kube_map_count(map, KUBE_SERVICE);
	stats->kube_nodes = kube_map_count(map, KUBE_NODE);
	stats->kube_past = kube_map_count_past(map);
}

static void put(struct kube_watch *w, const struct kube_object *object)
{
	if (kube_map_put(w->parts.map, object, clock_wall_ms()) == KUBE_MAP_FULL)
		w->parts.stats->kube_overflow++;
}

/* One that cannot be read does not keep the others from being so. */
static bool item_arrived(struct kube_watch *w, const char *text, size_t len)
{
	struct kube_object object;

	if (kube_parse_object(w->parser, w->kind, text, len, &object))
		put(w, &object);
	else
		w->parts.stats->kube_malformed++;
	return true;
}

/* Of what one answer brings the first counts. Returns false, for who has enough of it. */
__attribute__((format(printf, 3, 4))) static bool found(
	struct kube_watch *w, enum kube_trouble trouble, const char *fmt, ...)
{
	va_list args;

	if (w->trouble != KUBE_TROUBLE_NONE)
		return false;
	w->trouble = trouble;
	va_start(args, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, args);
	va_end(args);
	return false;
}

/* False: longer than any that is known; to watch from another one would miss what is between. */
static bool keep_version(struct kube_watch *w, const char *version)
{
	if (strlen(version) >= VERSION_LEN)
		return found(
			w, KUBE_TROUBLE_UNDECODABLE, "a version of %zu bytes", strlen(version));
	if (*version)
		snprintf(w->version, VERSION_LEN, "%s", version);
	return true;
}

static bool error_arrived(struct kube_watch *w, const struct kube_event *event)
{
	return found(w, event->code == 410 ? KUBE_TROUBLE_EXPIRED : KUBE_TROUBLE_FAILED,
		"ERROR event: %d %.160s", event->code, event->message);
}

static bool event_arrived(struct kube_watch *w, const char *text, size_t len)
{
	struct kube_event event;

	if (!kube_parse_event(w->parser, w->kind, text, len, &event)) {
		w->parts.stats->kube_malformed++;
		return found(w, KUBE_TROUBLE_UNDECODABLE, "an event that cannot be read");
	}
	w->parts.stats->kube_events++;
	switch (event.type) {
	case KUBE_ERROR:
		return error_arrived(w, &event);
	case KUBE_PUT:
		put(w, &event.object);
		break;
	case KUBE_DELETED:
		kube_map_delete(w->parts.map, &event.object, clock_wall_ms());
		break;
	case KUBE_BOOKMARK:
		break;
	}
	if (!keep_version(w, event.object.version))
		return false;
	w->pace.failures = 0;
	say(w, KUBE_TROUBLE_NONE, "");
	return true;
}

/* kube_split_fn */
static bool object_arrived(void *ctx, const char *text, size_t len)
{
	struct kube_watch *w = ctx;

	return w->pace.stage == KUBE_LISTING ? item_arrived(w, text, len)
					     : event_arrived(w, text, len);
}

/* http_data_fn */
static bool data_arrived(void *ctx, const void *data, size_t len)
{
	struct kube_watch *w = ctx;
	bool is_ok = kube_split_feed(&w->split, data, len);

	w->heard_ms = clock_mono_ms();
	/* Whose change that was, only a list tells. */
	if (w->split.n_skipped && w->pace.stage == KUBE_WATCHING)
		is_ok = found(w, KUBE_TROUBLE_UNDECODABLE, "an event that is too large");
	w->parts.stats->kube_oversized += w->split.n_skipped;
	w->split.n_skipped = 0;
	show(w);
	if (!is_ok && w->split.envelope.failed)
		return found(
			w, KUBE_TROUBLE_UNDECODABLE, "a list that is too large without its items");
	return is_ok || found(w, KUBE_TROUBLE_UNDECODABLE, "not JSON, or not what was asked for");
}

static void look_again_at(struct kube_watch *w, int64_t at_ms)
{
	loop_timer_set(w->parts.loop, &w->timer, at_ms);
}

static uint64_t *counter(struct kube_watch *w, enum kube_trouble trouble)
{
	struct stats *stats = w->parts.stats;
	uint64_t *const counters[] = {
		[KUBE_TROUBLE_UNREACHABLE] = &stats->kube_unreachable,
		[KUBE_TROUBLE_SILENT] = &stats->kube_silent,
		[KUBE_TROUBLE_UNAUTHORIZED] = &stats->kube_unauthorized,
		[KUBE_TROUBLE_FORBIDDEN] = &stats->kube_forbidden,
		[KUBE_TROUBLE_BUSY] = &stats->kube_busy,
		[KUBE_TROUBLE_EXPIRED] = &stats->kube_expired,
		[KUBE_TROUBLE_UNDECODABLE] = &stats->kube_undecodable,
		[KUBE_TROUBLE_FAILED] = &stats->kube_failed,
	};

	return counters[trouble];
}

static void failed(
	struct kube_watch *w, enum kube_trouble trouble, const char *why, const char *retry_after)
{
	int64_t now_ms = clock_mono_ms(), pause_ms;
	bool is_anew;

	(*counter(w, trouble))++;
	if (trouble != KUBE_TROUBLE_EXPIRED) /* which is nobody's fault */
		say(w, trouble, why);
	if (trouble == KUBE_TROUBLE_FORBIDDEN)
		w->is_settled = true;
	pause_ms = kube_pace_failed(&w->pace, trouble, now_ms - w->begun_ms,
		retry_parse_after(retry_after, clock_wall_ms() / 1000), hash_random_seed(),
		&is_anew);
	if (is_anew)
		strbuf_reset(&w->next);
	look_again_at(w, now_ms + pause_ms);
}

static bool list_ended(struct kube_watch *w, const struct kube_list *list)
{
	struct stats *stats = w->parts.stats;

	if (!keep_version(w, list->version))
		return false;
	strbuf_reset(&w->next);
	stats->kube_stale += kube_map_list_end(w->parts.map, w->kind, clock_wall_ms());
	stats->kube_lists++;
	show(w);
	say(w, KUBE_TROUBLE_NONE, "");
	w->is_settled = true;
	return true;
}

static bool page_ended(struct kube_watch *w)
{
	size_t len = 0;
	const char *envelope = kube_split_envelope(&w->split, &len);
	struct kube_list list;

	if (!envelope)
		return found(w, KUBE_TROUBLE_UNDECODABLE, "a list that is cut off");
	if (!kube_parse_list(w->parser, envelope, len, &list))
		return found(w, KUBE_TROUBLE_UNDECODABLE, "not a list");
	if (!*list.next)
		return list_ended(w, &list);
	strbuf_reset(&w->next);
	strbuf_text(&w->next, list.next);
	if (w->next.failed)
		return found(w, KUBE_TROUBLE_UNDECODABLE, "a continue token that is too large");
	if (++w->n_pages < PAGES_MAX)
		return true;
	return found(w, KUBE_TROUBLE_UNDECODABLE, "a list of more than %d pages", PAGES_MAX);
}

/* http_answer_fn */
static void answered(void *ctx, const struct http_answer *answer)
{
	struct kube_watch *w = ctx;
	enum kube_trouble trouble = kube_pace_trouble(answer->status);
	int64_t now_ms = clock_mono_ms();

	w->exchange = NULL;
	if (trouble == KUBE_TROUBLE_NONE && w->trouble == KUBE_TROUBLE_NONE &&
		(w->pace.stage == KUBE_WATCHING || page_ended(w))) {
		look_again_at(w,
			now_ms + kube_pace_ended(&w->pace, now_ms - w->begun_ms, w->next.len == 0));
		return;
	}
	if (trouble == KUBE_TROUBLE_NONE)
		trouble = w->trouble;
	else if (answer->status)
		snprintf(w->why, sizeof(w->why), "status %d", answer->status);
	else
		snprintf(w->why, sizeof(w->why), "%s", answer->error);
	failed(w, trouble, w->why, answer->retry_after);
}

static void write_url(struct kube_watch *w, unsigned watch_s)
{
	strbuf_reset(&w->url);
	strbuf_printf(&w->url, "%s/api/v1/%s?", w->parts.access->url, resource(w));
	if (w->pace.stage == KUBE_WATCHING) {
		strbuf_printf(
			&w->url, "watch=1&allowWatchBookmarks=true&timeoutSeconds=%u", watch_s);
		strbuf_text(&w->url, "&resourceVersion=");
		strbuf_encoded(&w->url, w->version);
		return;
	}
	strbuf_printf(&w->url, "limit=%d", KUBE_PAGE);
	if (w->next.len) {
		strbuf_text(&w->url, "&continue=");
		strbuf_encoded(&w->url, w->next.data);
	}
}

static int exchange_start(struct kube_watch *w, char err[static ERR_LEN])
{
	unsigned watch_s = KUBE_WATCH_MIN_S + (unsigned)(hash_random_seed() % KUBE_WATCH_MIN_S);
	char authorization[KUBE_AUTHORIZATION_LEN];
	struct http_get get = {.ca_file = w->parts.access->ca_file,
		.total_ms = LIST_TOTAL_MS,
		.data = data_arrived,
		.done = answered,
		.ctx = w};
	int r = kube_access_authorization(w->parts.access, authorization, err);

	if (r < 0)
		return r;
	write_url(w, watch_s);
	if (w->pace.stage == KUBE_WATCHING)
		get.total_ms = (int64_t)watch_s * 1000 + WATCH_GRACE_MS;
	get.url = w->url.data;
	get.authorization = *authorization ? authorization : NULL;
	r = w->url.failed ? -ENOMEM : http_client_get(w->parts.client, &get, &w->exchange);
	if (r < 0)
		snprintf(err, ERR_LEN, "%s", strerror(-r));
	return r;
}

static void begin(struct kube_watch *w, int64_t now_ms)
{
	char err[ERR_LEN];

	if (w->pace.stage == KUBE_LISTING && w->next.len == 0) {
		kube_map_list_begin(w->parts.map, w->kind);
		w->n_pages = 0;
	}
	kube_split_begin(&w->split, w->pace.stage == KUBE_LISTING);
	w->trouble = KUBE_TROUBLE_NONE;
	w->begun_ms = w->heard_ms = now_ms;
	if (exchange_start(w, err) < 0)
		failed(w, KUBE_TROUBLE_UNREACHABLE, err, "");
	else
		look_again_at(w, now_ms + silence_ms(w));
}

static void timer_fired(void *ctx, int64_t now_ms)
{
	struct kube_watch *w = ctx;

	if (!w->exchange) {
		begin(w, now_ms);
		return;
	}
	if (now_ms < w->heard_ms + silence_ms(w)) {
		look_again_at(w, w->heard_ms + silence_ms(w));
		return;
	}
	http_client_cancel(w->exchange);
	w->exchange = NULL;
	failed(w, KUBE_TROUBLE_SILENT, "silence", "");
}

struct kube_watch *kube_watch_new(const struct kube_watch_parts *parts, enum kube_kind kind)
{
	struct kube_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->parts = *parts;
	w->kind = kind;
	w->timer = (struct loop_timer){.fn = timer_fired, .ctx = w};
	strbuf_init(&w->url, URL_MAX);
	strbuf_init(&w->next, NEXT_MAX);
	kube_split_init(&w->split, object_arrived, w);
	w->parser = kube_parser_new();
	if (!w->parser) {
		kube_watch_free(w);
		return NULL;
	}
	look_again_at(w, clock_mono_ms());
	return w;
}

void kube_watch_free(struct kube_watch *w)
{
	if (!w)
		return;
	if (w->exchange)
		http_client_cancel(w->exchange);
	loop_timer_cancel(w->parts.loop, &w->timer);
	kube_parser_free(w->parser);
	kube_split_done(&w->split);
	strbuf_done(&w->next);
	strbuf_done(&w->url);
	free(w);
}

bool kube_watch_is_settled(const struct kube_watch *w)
{
	return w->is_settled;
}
