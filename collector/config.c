/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "series.h"

#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)

/* clang-format off */
static const struct option_row rows[] = {
	{.name = "listen", .letter = 'l', .arg = "ADDR:PORT", .initial = "[::]:4747",
		.help = "UDP address that probes send to",
		.type = OPTION_PORT, .offset = offsetof(struct config, listen)},
	{.name = "http", .arg = "ADDR:PORT", .initial = "127.0.0.1:9747",
		.help = "address of /metrics, /healthz and /readyz",
		.type = OPTION_PORT, .offset = offsetof(struct config, http)},
	{.name = "influx", .arg = "HOST:PORT|URL", .alias = "INFLUX",
		.help = "InfluxDB, or what speaks its write API; without it everything is kept in the spool",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.influx)},
	{.name = "db", .arg = "NAME", .alias = "IDB", .initial = "nstats",
		.help = "database (InfluxDB 1.x)",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.db)},
	{.name = "create-db",
		.help = "create the database where InfluxDB says that it is missing (1.x)",
		.type = OPTION_SWITCH, .offset = offsetof(struct config, ship.is_create_db)},
	{.name = "rp", .arg = "NAME",
		.help = "retention policy (1.x); without it the database's default",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.rp)},
	{.name = "org", .arg = "NAME",
		.help = "organisation (2.x)",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.org)},
	{.name = "bucket", .arg = "NAME",
		.help = "bucket (2.x); turns on the 2.x write API",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.bucket)},
	{.name = "token-file", .arg = "PATH",
		.help = "file that holds the token (2.x)",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.token_file)},
	{.name = "user", .arg = "NAME",
		.help = "user (1.x)",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.user)},
	{.name = "password-file", .arg = "PATH",
		.help = "file that holds the user's password (1.x)",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.password_file)},
	{.name = "ca-file", .arg = "PATH",
		.help = "certificates to trust for https, instead of the system's",
		.type = OPTION_TEXT, .offset = offsetof(struct config, ship.ca_file)},
	{.name = "spool", .arg = "PATH", .initial = "nstats.db",
		.help = "the buffer on disk, an sqlite file",
		.type = OPTION_TEXT, .offset = offsetof(struct config, spool)},
	{.name = "spool-max", .arg = "BYTES", .initial = "1GiB", .min = MIB, .max = TIB,
		.help = "what the spool may take on disk; from 3/4 of it on the oldest rows are evicted",
		.type = OPTION_BYTES, .offset = offsetof(struct config, spool_max_bytes)},
	{.name = "kubernetes", .arg = "auto|off|URL", .initial = "auto",
		.help = "API server that names pods, services and nodes; auto: inside a cluster its own",
		.type = OPTION_TEXT, .offset = offsetof(struct config, kube.kubernetes)},
	{.name = "kubernetes-token-file", .arg = "PATH",
		.help = "file that holds the token for it; with auto the service account's",
		.type = OPTION_TEXT, .offset = offsetof(struct config, kube.token_file)},
	{.name = "kubernetes-ca-file", .arg = "PATH",
		.help = "certificates to trust for it; with auto the service account's, else the system's",
		.type = OPTION_TEXT, .offset = offsetof(struct config, kube.ca_file)},
	{.name = "remote", .arg = "workload|pod", .initial = "workload", .choices = "workload|pod",
		.help = "what a pod at the other end is called by: its workload, or its own name",
		.type = OPTION_CHOICE, .offset = offsetof(struct config, is_by_pod)},
	{.name = "ptr", .arg = "on|off", .initial = "on", .choices = "off|on",
		.help = "look up PTR records of addresses",
		.type = OPTION_CHOICE, .offset = offsetof(struct config, is_ptr_on)},
	{.name = "dns-server", .arg = "ADDR[:PORT]",
		.help = "server for PTR look-ups, instead of resolv.conf's",
		.type = OPTION_PORT, .offset = offsetof(struct config, dns_server)},
	{.name = "labels", .arg = "FILE",
		.help = "a prefix and its name a line; read again at SIGHUP, and 5 to 10 s after its last change",
		.type = OPTION_TEXT, .offset = offsetof(struct config, labels)},
	{.name = "max-series", .arg = "N", .initial = "50000", .min = 10, .max = SERIES_MAX,
		.help = "live series; beyond them new ones lose their port, then their name",
		.type = OPTION_NUMBER, .offset = offsetof(struct config, max_series)},
	{.name = "series-days", .arg = "N", .initial = "7", .min = 1, .max = SERIES_DAYS_MAX,
		.help = "days of silence after which a series is live no more: InfluxDB's retention",
		.type = OPTION_NUMBER, .offset = offsetof(struct config, series_days)},
	{.name = "cluster", .arg = "NAME", .initial = "-",
		.help = "cluster of probes that do not say theirs",
		.type = OPTION_TEXT, .offset = offsetof(struct config, cluster)},
	{.name = "live",
		.help = "show who talks to whom, now: a table in the terminal, else plain rows",
		.type = OPTION_SWITCH, .offset = offsetof(struct config, is_live)},
	{.name = "log-level", .arg = "LEVEL", .initial = "info", .choices = "error|warn|info|debug",
		.help = "error, warn, info or debug",
		.type = OPTION_CHOICE, .offset = offsetof(struct config, log_level)},
};
/* clang-format on */

static const struct option_command commands[] = {
	{.name = "healthcheck",
		.help = "ask the collector that runs at --http whether it is ready: exit code 0 or "
			"1"},
	{.name = "backup",
		.help = "copy the spool to a new file, or to standard output (-), while the "
			"collector runs or not",
		.arg = "PATH",
		.offset = offsetof(struct config, backup)},
	{.name = "dead-letters", .help = "print what InfluxDB refused for good, and why"},
	{.name = "replay", .help = "send all dead letters to InfluxDB again"},
};

const struct option_table config_table = {
	.program = "nstats-collector",
	.summary =
		"Receives what the nstats probes saw, names it, buffers it in sqlite and writes it "
		"to InfluxDB.",
	.rows = rows,
	.n = sizeof(rows) / sizeof(rows[0]),
	.commands = commands,
	.n_commands = sizeof(commands) / sizeof(commands[0]),
};
