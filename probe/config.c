/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COLLECTOR_PORT 4747
#define IDENTITY_BYTES_MAX                                                                         \
	512 /* all names together: they stand in each datagram, beside the rows */
#define CIDR_LEN 64

/* What -r takes for local: RFC 1918, 6598, 3927, 4193 and 4291 2.5.6, and loopback. */
#define PRIVATE_RANGES                                                                             \
	"10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,127.0.0.0/8,"        \
	"fc00::/7,fe80::/10,::1"

#define AT(field) .offset = offsetof(struct config, field)

static const struct option_row rows[] = {
	{.name = "interface",
		.letter = 'i',
		.arg = "NAME",
		.alias = "IFACE",
		.help = "interface to capture on, or any; without it the default route's",
		.type = OPTION_TEXT,
		AT(interface)},
	{.name = "collector",
		.letter = 'c',
		.arg = "HOST[:PORT]",
		.initial = "127.0.0.1:4747",
		.help = "where the datagrams go",
		.type = OPTION_PORT,
		AT(collector)},
	{.name = "interval",
		.letter = 't',
		.arg = "SECONDS",
		.initial = "10",
		.help = "length of an interval, which begins at a multiple of it",
		.type = OPTION_NUMBER,
		AT(interval_s),
		.min = 1,
		.max = 3600},
	{.name = "top",
		.letter = 'n',
		.arg = "N",
		.initial = "100",
		.help = "rows of an interval; what is beyond is summed in ~other",
		.type = OPTION_NUMBER,
		AT(top),
		.min = 1,
		.max = 10000},
	{.name = "flows",
		.arg = "N",
		.initial = "4096",
		.help = "connections known at a time; what is beyond is summed in ~other",
		.type = OPTION_NUMBER,
		AT(flows),
		.min = 16,
		.max = 1048576},
	{.name = "ring",
		.arg = "BYTES",
		.initial = "1MiB",
		.help = "memory for datagrams that wait to be acknowledged",
		.type = OPTION_BYTES,
		AT(ring_bytes),
		.min = 64 << 10,
		.max = 1 << 30},
	{.name = "host",
		.arg = "NAME",
		.alias = "POD_NAME",
		.help = "name of the pod; without it the host name",
		.type = OPTION_TEXT,
		AT(host)},
	{.name = "namespace",
		.arg = "NAME",
		.alias = "POD_NAMESPACE",
		.help = "the pod's namespace",
		.type = OPTION_TEXT,
		AT(namespace)},
	{.name = "node",
		.arg = "NAME",
		.alias = "NODE_NAME",
		.help = "the pod's node",
		.type = OPTION_TEXT,
		AT(node)},
	{.name = "cluster",
		.arg = "NAME",
		.help = "name of the cluster",
		.type = OPTION_TEXT,
		AT(cluster)},
	{.name = "local",
		.arg = "CIDR[,CIDR]",
		.help = "addresses that are the pod's own, where no MAC tells; without it the "
			"interface's, with --read private ranges",
		.type = OPTION_TEXT,
		AT(local)},
	{.name = "dns",
		.arg = "on|off",
		.initial = "on",
		.help = "name the other ends of connections as the pod's own DNS look-ups do; off "
			"captures nothing of them",
		.type = OPTION_CHOICE,
		AT(is_dns_on),
		.choices = "off|on"},
	{.name = "read",
		.letter = 'r',
		.arg = "FILE",
		.help = "read a pcap or pcapng file instead of an interface; - is standard input",
		.type = OPTION_TEXT,
		AT(read)},
	{.name = "print",
		.help = "print rows as JSON lines instead of sending datagrams",
		.type = OPTION_SWITCH,
		AT(is_print)},
	{.name = "log-level",
		.arg = "LEVEL",
		.initial = "info",
		.help = "error, warn, info or debug",
		.type = OPTION_CHOICE,
		AT(log_level),
		.choices = "error|warn|info|debug"},
};

static const struct option_command commands[] = {
	{.name = "healthcheck",
		.help = "ask the probe that runs here, in the same network and process namespace, "
			"whether it captures: exit code 0 or 1"},
};

const struct option_table config_table = {
	.program = "nstats-probe",
	.summary = "Counts where the bandwidth of this pod or machine goes, and tells a collector.",
	.rows = rows,
	.n = sizeof(rows) / sizeof(rows[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};

static int parse_locals(const char *text, struct direction *ret, char err[static ERR_LEN])
{
	while (*text) {
		size_t len = strcspn(text, ",");
		char one[CIDR_LEN];

		snprintf(one, sizeof(one), "%.*s", (int)(len < CIDR_LEN ? len : CIDR_LEN), text);
		if (ret->n_locals == DIRECTION_LOCALS_MAX) {
			snprintf(err, ERR_LEN, "--local: more than %d prefixes",
				DIRECTION_LOCALS_MAX);
			return -EINVAL;
		}
		if (len >= CIDR_LEN || cidr_parse(one, &ret->locals[ret->n_locals]) < 0) {
			snprintf(err, ERR_LEN,
				"--local: '%s' is no prefix: expected one like 10.0.0.0/8 or "
				"fd00::/8, "
				"or several with commas",
				one);
			return -EINVAL;
		}
		ret->n_locals++;
		text += len;
		text += *text == ',';
	}
	return 0;
}

static int set_name(const char *option, const char *value, char ret[static RECORD_NAME_LEN],
	char err[static ERR_LEN])
{
	size_t len = value ? strlen(value) : 0;

	if (len >= RECORD_NAME_LEN) {
		snprintf(err, ERR_LEN,
			"--%s: '%.40s...' is %zu bytes long: at most %d are expected", option,
			value, len, RECORD_NAME_LEN - 1);
		return -EINVAL;
	}
	snprintf(ret, RECORD_NAME_LEN, "%s", value ? value : "");
	return 0;
}

static int set_identity(const struct config *config, struct identity *ret, char err[static ERR_LEN])
{
	char hostname[RECORD_NAME_LEN] = "";
	const char *host = config->host;
	size_t total;

	if (!host || *host == '\0') {
		(void)gethostname(
			hostname, sizeof(hostname) - 1); /* 64 bytes at most, hostname(7) */
		host = hostname;
	}
	if (set_name("host", host, ret->host, err) < 0 ||
		set_name("namespace", config->namespace, ret->namespace, err) < 0 ||
		set_name("node", config->node, ret->node, err) < 0 ||
		set_name("cluster", config->cluster, ret->cluster, err) < 0)
		return -EINVAL;
	total = strlen(ret->host) + strlen(ret->namespace) + strlen(ret->node) +
		strlen(ret->cluster);
	if (total <= IDENTITY_BYTES_MAX)
		return 0;
	snprintf(err, ERR_LEN,
		"--host, --namespace, --node and --cluster: %zu bytes together: at most %d are "
		"expected",
		total, IDENTITY_BYTES_MAX);
	return -EINVAL;
}

static int check_interface(const char *name, char err[static ERR_LEN])
{
	if (!name || strlen(name) < LINK_NAME_LEN)
		return 0;
	snprintf(err, ERR_LEN,
		"--interface: '%.64s' is too long for an interface: at most %d bytes are expected",
		name, LINK_NAME_LEN - 1);
	return -EINVAL;
}

int config_to_meter(const struct config *config, struct meter_config *ret,
	char ret_collector[static ADDR_HOST_LEN], char err[static ERR_LEN])
{
	const char *local = config->local ? config->local : config->read ? PRIVATE_RANGES : "";
	struct meter_config meter = {
		.interval_ms = (uint32_t)config->interval_s * 1000,
		.flows_cap = (size_t)config->flows,
		.top = (size_t)config->top,
		.ring_bytes = (size_t)config->ring_bytes,
		.is_print = config->is_print,
		.is_dns_on = config->is_dns_on,
		.is_file = config->read != NULL,
	};
	int r;

	if (addr_split_host(
		    config->collector, COLLECTOR_PORT, ret_collector, &meter.collector_port) < 0) {
		snprintf(err, ERR_LEN, "--collector: '%.100s': expected HOST or HOST:PORT",
			config->collector);
		return -EINVAL;
	}
	r = check_interface(config->interface, err);
	if (r == 0)
		r = parse_locals(local, &meter.direction, err);
	meter.has_own_locals = meter.direction.n_locals > 0;
	if (r == 0)
		r = set_identity(config, &meter.identity, err);
	if (r == 0)
		*ret = meter;
	return r;
}
