/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line.h"
#include "config.h"
#include "cycle.h"
#include "health.h"
#include "log.h"
#include "offload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CAPTURE_BUFFER_BYTES (1 << 20)
#define EXIT_SETUP           1
#define EXIT_OPTIONS         2
#define HEALTH_WAIT_MS       2000

/* All that is open, so that one function closes it. */
struct probe {
	struct meter_config config;
	struct meter_parts parts;
	int health_fd; /* -1: none */
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
	cycle_free(probe->cycle);
	if (probe->health_fd >= 0)
		close(probe->health_fd);
	capture_close(probe->parts.capture);
	resolver_close(probe->parts.resolver);
	sender_close(probe->parts.sender);
	sockets_close(probe->parts.sockets);
	link_close(probe->parts.link);
}

static int find_interface(struct probe *probe, const char *wanted, char err[static ERR_LEN])
{
	char *interface = probe->config.interface;
	int r;

	if (wanted && strlen(wanted) < LINK_NAME_LEN) {
		memcpy(interface, wanted, strlen(wanted) + 1);
		return 0;
	}
	if (wanted) {
		snprintf(err, ERR_LEN, "--interface: '%.64s' is no interface of this machine",
			wanted);
		return -ENODEV;
	}
	r = link_default_interface(probe->parts.link, interface);
	if (r == -ENOENT)
		snprintf(err, ERR_LEN,
			"--interface: there is no default route to take it from: name an "
			"interface");
	else if (r < 0)
		snprintf(err, ERR_LEN, "--interface: default route: %s", strerror(-r));
	return r;
}

/*
 * The MAC tells the direction also where --local gives the addresses. The counters are those before
 * the capture is opened, so that what is captured never exceeds what is counted from here on.
 */
static int describe_interface(struct probe *probe, char err[static ERR_LEN])
{
	struct meter_config *config = &probe->config;
	const char *interface = config->interface;
	struct link_state state;
	int r = link_describe(probe->parts.link, interface, &state);

	if (r == -ENODEV)
		snprintf(err, ERR_LEN, "--interface: '%s' is no interface of this machine",
			interface);
	else if (r < 0)
		snprintf(err, ERR_LEN, "interface '%s': %s", interface, strerror(-r));
	if (r < 0)
		return r;
	/* Only Ethernet has a MAC here; its header is in both counts. */
	config->is_comparable = state.direction.has_mac && !offload_may_merge(interface);
	config->has_own_locals = config->direction.n_locals > 0;
	direction_update(&config->direction, &state.direction, config->has_own_locals);
	config->opened = state.counters;
	return 0;
}

static int open_live(struct probe *probe, const char *interface, char err[static ERR_LEN])
{
	int r = link_open(&probe->parts.link, err);

	if (r == 0)
		r = find_interface(probe, interface, err);
	if (r == 0)
		r = sockets_open(&probe->parts.sockets, err);
	if (r == 0)
		r = describe_interface(probe, err);
	if (r == 0)
		r = capture_open_live(
			probe->config.interface, CAPTURE_BUFFER_BYTES, &probe->parts.capture, err);
	return r;
}

/* Last, so that an answer means an open capture. Without it the probe counts all the same. */
static void open_health(struct probe *probe)
{
	int fd = health_open();

	if (fd == -EADDRINUSE)
		log_info("another probe answers health checks here", "");
	else if (fd < 0)
		log_warn("no health checks", "error=\"%s\"", strerror(-fd));
	probe->health_fd = fd < 0 ? -1 : fd;
}

static int open_probe(struct probe *probe, const struct config *config, const char *collector,
	char err[static ERR_LEN])
{
	int r = 0;

	if (!config->is_print)
		r = sender_open(&probe->parts.sender, err);
	if (r == 0 && !config->is_print)
		r = resolver_open(collector, &probe->parts.resolver, err);
	if (r < 0)
		return r;
	if (config->read)
		r = capture_open_file(config->read, &probe->parts.capture, err);
	else
		r = open_live(probe, config->interface, err);
	if (r < 0)
		return r;
	if (!config->read)
		open_health(probe);
	return cycle_new(&probe->config, &probe->parts, probe->health_fd, &probe->cycle, err);
}

static int fail(int code, const char *err)
{
	fprintf(stderr, "nstats-probe: %s\n", err);
	return code;
}

static void log_start(const struct config *config, const struct probe *probe)
{
	log_info("probe starts",
		"version=" NSTATS_VERSION " %s=\"%s\" interval_s=%u collector=\"%s\"",
		config->read ? "file" : "interface",
		config->read ? config->read : probe->config.interface,
		probe->config.interval_ms / 1000, config->is_print ? "-" : config->collector);
}

static int run(const struct config *config)
{
	struct probe probe = {.health_fd = -1};
	char collector[ADDR_HOST_LEN];
	char err[ERR_LEN] = "";
	int r;

	if (config_to_meter(config, &probe.config, collector, err) < 0)
		return fail(EXIT_OPTIONS, err);
	r = open_probe(&probe, config, collector, err);
	if (r == 0) {
		if (!config->read || !config->is_print)
			log_start(config, &probe);
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
