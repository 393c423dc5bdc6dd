/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/kube_event collector/kube_workload */
#include "kube_event.h"

#include "kube_split.h"
#include "kube_workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As an API server of version 1.30 says it, without what the splitter leaves out. */
static const char pod[] =
	"{\"metadata\":{\"name\":\"checkout-7c9d8b6f5d-x2z4q\",\"namespace\":\"payments\","
	"\"uid\":\"0b6f7e2e-9a7c-4c64-8f55-6f3f0b1f6a01\",\"resourceVersion\":\"8842\","
	"\"creationTimestamp\":\"2026-11-26T15:59:00Z\","
	"\"labels\":{\"app\":\"checkout\",\"pod-template-hash\":\"7c9d8b6f5d\"},"
	"\"ownerReferences\":[{\"kind\":\"Other\",\"name\":\"no\"},{\"apiVersion\":\"apps/"
	"v1\",\"kind\":\"ReplicaSet\","
	"\"name\":\"checkout-7c9d8b6f5d\",\"controller\":true}]},"
	"\"spec\":{\"nodeName\":\"node-1\"},"
	"\"status\":{\"phase\":\"Running\",\"startTime\":\"2026-11-26T16:00:00Z\","
	"\"podIP\":\"10.1.2.3\",\"podIPs\":[{\"ip\":\"10.1.2.3\"},{\"ip\":\"fd00::3\"}],"
	"\"containerStatuses\":[{\"state\":{\"running\":{}}}]}}";

static int set_up(void **state)
{
	*state = kube_parser_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	kube_parser_free(*state);
	return 0;
}

static bool parse(void **state, enum kube_kind kind, const char *text, struct kube_object *ret)
{
	return kube_parse_object(*state, kind, text, strlen(text), ret);
}

static void has_addr(const struct kube_object *object, size_t i, const char *text)
{
	struct addr addr;

	assert_true(i < object->n_addrs);
	assert_int_equal(addr_parse(text, &addr), 0);
	assert_true(addr_equal(&object->addrs[i], &addr));
}

static void a_pod_is_read(void **state)
{
	struct kube_object o;

	assert_true(parse(state, KUBE_POD, pod, &o));
	assert_string_equal(o.uid, "0b6f7e2e-9a7c-4c64-8f55-6f3f0b1f6a01");
	assert_string_equal(o.version, "8842");
	assert_string_equal(o.name, "checkout-7c9d8b6f5d-x2z4q");
	assert_string_equal(o.namespace, "payments");
	assert_string_equal(o.workload, "checkout");
	assert_string_equal(o.node, "node-1");
	/* date -u -d '2026-11-26 16:00:00' +%s */
	assert_int_equal(o.start_ms, INT64_C(1795708800000));
	assert_false(o.is_over);
	assert_int_equal(o.n_addrs, 2);
	has_addr(&o, 0, "10.1.2.3");
	has_addr(&o, 1, "fd00::3");
}

static void every_truncation_of_a_pod_is_malformed(void **state)
{
	for (size_t len = 0; len < strlen(pod); len++) {
		struct kube_object o;
		char *copy = malloc(len ? len : 1);

		memcpy(copy, pod, len);
		assert_false(kube_parse_object(*state, KUBE_POD, copy, len, &o));
		free(copy);
	}
}

static void a_pod_without_a_start_began_when_it_was_created(void **state)
{
	struct kube_object o;

	assert_true(parse(state, KUBE_POD,
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"creationTimestamp\":\"1970-01-02T00:"
		"00:01Z\"}}",
		&o));
	assert_int_equal(o.start_ms, 86401000);
	assert_int_equal(o.n_addrs, 0);
	assert_string_equal(o.workload, "a");
	assert_string_equal(o.node, "");
}

static void a_pod_on_the_hosts_network_has_no_address(void **state)
{
	struct kube_object o;

	assert_true(parse(state, KUBE_POD,
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"spec\":{\"hostNetwork\":true},"
		"\"status\":{\"podIP\":\"192.0.2.1\"}}",
		&o));
	assert_int_equal(o.n_addrs, 0);
}

static void a_pod_that_is_over_says_when(void **state)
{
	static const char *const phases[] = {"Succeeded", "Failed"};
	struct kube_object o;
	char text[1000];

	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof(text),
			"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"deletionTimestamp\":\"1970-"
			"01-01T00:09:00Z\"},"
			"\"status\":{\"phase\":\"%s\",\"podIP\":\"10.0.0.1\",\"containerStatuses\":"
			"["
			"{\"state\":{\"terminated\":{\"finishedAt\":\"1970-01-01T00:01:00Z\"}}},"
			"{\"state\":{\"terminated\":{\"finishedAt\":\"1970-01-01T00:02:00Z\"}}},"
			"{\"state\":{\"terminated\":{\"finishedAt\":\"1970-01-01T00:01:30Z\"}}}]}}",
			phases[i]);
		assert_true(parse(state, KUBE_POD, text, &o));
		assert_true(o.is_over);
		assert_int_equal(o.finish_ms, 120000);
		assert_int_equal(o.delete_ms, 540000);
		assert_int_equal(o.n_addrs, 1);
	}
}

/* Evicted, or past its deadline: what ended an hour ago is not when its addresses became free. */
static void a_pod_that_failed_with_a_container_that_runs_does_not_say_when(void **state)
{
	static const char *const others[] = {"{\"state\":{\"running\":{}}}", "{}", "3",
		"{\"state\":{\"terminated\":{\"finishedAt\":null}}}"};
	struct kube_object o;
	char text[1000];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(text, sizeof(text),
			"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},"
			"\"status\":{\"phase\":\"Failed\",\"podIP\":\"10.0.0.1\","
			"\"containerStatuses\":"
			"[{\"state\":{\"terminated\":{\"finishedAt\":\"1970-01-01T00:01:00Z\"}}},%"
			"s]}}",
			others[i]);
		assert_true(parse(state, KUBE_POD, text, &o));
		assert_true(o.is_over);
		assert_int_equal(o.finish_ms, 0);
	}
}

static void a_rollouts_hash_is_cut_like_a_deployments(void **state)
{
	struct kube_object o;

	assert_true(parse(state, KUBE_POD,
		"{\"metadata\":{\"name\":\"web-6d8f9c7b5d-x\",\"uid\":\"u\","
		"\"labels\":{\"rollouts-pod-template-hash\":\"6d8f9c7b5d\"},"
		"\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"web-6d8f9c7b5d\","
		"\"controller\":true}]}}",
		&o));
	assert_string_equal(o.workload, "web");
}

static void a_service_has_its_cluster_addresses(void **state)
{
	struct kube_object o;

	assert_true(parse(state, KUBE_SERVICE,
		"{\"metadata\":{\"name\":\"api\",\"namespace\":\"shop\",\"uid\":\"u\"},"
		"\"spec\":{\"clusterIP\":\"10.96.0.7\",\"clusterIPs\":[\"10.96.0.7\",\"fd96::7\"]}"
		"}",
		&o));
	assert_int_equal(o.n_addrs, 2);
	has_addr(&o, 0, "10.96.0.7");
	has_addr(&o, 1, "fd96::7");
	/* headless; ExternalName; of Kubernetes before 1.20 */
	assert_true(parse(state, KUBE_SERVICE,
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"spec\":{\"clusterIP\":\"None\","
		"\"clusterIPs\":[\"None\"]}}",
		&o));
	assert_int_equal(o.n_addrs, 0);
	assert_true(parse(state, KUBE_SERVICE,
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"spec\":{\"clusterIP\":\"\"}}", &o));
	assert_int_equal(o.n_addrs, 0);
	assert_true(parse(state, KUBE_SERVICE,
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"spec\":{\"clusterIP\":\"10.96.0."
		"8\"}}",
		&o));
	has_addr(&o, 0, "10.96.0.8");
}

static void a_node_has_addresses_and_a_zone(void **state)
{
	struct kube_object o;

	assert_true(parse(state, KUBE_NODE,
		"{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"labels\":{\"topology.kubernetes.io/"
		"zone\":\"a\","
		"\"failure-domain.beta.kubernetes.io/"
		"zone\":\"b\"}},\"spec\":{\"podCIDRs\":[\"10.1.0.0/24\"]},"
		"\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"192.0.2.9\"},"
		"{\"type\":\"InternalIP\",\"address\":\"192.0.2.1\"},{\"type\":\"ExternalIP\","
		"\"address\":\"203.0.113.1\"}]}}",
		&o));
	assert_string_equal(o.zone, "a");
	assert_int_equal(o.n_addrs, 2);
	has_addr(&o, 0, "192.0.2.1");
	has_addr(&o, 1, "203.0.113.1");
	assert_true(parse(state, KUBE_NODE,
		"{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"labels\":{\"failure-domain.beta."
		"kubernetes.io/zone\":\"b\"}}}",
		&o));
	assert_string_equal(o.zone, "b");
}

static void addresses_beyond_the_maximum_are_left_out(void **state)
{
	char text[2000] = "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"status\":{\"podIPs\":[";
	struct kube_object o;
	size_t len = strlen(text);

	for (int i = 1; i <= KUBE_ADDRS_MAX + 3; i++)
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "{\"ip\":\"10.0.0.%d\"},", i);
	snprintf(text + len, sizeof(text) - len, "{}]}}");
	assert_true(parse(state, KUBE_POD, text, &o));
	assert_int_equal(o.n_addrs, KUBE_ADDRS_MAX);
	has_addr(&o, KUBE_ADDRS_MAX - 1, "10.0.0.8");
}

static void members_of_another_type_are_not_there(void **state)
{
	struct kube_object o;

	assert_true(parse(state, KUBE_POD,
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"namespace\":7,\"labels\":[],"
		"\"ownerReferences\":{},"
		"\"creationTimestamp\":5},\"spec\":{\"nodeName\":{},\"hostNetwork\":\"true\"},"
		"\"status\":{\"podIPs\":[7,null,{\"ip\":{}},{\"ip\":\"no "
		"address\"},{\"ip\":\"10.0.0.1\"}],\"podIP\":1,"
		"\"phase\":[\"Failed\"],\"containerStatuses\":3}}",
		&o));
	assert_string_equal(o.namespace, "");
	assert_string_equal(o.node, "");
	assert_int_equal(o.start_ms, 0);
	assert_false(o.is_over);
	assert_int_equal(o.n_addrs, 1);
	assert_true(parse(state, KUBE_POD,
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"spec\":3,\"status\":[]}", &o));
}

static void what_is_no_object_is_malformed(void **state)
{
	static const char *const texts[] = {"", "{}", "[]", "null", "3", "\"a\"",
		"{\"metadata\":[]}", "{\"metadata\":{\"name\":\"a\"}}",
		"{\"metadata\":{\"uid\":\"u\"}}", "{\"metadata\":{\"name\":\"\",\"uid\":\"u\"}}",
		"{\"metadata\":{\"name\":1,\"uid\":\"u\"}}",
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"]}",
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",}}", "{:2}"};
	struct kube_object o;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(parse(state, KUBE_POD, texts[i], &o));
}

/* As deep as the splitter lets pass, and no deeper: json-c's own limit is not to be met first. */
static void depth_is_capped(void **state)
{
	struct kube_object o;

	for (size_t depth = KUBE_SPLIT_DEPTH_MAX - 1; depth <= 10000;
		depth += 10000 - KUBE_SPLIT_DEPTH_MAX + 1) {
		char *text = malloc(2 * depth + 100);
		char *at = stpcpy(text, "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"k\":");

		memset(at, '[', depth);
		memset(at + depth, ']', depth);
		stpcpy(at + 2 * depth, "}");
		assert_int_equal(parse(state, KUBE_POD, text, &o), depth < KUBE_SPLIT_DEPTH_MAX);
		free(text);
	}
}

static bool parse_event(void **state, const char *text, struct kube_event *ret)
{
	return kube_parse_event(*state, KUBE_POD, text, strlen(text), ret);
}

static void events_say_what_happened(void **state)
{
	static const char body[] = "\"object\":{\"metadata\":{\"name\":\"a\",\"uid\":\"u\","
				   "\"resourceVersion\":\"7\"}}}";
	struct kube_event e;
	char text[200];

	snprintf(text, sizeof(text), "{\"type\":\"ADDED\",%s", body);
	assert_true(parse_event(state, text, &e));
	assert_int_equal(e.type, KUBE_PUT);
	assert_string_equal(e.object.name, "a");
	snprintf(text, sizeof(text), "{%.*s,\"type\":\"MODIFIED\"}", (int)strlen(body) - 1, body);
	assert_true(parse_event(state, text, &e));
	assert_int_equal(e.type, KUBE_PUT);
	snprintf(text, sizeof(text), "{\"type\":\"DELETED\",%s", body);
	assert_true(parse_event(state, text, &e));
	assert_int_equal(e.type, KUBE_DELETED);
	assert_string_equal(e.object.version, "7");
	assert_true(parse_event(state,
		"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{"
		"\"resourceVersion\":\"9\",\"name\":\"\"}}}",
		&e));
	assert_int_equal(e.type, KUBE_BOOKMARK);
	assert_string_equal(e.object.version, "9");
	assert_true(parse_event(state,
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"message\":\"too "
		"old\",\"code\":410}}",
		&e));
	assert_int_equal(e.type, KUBE_ERROR);
	assert_int_equal(e.code, 410);
	assert_string_equal(e.message, "too old");
}

static void events_that_say_nothing_are_malformed(void **state)
{
	static const char *const texts[] = {"{}", "{\"type\":\"ADDED\"}",
		"{\"type\":\"ADDED\",\"object\":[]}",
		"{\"type\":\"EXPLODED\",\"object\":{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"}}}",
		"{\"object\":{\"metadata\":{\"name\":\"a\",\"uid\":\"u\"}}}",
		"{\"type\":\"BOOKMARK\",\"object\":{}}", ""};
	struct kube_event e;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(parse_event(state, texts[i], &e));
	assert_true(parse_event(state, "{\"type\":\"ERROR\",\"object\":3}", &e));
	assert_int_equal(e.code, 0);
}

static void a_lists_envelope_is_read(void **state)
{
	static const char last[] =
		"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[]}";
	static const char more[] = "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"5\","
				   "\"continue\":\"abc\"},\"items\":null}";
	static const char *const others[] = {"{}", "{\"kind\":\"PodList\"}",
		"{\"kind\":\"Status\",\"metadata\":{\"resourceVersion\":\"5\"}}",
		"{\"kind\":\"PodList\",\"metadata\":{\"continue\":\"abc\"}}", "[]"};
	struct kube_list list;

	assert_true(kube_parse_list(*state, last, strlen(last), &list));
	assert_string_equal(list.version, "5");
	assert_string_equal(list.next, "");
	assert_true(kube_parse_list(*state, more, strlen(more), &list));
	assert_string_equal(list.next, "abc");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(kube_parse_list(*state, others[i], strlen(others[i]), &list));
}

static void times_are_rfc_3339_in_utc(void **state)
{
	static const char *const wrong[] = {"", "2026-11-26", "2026-11-26T16:00:00",
		"2026-11-26T16:00:00+01:00", "2026-13-26T16:00:00Z", "2026-00-26T16:00:00Z",
		"20261126T160000Z", "1969-12-31T23:59:59Z", "2026-11-26T16:00:00ZZ",
		"yyyy-mm-ddThh:mm:ssZ"};

	(void)state;
	assert_int_equal(kube_parse_time("2026-11-26T16:00:00Z"), INT64_C(1795708800000));
	assert_int_equal(kube_parse_time("2026-11-26T16:00:00.123456Z"), INT64_C(1795708800000));
	assert_int_equal(kube_parse_time("1970-01-01T00:00:01Z"), 1000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(kube_parse_time(wrong[i]), 0);
}

static void workload_is(const char *pod_name, const char *kind, const char *owner, const char *hash,
	const char *expected)
{
	const struct kube_owned owned = {.pod = pod_name,
		.node = "node-1",
		.owner_kind = kind,
		.owner = owner,
		.template_hash = hash};
	char got[KUBE_NAME_MAX + 1];

	kube_workload(&owned, got);
	assert_string_equal(got, expected);
}

static void a_workload_is_what_the_pod_is_an_instance_of(void **state)
{
	(void)state;
	workload_is("a-5d-x", "ReplicaSet", "a-5d", "5d", "a");
	workload_is("a-5d-x", "ReplicaSet", "a-5d", "", "a-5d");
	workload_is("a-5d-x", "ReplicaSet", "a-5d", "6d", "a-5d");
	workload_is("a-5d-x", "ReplicaSet", "a5d", "5d", "a5d");
	workload_is("x", "ReplicaSet", "5d", "5d", "5d");
	workload_is("x", "ReplicaSet", "-5d", "5d", "-5d");
	workload_is("a-0", "StatefulSet", "a", "", "a");
	workload_is("a-x", "DaemonSet", "a", "5d", "a");
	workload_is("backup-28812345-x", "Job", "backup-28812345", "", "backup");
	workload_is("backup-1728740700-x", "Job", "backup-1728740700", "", "backup");
	workload_is("backup-1234567-x", "Job", "backup-1234567", "", "backup-1234567");
	workload_is("backup-x", "Job", "backup-28812345a", "", "backup-28812345a");
	workload_is("x", "Job", "-28812345", "", "-28812345");
	workload_is("import-x", "Job", "import", "", "import");
	workload_is("proxy-node-1", "Node", "node-1", "", "proxy");
	workload_is("alone", "", "", "", "alone");
}

static void stem_is(const char *pod_name, const char *expected)
{
	char got[KUBE_NAME_MAX + 1];

	kube_workload_stem(pod_name, got);
	assert_string_equal(got, expected);
}

static void a_pods_name_alone_tells_what_its_controller_put_behind_it(void **state)
{
	(void)state;
	stem_is("web-5d4f8c7b9-x7k2p", "web");
	stem_is("web-front-66b6c48dd5-zzzzz", "web-front");
	stem_is("agent-x7k2p", "agent");
	stem_is("backup-28812345-x7k2p", "backup");
	stem_is("db-0", "db-0");
	stem_is("db-28812345", "db-28812345");
	stem_is("web-5d4f8c7b9", "web-5d4f8c7b9");
	stem_is("kube-proxy", "kube-proxy");
	stem_is("my-nginx", "my-nginx");
	stem_is("web-x7k2pp", "web-x7k2pp");
	stem_is("x7k2p", "x7k2p");
	stem_is("-x7k2p", "-x7k2p");
	stem_is("a-x7k2p", "a");
	stem_is("5d4f8c7b9-x7k2p", "5d4f8c7b9");
	stem_is("", "");
}

static void a_workload_is_no_longer_than_a_name(void **state)
{
	char name[1000], got[KUBE_NAME_MAX + 1];
	struct kube_owned owned = {.pod = "p",
		.node = "",
		.owner_kind = "StatefulSet",
		.owner = name,
		.template_hash = ""};

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	kube_workload(&owned, got);
	assert_int_equal(strlen(got), KUBE_NAME_MAX);
	kube_workload_stem(name, got);
	assert_int_equal(strlen(got), KUBE_NAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(a_pod_is_read),
		TEST(every_truncation_of_a_pod_is_malformed),
		TEST(a_pod_without_a_start_began_when_it_was_created),
		TEST(a_pod_on_the_hosts_network_has_no_address),
		TEST(a_pod_that_is_over_says_when),
		TEST(a_pod_that_failed_with_a_container_that_runs_does_not_say_when),
		TEST(a_rollouts_hash_is_cut_like_a_deployments),
		TEST(a_service_has_its_cluster_addresses),
		TEST(a_node_has_addresses_and_a_zone),
		TEST(addresses_beyond_the_maximum_are_left_out),
		TEST(members_of_another_type_are_not_there),
		TEST(what_is_no_object_is_malformed),
		TEST(depth_is_capped),
		TEST(events_say_what_happened),
		TEST(events_that_say_nothing_are_malformed),
		TEST(a_lists_envelope_is_read),
		TEST(times_are_rfc_3339_in_utc),
		TEST(a_workload_is_what_the_pod_is_an_instance_of),
		TEST(a_pods_name_alone_tells_what_its_controller_put_behind_it),
		TEST(a_workload_is_no_longer_than_a_name),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
