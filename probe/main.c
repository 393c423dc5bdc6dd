/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line.h"
#include "config.h"
#include "cycle.h"
#include "health.h"
#include "log.h"
#include "outbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_SETUP     1
#define EXIT_OPTIONS   2
#define HEALTH_WAIT_MS 2000

/* All that is open, so that one function closes it. */
struct probe {
	struct meter_config config;
	struct cycle_parts parts;
	struct cycle *cycle;
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static void close_probe(struct probe *probe)
{
	struct meter_parts *parts = &probe->parts.meter;

	cycle_free(probe->cycle);
	if (probe->parts.health_fd >= 0)
		close(probe->parts.health_fd);
	capture_close(probe->parts.file);
	source_free(parts->source);
	sockets_close(parts->sockets);
	resolver_close(parts->resolver);
	sender_close(parts->sender);
}

static int open_live(struct probe *probe, const struct config *config, char err[static ERR_LEN])
{
	const struct source_config source = {
		.interface = config->interface,
		.is_patient = !config->is_print, /* who wants to see rows is there to mend it */
		.is_dns_on = probe->config.is_dns_on,
	};
	int r = sockets_open(&probe->parts.meter.sockets, err);

	return r < 0 ? r : source_new(&source, &probe->parts.meter.source, err);
}

/* Without it the probe counts all the same. */
static void open_health(struct probe *probe)
{
	int fd = health_open();

	if (fd == -EADDRINUSE)
		log_info("another probe answers health checks here", "");
	else if (fd < 0)
		log_warn("no health checks", "error=\"%s\"", strerror(-fd));
	probe->parts.health_fd = fd < 0 ? -1 : fd;
}

static int open_probe(struct probe *probe, const struct config *config, const char *collector,
	char err[static ERR_LEN])
{
	int r = 0;

	if (!config->is_print)
		r = sender_open(&probe->parts.meter.sender, err);
	if (r == 0 && !config->is_print)
		r = resolver_open(collector, &probe->parts.meter.resolver, err);
	if (r < 0)
		return r;
	if (config->read)
		r = capture_open_file(config->read, &probe->parts.file, err);
	else
		r = open_live(probe, config, err);
	if (r < 0)
		return r;
	if (!config->read)
		open_health(probe);
	return cycle_new(&probe->config, &probe->parts, &probe->cycle, err);
}

static int fail(int code, const char *err)
{
	fprintf(stderr, "nstats-probe: %s\n", err);
	return code;
}

static void log_start(const struct config *config, const struct probe *probe)
{
	const char *interface = config->interface ? config->interface : "that of the default route";
	const struct identity *identity = &probe->config.identity;

	log_info("probe starts",
		"version=" NSTATS_VERSION
		" host=\"%s\" namespace=\"%s\" %s=\"%s\" interval_s=%u collector=\"%s\"",
		identity->host, identity->namespace, config->read ? "file" : "interface",
		config->read ? config->read : interface, probe->config.interval_ms / 1000,
		config->is_print ? "-" : config->collector);
}

/* An interval's datagrams wait for their time to be sent. Those of a file wait for the ring. */
static void check_ring(const struct meter_config *config)
{
	size_t bytes = config->top * OUTBOX_ROW_BYTES_MAX;

	if (bytes > config->ring_bytes && !config->is_print && !config->is_file)
		log_warn("ring may not hold an interval",
			"ring_bytes=%zu interval_bytes=%zu rows=%zu act=\"oldest datagrams go\"",
			config->ring_bytes, bytes, config->top);
}

static int run(const struct config *config)
{
	struct probe probe = {.parts.health_fd = -1};
	char collector[ADDR_HOST_LEN];
	char err[ERR_LEN] = "";
	int r;

	if (config_to_meter(config, &probe.config, collector, err) < 0)
		return fail(EXIT_OPTIONS, err);
	r = open_probe(&probe, config, collector, err);
	if (r == 0) {
		if (!config->read || !config->is_print)
			log_start(config, &probe);
		check_ring(&probe.config);
		r = cycle_run(probe.cycle, &stop, err);
	}
	close_probe(&probe);
	return r < 0 ? fail(EXIT_SETUP, err) : 0;
}

static int check_health(void)
{
	char line[HEALTH_LINE_LEN];
	char err[ERR_LEN];

	if (health_ask(HEALTH_WAIT_MS, line, err) < 0)
		return fail(EXIT_SETUP, err);
	puts(line);
	return 0;
}

int main(int argc, char **argv)
{
	struct config config = {0};
	const char *command = NULL;
	int code = command_line_read(&config_table, argc, argv, &config, &command);

	if (code != COMMAND_LINE_RUN)
		return code;
	if (command)
		return check_health();
	log_set_level((enum log_level)config.log_level);
	catch_signals();
	return run(&config);
}
