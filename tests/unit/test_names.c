/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/names collector/ptr collector/scope collector/name_cache */
/* uses: collector/label_file collector/labels collector/name_seen */
/* uses: collector/name_text collector/dns collector/loop collector/line collector/strbuf */
#include "names.h"

#include "clock.h"
#include "name_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TURN_MS 20

static char labels_path[64];

/* What Kubernetes says of any address and any pod; no name: nothing. */
static struct kube_owner owner;
static bool is_kube_starting;

int kube_open(struct loop *loop, const struct kube_config *config, struct stats *stats,
	struct kube **ret, char err[static ERR_LEN])
{
	(void)loop;
	(void)config;
	(void)stats;
	(void)err;
	*ret = NULL;
	return 0;
}

void kube_close(struct kube *kube)
{
	(void)kube;
}

bool kube_is_starting(const struct kube *kube, int64_t now_ms)
{
	(void)kube;
	(void)now_ms;
	return is_kube_starting;
}

bool kube_address(struct kube *kube, const struct addr *addr, int64_t at_ms, struct kube_owner *ret)
{
	(void)kube;
	(void)addr;
	(void)at_ms;
	*ret = owner;
	return owner.name;
}

bool kube_pod(struct kube *kube, const char *namespace, const char *name, int64_t at_ms,
	struct kube_owner *ret)
{
	(void)kube;
	(void)namespace;
	(void)name;
	(void)at_ms;
	*ret = owner;
	return owner.name;
}

/* A DNS server on the test's own loop that says the same of every address. */
struct fixture {
	struct loop *loop;
	struct stats stats;
	struct names *names;
	struct loop_timer turn;
	int fd;
	const char *label;
	size_t label_len;
	uint8_t rcode; /* RFC 1035 4.1.1; not 0: an answer without a record */
};

static void serve(void *ctx, uint32_t events)
{
	static const uint8_t record[] = {0xc0, 12, 0, 12, 0, 1, 0, 0, 1, 0, 0};
	struct fixture *f = ctx;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint8_t p[1024];
	ssize_t n = recvfrom(f->fd, p, 512, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	size_t at = (size_t)n;

	(void)events;
	if (n < 12)
		return;
	p[2] |= 0x80;
	p[3] |= f->rcode;
	if (f->rcode) {
		sendto(f->fd, p, at, 0, (struct sockaddr *)&from, len);
		return;
	}
	p[7] = 1;
	memcpy(p + at, record, sizeof(record));
	at += sizeof(record);
	p[at++] = (uint8_t)(f->label_len + 2);
	p[at++] = (uint8_t)f->label_len;
	memcpy(p + at, f->label, f->label_len);
	at += f->label_len;
	p[at++] = 0;
	sendto(f->fd, p, at, 0, (struct sockaddr *)&from, len);
}

static void turn_over(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	(void)now_ms;
	loop_stop(f->loop);
}

static void labels_write(const char *text)
{
	FILE *out = fopen(labels_path, "we");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
	const uint8_t localhost[] = {127, 0, 0, 1};
	struct fixture *f = calloc(1, sizeof(*f));
	struct names_config config = {.is_ptr_on = true, .labels = labels_path, .cluster = "home"};
	struct addr addr = addr_v4(localhost);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&addr, 0, &ss);
	char err[ERR_LEN], server[64];
	uint16_t port;

	assert_non_null(f);
	owner = (struct kube_owner){0};
	is_kube_starting = false;
	assert_int_equal(loop_new(&f->loop, err), 0);
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(&ss, &addr, &port);
	snprintf(server, sizeof(server), "127.0.0.1:%u", (unsigned)port);
	assert_int_equal(loop_watch(f->loop, f->fd, EPOLLIN, serve, f), 0);
	config.dns_server = server;
	snprintf(labels_path, sizeof(labels_path), "/tmp/nstats-test-names-%d", (int)getpid());
	labels_write("203.0.113.0/24 Office\n10.0.0.0/8 cluster\n");
	assert_int_equal(names_open(f->loop, &config, &f->stats, &f->names, err), 0);
	f->turn = (struct loop_timer){.fn = turn_over, .ctx = f};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	names_close(f->names);
	unlink(labels_path);
	loop_unwatch(f->loop, f->fd);
	close(f->fd);
	loop_free(f->loop);
	free(f);
	return 0;
}

static bool lookup(struct fixture *f, const char *text, struct name *ret)
{
	struct names_question question = {0};

	assert_int_equal(addr_parse(text, &question.addr), 0);
	return names_lookup(f->names, &question, clock_mono_ms(), ret);
}

/* What 192.0.2.1 is called once the server has said that its PTR record is this one label. */
static struct name name_after(struct fixture *f, const char *label, size_t len)
{
	struct name name;

	f->label = label;
	f->label_len = len;
	assert_false(lookup(f, "192.0.2.1", &name));
	for (int i = 0; i < 200 && !lookup(f, "192.0.2.1", &name); i++) {
		loop_timer_set(f->loop, &f->turn, clock_mono_ms() + TURN_MS);
		assert_int_equal(loop_run(f->loop), 0);
	}
	assert_true(lookup(f, "192.0.2.1", &name));
	return name;
}

#define NAME_AFTER(f, label) name_after(f, label, sizeof(label) - 1)

static void until_the_answer_comes_the_address_is_the_name(void **state)
{
	struct fixture *f = *state;
	struct name name;

	f->label = "";
	assert_false(lookup(f, "192.0.2.1", &name));
	assert_string_equal(name.text, "192.0.2.1");
	assert_int_equal(name.by, NAMED_BY_ADDRESS);
}

static void a_ptr_record_names_the_address_in_lower_case(void **state)
{
	struct name name = NAME_AFTER(*state, "Web");

	assert_string_equal(name.text, "web");
	assert_int_equal(name.by, NAMED_BY_PTR);
}

static void an_address_is_asked_for_once(void **state)
{
	struct fixture *f = *state;

	NAME_AFTER(f, "web");
	assert_int_equal(f->stats.ptr_asked, 1);
	assert_int_equal(f->stats.ptr_names, 1);
}

static void no_such_name_is_the_address_and_counted(void **state)
{
	struct fixture *f = *state;
	struct name name;

	f->rcode = 3;
	name = NAME_AFTER(f, "");
	assert_string_equal(name.text, "192.0.2.1");
	assert_int_equal(f->stats.ptr_none, 1);
}

static void a_failing_server_leaves_the_address_and_is_counted(void **state)
{
	struct fixture *f = *state;
	struct name name;

	f->rcode = 2;
	name = NAME_AFTER(f, "");
	assert_string_equal(name.text, "192.0.2.1");
	assert_int_equal(f->stats.ptr_failed, 1);
}

/* names_lookup takes the time: an hour and more later its TTL is over, whatever it was. */
static void a_name_outlives_its_ttl_until_it_is_asked_for_again(void **state)
{
	struct fixture *f = *state;
	struct name name = NAME_AFTER(f, "web");
	struct names_question question = {0};

	assert_int_equal(addr_parse("192.0.2.1", &question.addr), 0);
	assert_true(names_lookup(
		f->names, &question, clock_mono_ms() + NAME_CACHE_TTL_MAX_MS + 1, &name));
	assert_string_equal(name.text, "web");
	assert_int_equal(name.by, NAMED_BY_PTR);
	assert_int_equal(f->stats.ptr_asked, 2);
}

static void a_failing_server_does_not_take_a_name_away(void **state)
{
	struct fixture *f = *state;
	struct name name = NAME_AFTER(f, "web");
	struct names_question question = {0};

	f->rcode = 2;
	assert_int_equal(addr_parse("192.0.2.1", &question.addr), 0);
	names_lookup(f->names, &question, clock_mono_ms() + NAME_CACHE_TTL_MAX_MS + 1, &name);
	for (int i = 0; i < 200 && f->stats.ptr_failed == 0; i++) {
		loop_timer_set(f->loop, &f->turn, clock_mono_ms() + TURN_MS);
		assert_int_equal(loop_run(f->loop), 0);
	}
	assert_int_equal(f->stats.ptr_failed, 1);
	assert_true(lookup(f, "192.0.2.1", &name));
	assert_string_equal(name.text, "web");
}

static void hostile_bytes_are_cleaned(void **state)
{
	struct name name = NAME_AFTER(*state, "a\nb,c d=e\"f\\");

	assert_int_equal(name.by, NAMED_BY_PTR);
	assert_null(strpbrk(name.text, "\n, =\"\\"));
}

static void a_name_of_which_nothing_is_left_is_the_address(void **state)
{
	struct name name = NAME_AFTER(*state, " ,=");

	assert_string_equal(name.text, "192.0.2.1");
}

static void a_name_cannot_claim_to_be_a_remainder(void **state)
{
	struct name name = NAME_AFTER(*state, "~other");

	assert_string_equal(name.text, "192.0.2.1");
	assert_int_equal(name.by, NAMED_BY_ADDRESS);
}

static void a_name_cannot_claim_to_be_another_address(void **state)
{
	struct name name = NAME_AFTER(*state, "2001:db8::1");

	assert_string_equal(name.text, "192.0.2.1");
}

static void only_public_addresses_are_external(void **state)
{
	struct fixture *f = *state;
	struct name name;

	f->label = "";
	lookup(f, "192.0.2.1", &name);
	assert_string_equal(name.kind, "external");
	lookup(f, "192.168.0.1", &name);
	assert_string_equal(name.kind, "other");
	lookup(f, "127.0.0.1", &name);
	assert_string_equal(name.kind, "other");
}

static void nobody_is_asked_about_local_addresses(void **state)
{
	struct fixture *f = *state;
	struct name name;

	assert_true(lookup(f, "127.0.0.1", &name));
	assert_true(lookup(f, "fe80::1", &name));
	assert_true(lookup(f, "224.0.0.1", &name));
	assert_int_equal(f->stats.ptr_asked, 0);
}

static void what_is_throttled_is_the_address_and_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	unsigned n_throttled = 0;
	struct name name;

	f->label = "";
	for (unsigned i = 0; i < 1000; i++) {
		char text[ADDR_STRLEN];

		snprintf(text, sizeof(text), "198.18.%u.%u", i / 250, i % 250);
		n_throttled += lookup(f, text, &name);
	}
	assert_true(n_throttled > 700);
	assert_int_equal(f->stats.ptr_throttled, n_throttled);
	assert_int_equal(f->stats.ptr_asked, 1000 - n_throttled);
}

static bool lookup_seen(struct fixture *f, const char *text, const char *seen, struct name *ret)
{
	struct names_question question = {.seen = seen};

	assert_int_equal(addr_parse(text, &question.addr), 0);
	return names_lookup(f->names, &question, clock_mono_ms(), ret);
}

static void a_label_goes_before_a_ptr_record_that_nobody_asks_for(void **state)
{
	struct fixture *f = *state;
	struct name name;

	assert_true(lookup(f, "203.0.113.9", &name));
	assert_string_equal(name.text, "Office");
	assert_int_equal(name.by, NAMED_BY_LABEL);
	assert_string_equal(name.kind, "external");
	assert_int_equal(f->stats.ptr_asked, 0);
}

static void what_the_pod_looked_up_goes_before_a_label_which_is_told_too(void **state)
{
	struct fixture *f = *state;
	struct name name;

	assert_true(lookup_seen(f, "203.0.113.9", "API.example.com.", &name));
	assert_string_equal(name.text, "api.example.com");
	assert_int_equal(name.by, NAMED_BY_DNS);
	assert_string_equal(name.label, "Office");
	assert_true(lookup_seen(f, "198.51.100.1", "api.example.com", &name));
	assert_null(name.label);
	assert_int_equal(f->stats.ptr_asked, 0);
}

static void what_the_pod_looked_up_cannot_claim_to_be_a_remainder_or_an_address(void **state)
{
	struct fixture *f = *state;
	struct name name;

	assert_true(lookup_seen(f, "203.0.113.9", "~other", &name));
	assert_int_equal(name.by, NAMED_BY_LABEL);
	assert_true(lookup_seen(f, "203.0.113.9", "192.0.2.1", &name));
	assert_int_equal(name.by, NAMED_BY_LABEL);
}

static void a_reload_changes_what_an_address_is_called(void **state)
{
	struct fixture *f = *state;
	struct name name;

	labels_write("203.0.113.0/24 moved\n");
	names_reload(f->names);
	lookup(f, "203.0.113.9", &name);
	assert_string_equal(name.text, "moved");
}

static void each_source_has_its_word(void **state)
{
	(void)state;
	assert_string_equal(named_by_text(NAMED_BY_KUBERNETES), "kubernetes");
	assert_string_equal(named_by_text(NAMED_BY_DNS), "dns");
	assert_string_equal(named_by_text(NAMED_BY_LABEL), "label");
	assert_string_equal(named_by_text(NAMED_BY_PTR), "ptr");
	assert_string_equal(named_by_text(NAMED_BY_ADDRESS), "address");
	assert_string_equal(named_by_text(NAMED_BY_NONE), "-");
}

static struct name name_seen_for(struct fixture *f, const char *address, const char *seen)
{
	struct names_question question = {.seen = seen};
	struct name name;

	assert_int_equal(addr_parse(address, &question.addr), 0);
	assert_true(names_lookup(f->names, &question, clock_mono_ms(), &name));
	return name;
}

static void what_the_pod_looked_up_comes_before_ptr_and_nobody_is_asked(void **state)
{
	struct fixture *f = *state;
	struct name name = name_seen_for(f, "192.0.2.1", "API.Stripe.com");

	assert_string_equal(name.text, "api.stripe.com");
	assert_int_equal(name.by, NAMED_BY_DNS);
	assert_string_equal(named_by_text(name.by), "dns");
	assert_string_equal(name.kind, "external");
	assert_int_equal(f->stats.ptr_asked, 0);
	name = name_seen_for(f, "10.96.7.8", "checkout.payments.svc.cluster.local");
	assert_string_equal(name.text, "checkout.payments");
	assert_string_equal(name.kind, "other");
	name = name_seen_for(f, "169.254.169.254", "metadata.google.internal");
	assert_int_equal(name.by, NAMED_BY_DNS);
}

static void a_search_suffix_is_of_the_namespace_of_the_pod_that_asked(void **state)
{
	struct fixture *f = *state;
	const struct identity shop = {.namespace = "shop"};
	struct names_question question = {
		.seen = "api.stripe.com.svc.cluster.local", .observer = &shop};
	struct name name;

	assert_int_equal(addr_parse("192.0.2.1", &question.addr), 0);
	assert_true(names_lookup(f->names, &question, clock_mono_ms(), &name));
	assert_string_equal(name.text, "api.stripe.com");
}

static void a_name_of_the_pod_s_that_is_no_tag_is_passed_over_and_counted(void **state)
{
	struct fixture *f = *state;
	struct name name = name_seen_for(f, "127.0.0.1", "~other");

	assert_string_equal(name.text, "127.0.0.1");
	assert_int_equal(name.by, NAMED_BY_ADDRESS);
	assert_int_equal(f->stats.seen_unusable, 1);
}

static void kubernetes_goes_before_dns_a_label_ptr_and_the_address_in_this_order(void **state)
{
	struct fixture *f = *state;
	struct name name;

	labels_write("192.0.2.0/24 Office\n");
	names_reload(f->names);
	owner = (struct kube_owner){.kind = KUBE_POD, .name = "web-0"};
	assert_true(lookup_seen(f, "192.0.2.1", "api.example.com", &name));
	assert_string_equal(name.text, "web-0");
	assert_int_equal(name.by, NAMED_BY_KUBERNETES);
	assert_string_equal(name.label, "Office");
	owner.name = NULL;
	assert_true(lookup_seen(f, "192.0.2.1", "api.example.com", &name));
	assert_int_equal(name.by, NAMED_BY_DNS);
	assert_true(lookup(f, "192.0.2.1", &name));
	assert_int_equal(name.by, NAMED_BY_LABEL);
	labels_write("");
	names_reload(f->names);
	assert_false(lookup(f, "192.0.2.1", &name));
	assert_int_equal(name.by, NAMED_BY_ADDRESS);
	name = NAME_AFTER(f, "host");
	assert_int_equal(name.by, NAMED_BY_PTR);
	assert_true(lookup_seen(f, "192.0.2.1", "api.example.com", &name));
	assert_int_equal(name.by, NAMED_BY_DNS);
}

static enum named_by by_of_pod(struct fixture *f, const char *pod, const char *address)
{
	struct name name;

	owner = (struct kube_owner){.kind = KUBE_POD, .name = pod};
	assert_true(lookup(f, address, &name));
	return name.by;
}

static void a_pod_cannot_claim_to_be_a_remainder_or_another_address(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(by_of_pod(f, "~other", "203.0.113.9"), NAMED_BY_LABEL);
	assert_int_equal(by_of_pod(f, "8.8.8.8", "203.0.113.9"), NAMED_BY_LABEL);
	assert_int_equal(by_of_pod(f, "203.0.113.9", "203.0.113.9"), NAMED_BY_KUBERNETES);
}

static enum named_by by_in_cluster(struct fixture *f, const char *cluster)
{
	struct identity observer = {.host = "web-0"};
	struct names_question question = {.observer = cluster ? &observer : NULL};
	struct name name;

	snprintf(observer.cluster, sizeof(observer.cluster), "%s", cluster ? cluster : "");
	assert_int_equal(addr_parse("203.0.113.9", &question.addr), 0);
	assert_true(names_lookup(f->names, &question, clock_mono_ms(), &name));
	return name.by;
}

static const char *zone_in_cluster(struct fixture *f, const char *cluster)
{
	struct identity identity = {.host = "web-0"};
	struct names_pod pod;

	snprintf(identity.cluster, sizeof(identity.cluster), "%s", cluster);
	names_pod(f->names, &identity, 0, &pod);
	return pod.zone;
}

static void whose_an_address_was_is_asked_of_the_end_of_an_interval_that_began_late(void **state)
{
	struct report report = {.start_ms = 1790000010000, .begin_ms = 6000, .interval_ms = 4000};

	(void)state;
	assert_int_equal(names_at_ms(&report), 1790000019999);
	report.begin_ms = 0;
	assert_int_equal(names_at_ms(&report), 1790000013999);
}

static void kubernetes_names_nobody_of_another_cluster(void **state)
{
	struct fixture *f = *state;

	owner = (struct kube_owner){.kind = KUBE_POD, .name = "web-0", .zone = "a"};
	assert_int_equal(by_in_cluster(f, "home"), NAMED_BY_KUBERNETES);
	assert_int_equal(by_in_cluster(f, "abroad"), NAMED_BY_LABEL);
	assert_string_equal(zone_in_cluster(f, "home"), "a");
	assert_null(zone_in_cluster(f, "abroad"));
}

/* One struct name serves all rows of an interval. */
static void what_kubernetes_knew_of_one_address_is_not_said_of_the_next(void **state)
{
	struct fixture *f = *state;
	struct name name;

	owner = (struct kube_owner){
		.kind = KUBE_POD, .name = "web-0", .namespace = "shop", .zone = "a"};
	assert_true(lookup(f, "203.0.113.9", &name));
	assert_string_equal(name.namespace, "shop");
	assert_string_equal(name.zone, "a");
	owner.name = NULL;
	assert_true(lookup(f, "203.0.113.9", &name));
	assert_int_equal(name.by, NAMED_BY_LABEL);
	assert_null(name.namespace);
	assert_null(name.zone);
}

/* Of an address that nobody is asked about. */
static bool is_known_in_cluster(struct fixture *f, const char *cluster)
{
	struct identity observer = {.host = "web-0"};
	struct names_question question = {.observer = &observer};
	struct name name;

	snprintf(observer.cluster, sizeof(observer.cluster), "%s", cluster);
	assert_int_equal(addr_parse("127.0.0.1", &question.addr), 0);
	return names_lookup(f->names, &question, clock_mono_ms(), &name);
}

static void only_this_cluster_waits_for_its_lists(void **state)
{
	struct fixture *f = *state;

	is_kube_starting = true;
	assert_false(is_known_in_cluster(f, "home"));
	assert_true(is_known_in_cluster(f, "abroad"));
	is_kube_starting = false;
	assert_true(is_known_in_cluster(f, "home"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(until_the_answer_comes_the_address_is_the_name),
		TEST(a_ptr_record_names_the_address_in_lower_case),
		TEST(an_address_is_asked_for_once),
		TEST(no_such_name_is_the_address_and_counted),
		TEST(a_failing_server_leaves_the_address_and_is_counted),
		TEST(hostile_bytes_are_cleaned),
		TEST(a_failing_server_does_not_take_a_name_away),
		TEST(a_name_outlives_its_ttl_until_it_is_asked_for_again),
		TEST(a_name_of_which_nothing_is_left_is_the_address),
		TEST(a_name_cannot_claim_to_be_a_remainder),
		TEST(a_name_cannot_claim_to_be_another_address),
		TEST(only_public_addresses_are_external),
		TEST(a_label_goes_before_a_ptr_record_that_nobody_asks_for),
		TEST(what_the_pod_looked_up_goes_before_a_label_which_is_told_too),
		TEST(what_the_pod_looked_up_cannot_claim_to_be_a_remainder_or_an_address),
		TEST(a_reload_changes_what_an_address_is_called),
		TEST(each_source_has_its_word),
		TEST(kubernetes_goes_before_dns_a_label_ptr_and_the_address_in_this_order),
		TEST(a_pod_cannot_claim_to_be_a_remainder_or_another_address),
		TEST(whose_an_address_was_is_asked_of_the_end_of_an_interval_that_began_late),
		TEST(kubernetes_names_nobody_of_another_cluster),
		TEST(what_kubernetes_knew_of_one_address_is_not_said_of_the_next),
		TEST(only_this_cluster_waits_for_its_lists),
		TEST(nobody_is_asked_about_local_addresses),
		TEST(what_the_pod_looked_up_comes_before_ptr_and_nobody_is_asked),
		TEST(a_search_suffix_is_of_the_namespace_of_the_pod_that_asked),
		TEST(a_name_of_the_pod_s_that_is_no_tag_is_passed_over_and_counted),
		TEST(what_is_throttled_is_the_address_and_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
