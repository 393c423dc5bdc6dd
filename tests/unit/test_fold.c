/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/fold collector/series collector/series_slots collector/tags collector/scope */
/* uses: collector/line collector/strbuf */
#include "fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX 100

/* The only source of names here: what the test says. */
static struct name answer;

const char *named_by_text(enum named_by by)
{
	static const char *const texts[] = {[NAMED_BY_KUBERNETES] = "kubernetes",
		[NAMED_BY_DNS] = "dns",
		[NAMED_BY_LABEL] = "label",
		[NAMED_BY_PTR] = "ptr",
		[NAMED_BY_ADDRESS] = "address",
		[NAMED_BY_NONE] = "-"};

	return texts[by];
}

bool names_lookup(struct names *names, const struct names_question *question, int64_t now_ms,
	struct name *ret)
{
	(void)names;
	(void)now_ms;
	*ret = answer;
	if (answer.by == NAMED_BY_ADDRESS)
		addr_format(&question->addr, ret->text);
	return true;
}

void names_pod(
	struct names *names, const struct identity *identity, int64_t at_ms, struct names_pod *ret)
{
	(void)names;
	(void)identity;
	(void)at_ms;
	*ret = (struct names_pod){.workload = "web"};
}

static struct series *series;
static struct strbuf out;
static struct fold_counts counts;
static struct tags tags;
static const struct series_owner owner = {.pod = 1, .workload = 1};

static int set_up(void **state)
{
	static const struct report report = {.identity = {.host = "web-0"}};

	(void)state;
	answer = (struct name){.by = NAMED_BY_ADDRESS, .kind = "external"};
	counts = (struct fold_counts){0};
	series = series_new(MAX, 7, 1);
	series_batch_begin(series, 0);
	strbuf_init(&out, LINE_SERIES_MAX);
	tags_begin(&tags, NULL, &report, 0);
	return series ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	strbuf_done(&out);
	series_free(series);
	return 0;
}

static struct record flow_to(unsigned n, uint16_t port)
{
	const uint8_t local[] = {10, 0, 0, 5}, remote[] = {192, 0, (uint8_t)(n >> 8), (uint8_t)n};

	return (struct record){.kind = RECORD_FLOW,
		.proto = 6,
		.port = port,
		.local = addr_v4(local),
		.remote = addr_v4(remote)};
}

static const char *folded(const struct record *record)
{
	tags_record(&tags, record);
	fold_record(series, owner, record, &tags, &out, &counts);
	assert_false(out.failed);
	return out.data;
}

static const char *fold_flow(unsigned n, uint16_t port)
{
	struct record record = flow_to(n, port);

	return folded(&record);
}

static bool has(const char *line, const char *pair)
{
	return strstr(line, pair) != NULL;
}

/* Half of 80 are this pod's: 40 series of one address, each with a port of its own. */
static void fill_whole(void)
{
	for (uint16_t i = 0; i < 40; i++)
		fold_flow(1, (uint16_t)(1000 + i));
	assert_int_equal(series_count(series), 40);
}

/* And half of the next tenth: series without a port. */
static void fill_portless(void)
{
	fill_whole();
	for (unsigned i = 0; i < 5; i++)
		fold_flow(100 + i, 80);
	assert_int_equal(series_count(series), 45);
}

static void within_the_budget_nothing_is_folded(void **state)
{
	(void)state;
	assert_string_equal(fold_flow(1, 443),
		"nstat,cluster=-,hosts=web-0,named_by=address,namespace=-,node=-,port=443,"
		"proto=tcp,receiver=192.0.0.1,receiver_kind=external,receiver_namespace=-,"
		"receiver_zone=-,role=client,sender=10.0.0.5,workload=web,zone=-");
}

static void a_new_series_loses_its_port_first(void **state)
{
	const char *line;

	(void)state;
	fill_whole();
	line = fold_flow(1, 9999);
	assert_true(has(line, ",port=-,"));
	assert_true(has(line, ",receiver=192.0.0.1,"));
	assert_true(has(line, ",named_by=address,"));
	assert_int_equal(counts.port_pod, 1);
	assert_int_equal(counts.name_pod, 0);
}

static void a_scan_of_all_ports_of_an_address_begins_one_more_series(void **state)
{
	(void)state;
	fill_whole();
	for (unsigned port = 1; port <= UINT16_MAX; port++)
		fold_flow(1, (uint16_t)port);
	assert_int_equal(series_count(series), 41);
	assert_int_equal(counts.port_pod, UINT16_MAX - 40);
	assert_int_equal(counts.name_pod, 0);
}

static void one_that_is_live_keeps_its_port_and_name(void **state)
{
	(void)state;
	fill_portless();
	assert_true(has(fold_flow(1, 1000), ",port=1000,"));
	assert_true(has(fold_flow(100, 80), ",receiver=192.0.0.100,"));
}

/* The probe's own remainder of the same protocol and role is the same series. */
static void then_it_loses_its_name_and_is_the_remainder(void **state)
{
	struct record other = {.kind = RECORD_OTHER, .proto = 6};
	char *line;

	(void)state;
	fill_portless();
	line = strdup(fold_flow(200, 80));
	assert_true(has(line, ",receiver=~other,receiver_kind=other,"));
	assert_true(has(line, ",named_by=-,"));
	assert_true(has(line, ",port=-,"));
	assert_true(has(line, ",sender=-,"));
	assert_int_equal(counts.name_pod, 1);
	assert_int_equal(series_count(series), 45);
	assert_string_equal(folded(&other), line);
	free(line);
}

static void its_name_becomes_its_label_where_it_has_one(void **state)
{
	const char *line;

	(void)state;
	fill_portless();
	answer = (struct name){.by = NAMED_BY_KUBERNETES,
		.kind = "pod",
		.namespace = "shop",
		.zone = "b",
		.label = "office"};
	snprintf(answer.text, sizeof(answer.text), "checkout");
	line = fold_flow(200, 80);
	assert_true(has(line, ",receiver=office,receiver_kind=external,receiver_namespace=-,"
			      "receiver_zone=-,"));
	assert_true(has(line, ",named_by=label,"));
	assert_true(has(line, ",port=-,"));
	assert_int_equal(counts.name_pod, 1);
	assert_int_equal(series_count(series), 46);
}

static void what_its_label_had_named_loses_its_port_alone(void **state)
{
	(void)state;
	fill_portless();
	answer = (struct name){.by = NAMED_BY_LABEL, .kind = "external", .label = "office"};
	snprintf(answer.text, sizeof(answer.text), "office");
	counts = (struct fold_counts){0};
	assert_true(has(fold_flow(200, 80), ",receiver=office,"));
	assert_int_equal(counts.port_pod, 1);
	assert_int_equal(counts.name_pod, 0);
}

/* Labels are many, too: they have their own last tenth of the budget. */
static void labels_beyond_the_budget_are_the_remainder(void **state)
{
	char label[16];

	(void)state;
	fill_portless();
	answer = (struct name){.by = NAMED_BY_ADDRESS, .kind = "external", .label = label};
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(label, sizeof(label), "site-%u", i);
		fold_flow(300 + i, 80);
	}
	assert_int_equal(series_count(series), 50);
	assert_true(has(out.data, ",receiver=~other,"));
}

static void remainders_are_never_folded_and_never_counted(void **state)
{
	const struct record remainders[] = {{.kind = RECORD_OTHER, .proto = 17},
		{.kind = RECORD_NON_IP}, {.kind = RECORD_MALFORMED}};

	(void)state;
	fill_portless();
	assert_true(has(folded(&remainders[0]), ",receiver=~other,"));
	assert_true(has(folded(&remainders[1]), ",receiver=~non-ip,"));
	assert_true(has(folded(&remainders[2]), ",receiver=~malformed,"));
	assert_int_equal(series_count(series), 45);
	assert_int_equal(counts.name_pod, 0);
}

static void other_pods_full_budget_is_told_from_its_own(void **state)
{
	struct record record = flow_to(1, 1);

	(void)state;
	for (unsigned i = 0; i < MAX; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%u", i);
		series_admit(series,
			(struct series_owner){(uint16_t)(100 + i), (uint16_t)(100 + i)},
			SERIES_LABEL, text, strlen(text));
	}
	folded(&record);
	assert_int_equal(counts.name_total, 1);
	assert_int_equal(counts.name_pod, 0);
}

static void a_port_too_may_be_lost_to_others(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 80; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%u", i);
		series_admit(series,
			(struct series_owner){(uint16_t)(100 + i), (uint16_t)(100 + i)},
			SERIES_LABEL, text, strlen(text));
	}
	assert_true(has(fold_flow(1, 443), ",port=-,"));
	assert_int_equal(counts.port_total, 1);
	assert_int_equal(counts.port_pod, 0);
}

static void without_a_budget_all_is_as_it_is(void **state)
{
	struct record record = flow_to(1, 443);

	(void)state;
	tags_record(&tags, &record);
	fold_record(NULL, owner, &record, &tags, &out, &counts);
	assert_true(has(out.data, ",port=443,"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(within_the_budget_nothing_is_folded),
		TEST(a_new_series_loses_its_port_first),
		TEST(a_scan_of_all_ports_of_an_address_begins_one_more_series),
		TEST(one_that_is_live_keeps_its_port_and_name),
		TEST(then_it_loses_its_name_and_is_the_remainder),
		TEST(its_name_becomes_its_label_where_it_has_one),
		TEST(what_its_label_had_named_loses_its_port_alone),
		TEST(labels_beyond_the_budget_are_the_remainder),
		TEST(remainders_are_never_folded_and_never_counted),
		TEST(other_pods_full_budget_is_told_from_its_own),
		TEST(a_port_too_may_be_lost_to_others),
		TEST(without_a_budget_all_is_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
