/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe's options, a table row each, and what the meter makes of them.
 */
#pragma once

#include "meter.h"
#include "options.h"

struct config {
	const char *interface; /* NULL: the default route's */
	const char *collector;
	uint64_t interval_s;
	uint64_t top;
	uint64_t flows;
	uint64_t ring_bytes;
	const char *host;
	const char *namespace;
	const char *node;
	const char *cluster;
	const char *local;
	const char *read;
	bool is_print;
	int is_dns_on;
	int log_level;
};

extern const struct option_table config_table;

/*
 * The options as the meter takes them, and the collector's host; an interface's name is checked
 * too. 0, or -EINVAL with a sentence that names the option, the value and what is expected.
 */
int config_to_meter(const struct config *config, struct meter_config *ret,
	char ret_collector[static ADDR_HOST_LEN], char err[static ERR_LEN]);
