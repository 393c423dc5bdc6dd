/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/names collector/ptr collector/scope collector/name_seen */
/* uses: collector/name_text collector/name_cache */
/* uses: collector/label_file collector/labels collector/loop collector/tags collector/fold */
/* uses: collector/series collector/series_slots collector/line collector/strbuf */
/* uses: collector/kube collector/kube_watch collector/kube_access collector/kube_map */
/* uses: collector/kube_slots collector/kube_claims collector/kube_split collector/kube_event */
/* uses: collector/kube_pace */
/* uses: collector/kube_workload collector/intern collector/http_client collector/retry */
/* uses: collector/secret */
/*
 * Random bytes as names, from each source that can say such a thing: what a pod looked up, what a
 * PTR record says, what a probe says of its pod. With two arguments, how many and a seed, it writes
 * the lines instead, which tests/e2e/test_names.py hands to influxd.
 */
#include "fold.h"

#include "clock.h"
#include "dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N        1000000
#define NAME_MAX 120
#define BEGIN_MS 1795378530000
#define ASK_MS   40 /* two more queries are allowed by then: for either end */

static uint64_t state_random;

static unsigned below(unsigned n)
{
	state_random = state_random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state_random >> 33) % n;
}

/* Any byte but NUL, which ends a name wherever it comes from; or what line protocol minds. */
static const char *random_name(void)
{
	static const char minded[] = ",= \n\r\t\\\"'#~.-_:/\x1b\x7f\xff\xc3i1,=";
	static char name[NAME_MAX + 1];
	unsigned len = 1 + below(NAME_MAX), one_in = 1 + below(4);

	for (unsigned i = 0; i < len; i++)
		name[i] =
			below(one_in) ? (char)(1 + below(255)) : minded[below(sizeof(minded) - 1)];
	name[len] = '\0';
	return name;
}

/* dns.h: an answer at once. */
struct dns {
	dns_fn *fn;
	void *ctx;
};

int dns_open(struct loop *loop, const char *server, dns_fn *fn, void *ctx, struct dns **ret,
	char err[static ERR_LEN])
{
	static struct dns dns;

	(void)loop;
	(void)server;
	(void)err;
	dns = (struct dns){.fn = fn, .ctx = ctx};
	*ret = &dns;
	return 0;
}

void dns_close(struct dns *dns)
{
	(void)dns;
}

bool dns_ask_ptr(struct dns *dns, const struct addr *addr)
{
	dns->fn(dns->ctx, addr, DNS_NAME, random_name(), 60);
	return true;
}

struct maker {
	struct stats stats;
	struct names *names;
	int64_t begin_ms;
	struct strbuf series;
	struct strbuf line;
	struct fold_counts counts;
	unsigned by[NAMED_BY_NONE + 1];
};

static void maker_begin(struct maker *m, uint64_t seed)
{
	static const struct names_config config = {.is_ptr_on = true};
	char err[ERR_LEN];

	*m = (struct maker){.names = NULL};
	state_random = seed;
	m->begin_ms = clock_mono_ms();
	if (names_open(NULL, &config, &m->stats, &m->names, err) < 0)
		abort();
	strbuf_init(&m->series, LINE_SERIES_MAX);
	strbuf_init(&m->line, 2 * LINE_SERIES_MAX);
}

static void maker_end(struct maker *m)
{
	names_close(m->names);
	strbuf_done(&m->series);
	strbuf_done(&m->line);
}

/* The line of the i-th name, of one byte of traffic and at a time of its own. */
static const char *make(struct maker *m, unsigned i)
{
	const uint8_t local[] = {10, 0, 0, 5};
	const uint8_t remote[] = {23, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
	struct record record = {.kind = RECORD_FLOW,
		.proto = 6,
		.port = 443,
		.local = addr_v4(local),
		.remote = addr_v4(remote),
		.sum = {.tx_bytes = 1, .tx_packets = 1}};
	struct report report = {.start_ms = BEGIN_MS, .interval_ms = 1000};
	struct tags tags;

	if (i % 3 == 0)
		record.name = random_name();
	snprintf(report.identity.host, sizeof(report.identity.host), "%s",
		i % 3 == 1 ? random_name() : "pod");
	tags_begin(&tags, m->names, &report, m->begin_ms + (int64_t)i * ASK_MS);
	tags_record(&tags, &record);
	fold_record(NULL, (struct series_owner){0}, &record, &tags, &m->series, &m->counts);
	m->by[tags.receiver.by]++;
	strbuf_reset(&m->line);
	line_point(&m->line, m->series.data, m->series.len, &record.sum, report.interval_ms,
		BEGIN_MS + i);
	return m->line.data;
}

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       strchr("._:/~-", c) != NULL;
}

/* "key=value" with nothing in the value that line protocol minds; returns what follows it. */
static const char *pair(const char *at, const char *key)
{
	size_t len = strlen(key);
	const char *value = at + len;

	if (strncmp(at, key, len) != 0)
		return NULL;
	at = value;
	while (*at && is_plain(*at))
		at++;
	return at > value ? at : NULL;
}

/* Exactly one point of nstat with all its tags. */
static bool is_one_point(const char *line)
{
	static const char *const keys[] = {
		"nstat,cluster=", ",hosts=", ",named_by=", ",namespace=", ",node=", ",port=",
		",proto=", ",receiver=", ",receiver_kind=", ",receiver_namespace=",
		",receiver_zone=", ",role=", ",sender=", ",workload=", ",zone="};
	const char *feed = strchr(line, '\n');

	for (size_t i = 0; line && i < sizeof(keys) / sizeof(keys[0]); i++)
		line = pair(line, keys[i]);
	return line && feed && feed[1] == '\0' &&
	       strncmp(line, " receiveRate=0.0,rx_bytes=0i,", 29) == 0 &&
	       strspn(line + 1, "abcdefghijklmnopqrstuvwxyzR_=0123456789.,i") ==
		       strcspn(line + 1, " ") &&
	       strspn(strrchr(line, ' ') + 1, "0123456789") ==
		       (size_t)(feed - strrchr(line, ' ')) - 1;
}

static void a_million_random_names_make_a_million_lines_that_say_no_more(void **state)
{
	static struct maker m;

	(void)state;
	maker_begin(&m, 1);
	for (unsigned i = 0; i < N; i++) {
		const char *line = make(&m, i);

		if (!is_one_point(line))
			fail_msg("name %u: %s", i, line);
		if (strstr(line, "receiver=~"))
			fail_msg("name %u made a remainder: %s", i, line);
	}
	assert_in_range(m.by[NAMED_BY_DNS], N / 3 - N / 20, N / 3);
	assert_in_range(m.by[NAMED_BY_PTR], N / 2, 2 * N / 3 + 1);
	maker_end(&m);
}

static int write_lines(unsigned n, uint64_t seed)
{
	static struct maker m;

	maker_begin(&m, seed);
	for (unsigned i = 0; i < n; i++)
		fputs(make(&m, i), stdout);
	maker_end(&m);
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_random_names_make_a_million_lines_that_say_no_more),
	};

	if (argc == 3)
		return write_lines(
			(unsigned)strtoul(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
