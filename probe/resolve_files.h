/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts(5) and resolv.conf(5) say, read once, before the probe gives up opening files.
 */
#pragma once

#include "addr.h"

#define RESOLVE_SERVERS_MAX 3 /* MAXNS of resolv.conf(5) */
#define RESOLVE_SEARCH_MAX  16

struct resolve_files {
	struct addr servers[RESOLVE_SERVERS_MAX];
	size_t n_servers;
	char search[RESOLVE_SEARCH_MAX][ADDR_HOST_LEN];
	size_t n_search;
	unsigned int ndots;
};

/* The host's address in a hosts file, IPv4 before IPv6, else the first. False: it is not there. */
bool resolve_files_find_host(const char *path, const char *host, struct addr *ret);

/* Without a file, or without a server in it: 127.0.0.1, as resolv.conf(5) says. */
void resolve_files_read(const char *path, struct resolve_files *ret);

/*
 * The i-th name to ask for: the host as it is before the search list where it has ndots dots, after
 * it where not, alone where it ends in a dot. False: there are no more. Names that would be too
 * long are left out: *ret is then empty.
 */
bool resolve_files_candidate(const struct resolve_files *files, const char *host, size_t i,
	char ret[static ADDR_HOST_LEN]);
