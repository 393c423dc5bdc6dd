/* SPDX-License-Identifier: Apache-2.0 */
/* What the collector was told: its option table, and the struct that it fills. */
#pragma once

#include "kube_access.h"
#include "options.h"
#include "ship_url.h"

struct config {
	const char *listen;
	const char *http;
	struct ship_config ship; /* influx: NULL to keep locally */
	const char *spool;
	uint64_t spool_max_bytes;
	int is_ptr_on;
	const char *dns_server;
	struct kube_config kube;
	int is_by_pod;
	const char *labels;
	uint64_t max_series;
	uint64_t series_days;
	const char *cluster;
	bool is_live;
	int log_level;      /* enum log_level */
	const char *backup; /* the command's argument */
};

extern const struct option_table config_table;
