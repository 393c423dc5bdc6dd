/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_LEN  4096
#define LINES_MAX 100000
#define NDOTS_MAX 15 /* resolv.conf(5) */
#define BLANKS    " \t\r\n"

/* Takes the next word off *rest, which is changed; NULL: none. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS);
	size_t len = strcspn(word, BLANKS);

	if (len == 0)
		return NULL;
	*rest = word + len;
	if (**rest != '\0')
		*(*rest)++ = '\0';
	return word;
}

typedef void line_fn(void *ctx, char *line);

/* Each line without its comment. A line that is too long is left out whole. */
static void each_line(const char *path, const char *comment, line_fn *fn, void *ctx)
{
	char line[LINE_LEN];
	bool is_rest = false;
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	for (int i = 0; i < LINES_MAX && fgets(line, sizeof(line), file); i++) {
		bool is_whole = strchr(line, '\n') || feof(file);

		if (is_whole && !is_rest) {
			line[strcspn(line, comment)] = '\0';
			fn(ctx, line);
		}
		is_rest = !is_whole;
	}
	fclose(file);
}

struct host_search {
	const char *host;
	size_t host_len; /* without a final dot */
	struct addr found;
};

static void take_hosts_line(void *ctx, char *line)
{
	struct host_search *search = ctx;
	char *word = next_word(&line);
	struct addr addr;

	if (!word || addr_parse(word, &addr) < 0)
		return;
	if (search->found.len != 0 && search->found.len <= addr.len)
		return;
	while ((word = next_word(&line))) {
		if (strlen(word) == search->host_len &&
			strncasecmp(word, search->host, search->host_len) == 0)
			search->found = addr;
	}
}

bool resolve_files_find_host(const char *path, const char *host, struct addr *ret)
{
	struct host_search search = {.host = host, .host_len = strlen(host)};

	if (search.host_len > 0 && host[search.host_len - 1] == '.')
		search.host_len--;
	each_line(path, "#", take_hosts_line, &search);
	if (search.found.len == 0)
		return false;
	*ret = search.found;
	return true;
}

static void add_server(struct resolve_files *files, const char *text)
{
	struct addr addr;

	if (files->n_servers < RESOLVE_SERVERS_MAX && addr_parse(text, &addr) == 0)
		files->servers[files->n_servers++] = addr;
}

static void add_search(struct resolve_files *files, const char *domain)
{
	size_t len = strlen(domain);

	if (len > 0 && domain[len - 1] == '.')
		len--;
	if (len == 0 || len >= ADDR_HOST_LEN || files->n_search == RESOLVE_SEARCH_MAX)
		return;
	memcpy(files->search[files->n_search], domain, len);
	files->search[files->n_search++][len] = '\0';
}

static void set_option(struct resolve_files *files, const char *option)
{
	unsigned long ndots;
	char *end;

	if (strncmp(option, "ndots:", 6) != 0)
		return;
	ndots = strtoul(option + 6, &end, 10);
	if (end == option + 6 || *end != '\0')
		return;
	files->ndots = ndots < NDOTS_MAX ? (unsigned int)ndots : NDOTS_MAX;
}

static void take_resolv_line(void *ctx, char *line)
{
	struct resolve_files *files = ctx;
	char *keyword = next_word(&line);
	bool is_search;
	char *word;

	if (!keyword)
		return;
	is_search = strcmp(keyword, "search") == 0 || strcmp(keyword, "domain") == 0;
	if (is_search)
		files->n_search = 0; /* the last of them counts */
	while ((word = next_word(&line))) {
		if (is_search)
			add_search(files, word);
		else if (strcmp(keyword, "nameserver") == 0)
			add_server(files, word);
		else if (strcmp(keyword, "options") == 0)
			set_option(files, word);
	}
}

void resolve_files_read(const char *path, struct resolve_files *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ndots = 1;
	each_line(path, "#;", take_resolv_line, ret);
	if (ret->n_servers == 0)
		add_server(ret, "127.0.0.1");
}

static size_t count_dots(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '.';
	return n;
}

bool resolve_files_candidate(const struct resolve_files *files, const char *host, size_t i,
	char ret[static ADDR_HOST_LEN])
{
	size_t len = strlen(host);
	bool is_absolute = len > 0 && host[len - 1] == '.';
	size_t n = is_absolute ? 1 : files->n_search + 1;
	size_t bare = is_absolute || count_dots(host) >= files->ndots ? 0 : n - 1;
	int written;

	if (i >= n)
		return false;
	if (i == bare)
		written = snprintf(ret, ADDR_HOST_LEN, "%.*s", (int)(len - is_absolute), host);
	else
		written = snprintf(
			ret, ADDR_HOST_LEN, "%s.%s", host, files->search[bare == 0 ? i - 1 : i]);
	if (written < 0 || written >= ADDR_HOST_LEN)
		ret[0] = '\0';
	return true;
}
