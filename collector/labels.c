/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One array of all prefixes, the long ones first and those of a length in order of their addresses:
 * a run for each length.
 */
#include "labels.h"

#include "line.h"
#include "name_text.h"
#include "scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX   (33 + 129) /* lengths of IPv4's prefixes, and of IPv6's */
#define NAT64_BITS 96
#define BLANKS     " \t\r"
#define WORD_LEN   (LINE_VALUE_MAX + 2) /* a name that is too long stays too long */

struct label {
	struct cidr cidr;
	unsigned line;
	char *name;
};

struct run {
	uint32_t first;
	uint32_t n;
};

struct labels {
	struct label *list;
	size_t n;
	size_t cap;
	struct run runs[RUNS_MAX];
	size_t n_runs;
};

static int compare(const void *a, const void *b)
{
	const struct cidr *x = &((const struct label *)a)->cidr;
	const struct cidr *y = &((const struct label *)b)->cidr;

	if (x->addr.len != y->addr.len)
		return x->addr.len < y->addr.len ? -1 : 1;
	if (x->bits != y->bits)
		return x->bits > y->bits ? -1 : 1;
	return memcmp(x->addr.bytes, y->addr.bytes, sizeof(x->addr.bytes));
}

/* The next word of a line, cut where it is too long for anything. False: there is none. */
static bool word_next(const char **at, const char *end, char ret[static WORD_LEN])
{
	size_t len = 0;

	while (*at < end && memchr(BLANKS, **at, sizeof(BLANKS) - 1))
		(*at)++;
	if (*at == end || **at == '#')
		return false;
	for (; *at < end && !memchr(BLANKS, **at, sizeof(BLANKS) - 1); (*at)++)
		if (len < WORD_LEN - 1)
			ret[len++] = **at ? **at : '?'; /* a NUL is in no address and no name */
	ret[len] = '\0';
	return true;
}

static bool is_name(const char *word)
{
	char clean[ADDR_HOST_LEN];

	if (!name_text_clean(word, clean))
		return false;
	line_clean(word, clean);
	return strcmp(word, clean) == 0;
}

static int refuse(unsigned line, const char *word, const char *expected, char err[static ERR_LEN])
{
	char shown[64];

	snprintf(shown, sizeof(shown), "%s", word);
	for (char *c = shown; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f || *c == '"')
			*c = '?';
	snprintf(err, ERR_LEN, "line %u: '%s'; expected %s", line, shown, expected);
	return -EINVAL;
}

/* RFC 4291 2.5.5.2. */
static bool is_mapped_v4(const struct cidr *cidr)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return cidr->addr.len == 16 && memcmp(cidr->addr.bytes, prefix, sizeof(prefix)) == 0;
}

static int add(struct labels *labels, const struct cidr *cidr, const char *name, unsigned line,
	char err[static ERR_LEN])
{
	struct label *list = labels->list;

	if (labels->n == LABELS_MAX)
		return refuse(line, name, "no more than 65536 labels", err);
	if (labels->n == labels->cap) {
		labels->cap = labels->cap ? 2 * labels->cap : 64;
		list = reallocarray(list, labels->cap, sizeof(*list));
	}
	if (list) {
		labels->list = list;
		list[labels->n] = (struct label){.cidr = *cidr, .line = line, .name = strdup(name)};
	}
	if (!list || !list[labels->n].name) {
		snprintf(err, ERR_LEN, "line %u: out of memory", line);
		return -ENOMEM;
	}
	labels->n++;
	return 0;
}

static int parse_line(struct labels *labels, const char *at, const char *end, unsigned line,
	char err[static ERR_LEN])
{
	char prefix[WORD_LEN], name[WORD_LEN], more[WORD_LEN];
	struct cidr cidr;

	if (!word_next(&at, end, prefix))
		return 0;
	if (cidr_parse(prefix, &cidr) < 0)
		return refuse(line, prefix, "a prefix, as 10.0.0.0/8 or 2001:db8::/32", err);
	if (is_mapped_v4(&cidr))
		return refuse(line, prefix, "the IPv4 prefix, as 10.0.0.0/8", err);
	if (!word_next(&at, end, name))
		return refuse(line, prefix, "a name behind it", err);
	if (!is_name(name))
		return refuse(line, name,
			"a name of at most 253 letters, digits and . _ : / -, no address", err);
	if (word_next(&at, end, more))
		return refuse(line, more, "the line's end, or # and a comment", err);
	return add(labels, &cidr, name, line, err);
}

static int parse_lines(
	struct labels *labels, const char *text, size_t len, char err[static ERR_LEN])
{
	const char *end = text + len;
	unsigned line = 0;
	int r = 0;

	while (r == 0 && text < end) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = feed ? feed : end;

		r = parse_line(labels, text, line_end, ++line, err);
		text = feed ? feed + 1 : end;
	}
	return r;
}

static int find_runs(struct labels *labels, char err[static ERR_LEN])
{
	const struct label *list = labels->list;

	for (size_t i = 0; i < labels->n; i++) {
		const struct cidr *cidr = &list[i].cidr, *before = i ? &list[i - 1].cidr : NULL;

		if (before && compare(&list[i - 1], &list[i]) == 0) {
			unsigned a = list[i - 1].line, b = list[i].line;
			char expected[64];

			snprintf(expected, sizeof(expected),
				"each prefix once; this one is in line %u too", a < b ? a : b);
			return refuse(a < b ? b : a, list[i].name, expected, err);
		}
		if (!before || cidr->addr.len != before->addr.len || cidr->bits != before->bits)
			labels->runs[labels->n_runs++] = (struct run){.first = (uint32_t)i};
		labels->runs[labels->n_runs - 1].n++;
	}
	return 0;
}

int labels_parse(const char *text, size_t len, struct labels **ret, char err[static ERR_LEN])
{
	struct labels *labels = calloc(1, sizeof(*labels));
	int r;

	if (!labels) {
		snprintf(err, ERR_LEN, "out of memory");
		return -ENOMEM;
	}
	r = parse_lines(labels, text, len, err);
	if (r == 0 && labels->n)
		qsort(labels->list, labels->n, sizeof(*labels->list), compare);
	if (r == 0)
		r = find_runs(labels, err);
	if (r < 0) {
		labels_free(labels);
		return r;
	}
	*ret = labels;
	return 0;
}

void labels_free(struct labels *labels)
{
	if (!labels)
		return;
	for (size_t i = 0; i < labels->n; i++)
		free(labels->list[i].name);
	free(labels->list);
	free(labels);
}

/* The one that begins where the address does, or below: of a run, only it can contain the address.
 */
static const struct label *find_in(
	const struct labels *labels, const struct run *run, const struct addr *addr)
{
	uint32_t low = run->first, high = run->first + run->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct label *label = &labels->list[middle];

		if (memcmp(label->cidr.addr.bytes, addr->bytes, sizeof(addr->bytes)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == run->first || !cidr_contains(&labels->list[low - 1].cidr, addr))
		return NULL;
	return &labels->list[low - 1];
}

static const struct label *find(const struct labels *labels, const struct addr *addr)
{
	for (size_t i = 0; i < labels->n_runs; i++) {
		const struct run *run = &labels->runs[i];
		const struct label *label;

		if (labels->list[run->first].cidr.addr.len != addr->len)
			continue;
		label = find_in(labels, run, addr);
		if (label)
			return label;
	}
	return NULL;
}

const char *labels_find(const struct labels *labels, const struct addr *addr)
{
	const struct addr far = scope_behind_nat64(addr);
	const struct label *label = find(labels, addr);
	const struct label *behind = addr_equal(&far, addr) ? NULL : find(labels, &far);

	if (behind && (!label || behind->cidr.bits + NAT64_BITS > label->cidr.bits))
		label = behind;
	return label ? label->name : NULL;
}

size_t labels_count(const struct labels *labels)
{
	return labels->n;
}
