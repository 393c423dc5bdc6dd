/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ordered wiring. Its end is the reverse, but for the worker: that ends, with the jobs that it has,
 * once pipeline and ship have let go of theirs, and before all that is left.
 */
#include "clock.h"
#include "command_line.h"
#include "config.h"
#include "control.h"
#include "figures.h"
#include "hash.h"
#include "http_server.h"
#include "ledger.h"
#include "live.h"
#include "log.h"
#include "loop.h"
#include "names.h"
#include "pipeline.h"
#include "probes.h"
#include "probes_page.h"
#include "receive.h"
#include "series.h"
#include "ship.h"
#include "spool.h"
#include "spool_watch.h"
#include "stats.h"
#include "subcommand.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORKER_JOBS_MAX 8
#define STOP_LOOK_MS    50   /* how often the shutdown looks whether the spool is empty */
#define STOP_MAX_MS     3000 /* and how long it waits for that */

struct collector {
	struct config config;
	struct stats stats;
	struct loop *loop;
	struct spool *spool;
	struct worker *worker;
	struct spool_watch *spool_watch;
	struct control *control; /* NULL: no socket */
	struct ledger *ledger;
	struct series *series;
	struct probes *probes;
	struct names *names;
	struct live *live; /* NULL: off */
	struct figures *figures;
	struct ship *ship; /* NULL: keep locally */
	struct pipeline *pipeline;
	struct receive *receive;
	struct http_server *http;
	struct loop_timer stop_timer;
	int64_t stop_by_ms; /* 0: running */
	bool is_flushed;
};

static int healthz_render(void *ctx, struct strbuf *body)
{
	(void)ctx;
	strbuf_text(body, "ok\n");
	return 200;
}

/* Served since the socket is bound and the spool open: main opens this last. */
static int readyz_render(void *ctx, struct strbuf *body)
{
	const struct collector *c = ctx;

	strbuf_text(body, c->stop_by_ms ? "stopping\n" : "ready\n");
	return c->stop_by_ms ? 503 : 200;
}

static int metrics_render(void *ctx, struct strbuf *body)
{
	const struct collector *c = ctx;

	stats_render(&c->stats, body);
	probes_page_render(c->probes, c->ledger, clock_mono_ms(), body);
	return 200;
}

static const struct http_route routes[] = {
	{"/healthz", "text/plain; charset=utf-8", healthz_render},
	{"/readyz", "text/plain; charset=utf-8", readyz_render},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics_render},
};

static bool reply(void *ctx, const struct receive_from *to, const uint8_t *data, size_t len)
{
	struct collector *c = ctx;

	return c->receive && receive_reply(c->receive, to, data, len);
}

static void kick_ship(void *ctx)
{
	struct collector *c = ctx;

	if (c->ship)
		ship_kick(c->ship);
}

/* Is there a point in waiting? Not where the backlog stays anyway: no InfluxDB, or it does not
 * answer. */
static bool is_shipping(const struct collector *c)
{
	return c->ship && c->stats.spool_bodies > 0 && !ship_is_waiting(c->ship);
}

static void stop_look(void *ctx, int64_t now_ms)
{
	struct collector *c = ctx;
	bool is_done = c->is_flushed && !is_shipping(c);

	if (is_done || now_ms >= c->stop_by_ms)
		loop_stop(c->loop);
	else
		loop_timer_set(c->loop, &c->stop_timer, now_ms + STOP_LOOK_MS);
}

static void flushed(void *ctx)
{
	struct collector *c = ctx;

	c->is_flushed = true;
}

/* The first takes all that came and gives it a moment to be shipped, the second does not wait. */
static void stop(void *ctx, int signal)
{
	struct collector *c = ctx;

	if (signal == SIGHUP) {
		names_reload(c->names);
		return;
	}
	if (c->stop_by_ms) {
		loop_stop(c->loop);
		return;
	}
	log_info("stopping", "signal=%s", signal == SIGINT ? "SIGINT" : "SIGTERM");
	c->stop_by_ms = clock_mono_ms() + STOP_MAX_MS;
	receive_drain(c->receive);
	receive_stop(c->receive); /* the acknowledgements of what is flushed go out through it */
	pipeline_flush(c->pipeline, flushed, c);
	c->stop_timer = (struct loop_timer){.fn = stop_look, .ctx = c};
	loop_timer_set(c->loop, &c->stop_timer, clock_mono_ms());
}

static bool entry_load(void *ctx, const struct ledger_entry *entry)
{
	const struct collector *c = ctx;

	if (strcmp(entry->table, "series") == 0)
		return series_load(c->series, entry);
	return ledger_load(c->ledger, entry);
}

static int out_of_memory(const char *what, char err[static ERR_LEN])
{
	snprintf(err, ERR_LEN, "%s: %s", what, strerror(ENOMEM));
	return -ENOMEM;
}

/* What is remembered must leave the spool to what it is for: of series, boots and observers each
 * may take that much of it. */
static uint64_t remembered_bytes(const struct config *config)
{
	return config->spool_max_bytes / 8;
}

static size_t series_budget(const struct config *config)
{
	size_t most = series_max_of(remembered_bytes(config));

	if (config->max_series <= most)
		return config->max_series;
	log_warn("fewer series than --max-series",
		"max_series=%zu spool_max_bytes=%llu act=\"an eighth of the spool remembers "
		"them\"",
		most, (unsigned long long)config->spool_max_bytes);
	return most;
}

static struct ledger_limits ledger_budget(const struct config *config)
{
	struct ledger_limits limits = ledger_limits_of(remembered_bytes(config));

	if (limits.boots_max < LEDGER_BOOTS_MAX || limits.observers_max < LEDGER_OBSERVERS_MAX)
		log_info("fewer probes than usual fit the ledger",
			"boots_max=%zu observers_max=%zu spool_max_bytes=%llu act=\"what is new "
			"beyond is refused\"",
			limits.boots_max, limits.observers_max,
			(unsigned long long)config->spool_max_bytes);
	return limits;
}

/* What is kept: the spool, its thread, and the ledger that it holds. */
static int store_open(struct collector *c, char err[static ERR_LEN])
{
	const struct ledger_config ledger = {.hash_seed = hash_random_seed(),
		.now_ms = clock_mono_ms(),
		.limits = ledger_budget(&c->config)};
	struct spool_state state;
	int r = spool_open(c->config.spool, c->config.spool_max_bytes, &c->spool, err);

	if (r < 0)
		return r;
	c->ledger = ledger_new(&ledger);
	c->probes = probes_new(hash_random_seed());
	c->series = series_new(
		series_budget(&c->config), (unsigned)c->config.series_days, hash_random_seed());
	if (!c->ledger || !c->probes || !c->series)
		return out_of_memory("ledger", err);
	r = spool_load_ledger(c->spool, entry_load, c, err);
	if (r < 0)
		return r;
	c->stats.series_max = series_max(c->series);
	spool_state(c->spool, &state);
	spool_state_show(&state, &c->stats);
	r = worker_open(c->loop, WORKER_JOBS_MAX, &c->worker, err);
	if (r < 0)
		return r;
	c->spool_watch = spool_watch_new(c->loop, c->worker, c->spool, c->config.spool, &c->stats);
	return c->spool_watch ? 0 : out_of_memory("spool", err);
}

/* Nobody's bytes depend on it. */
static void open_control(struct collector *c)
{
	const struct control_parts parts = {.loop = c->loop,
		.spool = c->spool,
		.worker = c->worker,
		.spool_path = c->config.spool,
		.done = kick_ship,
		.ctx = c};
	char err[ERR_LEN];

	if (control_open(&parts, &c->control, err) < 0)
		log_warn("cannot listen for commands",
			"error=\"%s\" act=\"none taken: backup, dead-letters, replay\"", err);
}

static struct figures *open_figures(struct collector *c)
{
	char host[FIGURES_HOST_LEN] = "";
	struct figures_parts parts = {.cluster = c->config.cluster,
		.host = host,
		.stats = &c->stats,
		.spool = c->spool,
		.probes = c->probes};

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	return figures_new(&parts, clock_wall_ms());
}

static int stories_open(struct collector *c, char err[static ERR_LEN])
{
	bool has_cluster = strcmp(c->config.cluster, "-") != 0;
	struct names_config names = {.labels = c->config.labels,
		.is_ptr_on = c->config.is_ptr_on != 0,
		.dns_server = c->config.dns_server,
		.kube = c->config.kube,
		.cluster = has_cluster ? c->config.cluster : NULL,
		.is_by_pod = c->config.is_by_pod != 0};
	struct pipeline_parts parts = {.loop = c->loop,
		.ledger = c->ledger,
		.series = c->series,
		.probes = c->probes,
		.spool = c->spool,
		.worker = c->worker,
		.stats = &c->stats,
		.cluster = c->config.cluster,
		.committed = kick_ship,
		.committed_ctx = c,
		.reply = reply,
		.reply_ctx = c};
	int r = names_open(c->loop, &names, &c->stats, &c->names, err);

	if (r < 0)
		return r;
	if (c->config.is_live)
		c->live = live_new(stdout);
	if (c->config.is_live && !c->live)
		return out_of_memory("--live", err);
	c->figures = open_figures(c);
	if (!c->figures)
		return out_of_memory("figures", err);
	if (c->config.ship.influx)
		r = ship_open(
			c->loop, &c->config.ship, c->spool, c->worker, &c->stats, &c->ship, err);
	if (r < 0)
		return r;
	parts.names = c->names;
	parts.live = c->live;
	parts.figures = c->figures;
	return pipeline_open(&parts, &c->pipeline, err);
}

static int open_all(struct collector *c, char err[static ERR_LEN])
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
	int r = loop_new(&c->loop, err);

	if (r < 0)
		return r;
	r = loop_signals(c->loop, signals, stop, c);
	if (r < 0) {
		snprintf(err, ERR_LEN, "signals: %s", strerror(-r));
		return r;
	}
	r = store_open(c, err);
	if (r < 0)
		return r;
	r = stories_open(c, err);
	if (r < 0)
		return r;
	r = receive_open(c->loop, c->config.listen, &c->stats, pipeline_datagram, c->pipeline,
		&c->receive, err);
	if (r < 0)
		return r;
	return http_server_open(c->loop, c->config.http, routes, sizeof(routes) / sizeof(routes[0]),
		c, &c->http, err);
}

/* Takes what open_all left half done. */
static void close_all(struct collector *c)
{
	http_server_close(c->http);
	receive_close(c->receive);
	pipeline_close(c->pipeline);
	ship_close(c->ship);
	c->ship = NULL; /* a command that ends in worker_close would kick it */
	worker_close(c->worker);
	control_close(c->control);
	spool_watch_free(c->spool_watch);
	figures_free(c->figures);
	live_free(c->live);
	names_close(c->names);
	series_free(c->series);
	probes_free(c->probes);
	ledger_free(c->ledger);
	spool_close(c->spool);
	loop_free(c->loop);
}

static void log_start(const struct collector *c)
{
	const struct config *config = &c->config;

	log_info("started",
		"version=%s listen=\"%s\" http=\"%s\" spool=\"%s\" backlog_bodies=%llu "
		"influx=\"%s\"",
		NSTATS_VERSION, config->listen, config->http, config->spool,
		(unsigned long long)c->stats.spool_bodies,
		config->ship.influx ? config->ship.influx : "none: keeping locally");
}

static int run(struct collector *c)
{
	uint64_t uncommitted_bytes;
	char err[ERR_LEN];
	int r = open_all(c, err);

	if (r < 0) {
		fprintf(stderr, "nstats-collector: %s\n", err);
		close_all(c);
		return 1;
	}
	open_control(c);
	log_start(c);
	kick_ship(c);
	r = loop_run(c->loop);
	if (r < 0)
		log_error("event loop failed", "error=\"%s\"", strerror(-r));
	close_all(c);
	uncommitted_bytes = c->stats.waiting_bytes + c->stats.committing_bytes;
	if (r == 0)
		log_info("stopped", "committed_bytes=%llu uncommitted_bytes=%llu spool_bodies=%llu",
			(unsigned long long)c->stats.committed_bytes,
			(unsigned long long)uncommitted_bytes,
			(unsigned long long)c->stats.spool_bodies);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct collector collector;
	const char *command = NULL;
	int code = command_line_read(&config_table, argc, argv, &collector.config, &command);

	if (code != COMMAND_LINE_RUN)
		return code;
	signal(SIGPIPE, SIG_IGN);
	if (command)
		return subcommand_run(&collector.config, command);
	log_set_level((enum log_level)collector.config.log_level);
	return run(&collector);
}
