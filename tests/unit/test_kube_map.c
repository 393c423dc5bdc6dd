/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/kube_map collector/kube_slots collector/kube_claims collector/intern */
#include "kube_map.h"

#include "kube_claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS_MAX 64
#define NOW         INT64_C(1795708800000)
#define MINUTE      INT64_C(60000)

static int set_up(void **state)
{
	*state = kube_map_new(OBJECTS_MAX, 7);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	kube_map_free(*state);
	return 0;
}

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

static struct kube_object object_of(
	enum kube_kind kind, const char *uid, const char *name, const char *addr, int64_t start_ms)
{
	struct kube_object o = {.kind = kind,
		.uid = uid,
		.version = "1",
		.name = name,
		.namespace = kind == KUBE_NODE ? "" : "shop",
		.workload = kind == KUBE_POD ? "work" : "",
		.node = kind == KUBE_POD ? "node-1" : "",
		.zone = kind == KUBE_NODE ? "zone-a" : "",
		.start_ms = start_ms};

	if (addr)
		o.addrs[o.n_addrs++] = addr_of(addr);
	return o;
}

static struct kube_object pod_of(const char *uid, const char *addr, int64_t start_ms)
{
	return object_of(KUBE_POD, uid, uid, addr, start_ms);
}

static void put(struct kube_map *map, struct kube_object o, int64_t now_ms)
{
	assert_int_equal(kube_map_put(map, &o, now_ms), KUBE_MAP_KEPT);
}

static void put_over(struct kube_map *map, struct kube_object o, int64_t finish_ms, int64_t now_ms)
{
	o.is_over = true;
	o.finish_ms = finish_ms;
	put(map, o, now_ms);
}

/* NULL: nobody's. */
static const char *whose(struct kube_map *map, const char *addr_text, int64_t at_ms)
{
	struct addr addr = addr_of(addr_text);
	struct kube_owner owner;

	return kube_map_address(map, &addr, at_ms, &owner) ? owner.name : NULL;
}

static void is_whose(struct kube_map *map, const char *addr, int64_t at_ms, const char *name)
{
	const char *got = whose(map, addr, at_ms);

	if (!name)
		assert_null(got);
	else
		assert_string_equal(got ? got : "nobody's", name);
}

static void an_owner_is_told_whole(void **state)
{
	struct addr addr = addr_of("10.0.0.1");
	struct kube_owner o;

	put(*state, pod_of("a", "10.0.0.1", NOW), NOW);
	put(*state, object_of(KUBE_SERVICE, "s", "api", "10.96.0.1", NOW), NOW);
	assert_true(kube_map_address(*state, &addr, NOW, &o));
	assert_int_equal(o.kind, KUBE_POD);
	assert_string_equal(o.name, "a");
	assert_string_equal(o.namespace, "shop");
	assert_string_equal(o.workload, "work");
	assert_string_equal(o.node, "node-1");
	assert_null(o.zone);
	put(*state, object_of(KUBE_NODE, "n", "node-1", "192.0.2.1", NOW), NOW);
	assert_true(kube_map_address(*state, &addr, NOW, &o));
	assert_string_equal(o.zone, "zone-a");
	addr = addr_of("192.0.2.1");
	assert_true(kube_map_address(*state, &addr, NOW, &o));
	assert_int_equal(o.kind, KUBE_NODE);
	assert_string_equal(o.name, "node-1");
	assert_null(o.namespace);
	assert_string_equal(o.zone, "zone-a");
	addr = addr_of("10.96.0.1");
	assert_true(kube_map_address(*state, &addr, NOW, &o));
	assert_int_equal(o.kind, KUBE_SERVICE);
	assert_null(o.workload);
	is_whose(*state, "10.0.0.2", NOW, NULL);
}

static void a_pod_owns_its_address_from_its_start_until_it_is_deleted(void **state)
{
	struct kube_object o = pod_of("a", "10.0.0.1", NOW);

	put(*state, o, NOW + 2000);
	is_whose(*state, "10.0.0.1", NOW - MINUTE, NULL);
	is_whose(*state, "10.0.0.1", NOW, "a");
	kube_map_delete(*state, &o, NOW + MINUTE);
	is_whose(*state, "10.0.0.1", NOW + MINUTE - 1, "a");
	is_whose(*state, "10.0.0.1", NOW + MINUTE + KUBE_AFTER_MS, NULL);
	assert_int_equal(kube_map_count(*state, KUBE_POD), 0);
	assert_int_equal(kube_map_count_past(*state), 1);
}

/* Clocks differ, and an interval is asked for by its end. */
static void what_nobody_else_owned_is_of_whom_it_was_around_then(void **state)
{
	struct kube_object o = pod_of("a", "10.0.0.1", NOW);

	put(*state, o, NOW);
	kube_map_delete(*state, &o, NOW + MINUTE);
	is_whose(*state, "10.0.0.1", NOW - KUBE_BEFORE_MS, "a");
	is_whose(*state, "10.0.0.1", NOW - KUBE_BEFORE_MS - 1, NULL);
	is_whose(*state, "10.0.0.1", NOW + MINUTE + KUBE_AFTER_MS - 1, "a");
	put(*state, pod_of("b", "10.0.0.1", NOW + MINUTE + 20000), NOW + MINUTE + 20000);
	is_whose(*state, "10.0.0.1", NOW + MINUTE + 10000, "a");
	is_whose(*state, "10.0.0.1", NOW + MINUTE + 20000 - 1000, "b");
	is_whose(*state, "10.0.0.1", NOW + MINUTE + 20000, "b");
}

static void a_reused_address_is_the_new_pods_from_its_start_on(void **state)
{
	struct kube_object a = pod_of("a", "10.0.0.1", NOW);

	put(*state, a, NOW);
	put(*state, pod_of("b", "10.0.0.1", NOW + MINUTE), NOW + MINUTE + 500);
	is_whose(*state, "10.0.0.1", NOW + MINUTE - 1, "a");
	is_whose(*state, "10.0.0.1", NOW + MINUTE, "b");
	/* the old one's end is told late: that changes nothing */
	kube_map_delete(*state, &a, NOW + 3 * MINUTE);
	is_whose(*state, "10.0.0.1", NOW + MINUTE - 1, "a");
	is_whose(*state, "10.0.0.1", NOW + MINUTE, "b");
	is_whose(*state, "10.0.0.1", NOW + 10 * MINUTE, "b");
}

static void an_old_pod_that_is_told_of_after_the_new_one_does_not_take_its_address(void **state)
{
	struct kube_object a = pod_of("a", "10.0.0.1", NOW);

	put(*state, pod_of("b", "10.0.0.1", NOW + MINUTE), NOW + MINUTE);
	put(*state, a, NOW + 2 * MINUTE);
	is_whose(*state, "10.0.0.1", NOW + 2 * MINUTE, "b");
	kube_map_delete(*state, &a, NOW + 2 * MINUTE);
	is_whose(*state, "10.0.0.1", NOW + 2 * MINUTE, "b");
}

static void a_completed_pod_releases_its_address_when_it_finished(void **state)
{
	struct kube_object job = pod_of("job", "10.0.0.1", NOW - 60 * MINUTE);

	put_over(*state, job, NOW - 10 * MINUTE, NOW);
	put(*state, pod_of("new", "10.0.0.1", NOW - 5 * MINUTE), NOW);
	is_whose(*state, "10.0.0.1", NOW - 20 * MINUTE, "job");
	is_whose(*state, "10.0.0.1", NOW - 7 * MINUTE, NULL);
	is_whose(*state, "10.0.0.1", NOW, "new");
	assert_int_equal(kube_map_count(*state, KUBE_POD), 1);
	/* told again, as each list does, it stays over */
	put_over(*state, job, NOW - 10 * MINUTE, NOW + MINUTE);
	is_whose(*state, "10.0.0.1", NOW + MINUTE, "new");
	assert_int_equal(kube_map_count_past(*state), 1);
}

static void a_pod_that_fails_without_a_time_is_over_when_that_is_seen(void **state)
{
	put(*state, pod_of("a", "10.0.0.1", NOW), NOW);
	put_over(*state, pod_of("a", "10.0.0.1", NOW), 0, NOW + 5 * MINUTE);
	is_whose(*state, "10.0.0.1", NOW + 5 * MINUTE - 1, "a");
	is_whose(*state, "10.0.0.1", NOW + 7 * MINUTE, NULL);
}

static void what_was_over_long_before_it_was_seen_is_not_kept(void **state)
{
	struct kube_object o = pod_of("a", "10.0.0.1", NOW - 10 * KUBE_MAP_HISTORY_MS);

	o.is_over = true;
	assert_int_equal(kube_map_put(*state, &o, NOW), KUBE_MAP_PAST);
	o.finish_ms = NOW - KUBE_MAP_HISTORY_MS - 1;
	assert_int_equal(kube_map_put(*state, &o, NOW), KUBE_MAP_PAST);
	assert_int_equal(kube_map_count(*state, KUBE_POD) + kube_map_count_past(*state), 0);
	o.finish_ms = NOW - KUBE_MAP_HISTORY_MS;
	assert_int_equal(kube_map_put(*state, &o, NOW), KUBE_MAP_KEPT);
}

static void what_is_deleted_is_not_believed_again(void **state)
{
	struct kube_object o = pod_of("a", "10.0.0.1", NOW);

	put(*state, o, NOW);
	kube_map_delete(*state, &o, NOW + MINUTE);
	assert_int_equal(kube_map_put(*state, &o, NOW + 2 * MINUTE), KUBE_MAP_PAST);
	is_whose(*state, "10.0.0.1", NOW + 10 * MINUTE, NULL);
}

static void history_ends_after_its_time(void **state)
{
	struct kube_object o = pod_of("a", "10.0.0.1", NOW);

	put(*state, o, NOW);
	kube_map_delete(*state, &o, NOW + MINUTE);
	kube_map_expire(*state, NOW + MINUTE + KUBE_MAP_HISTORY_MS);
	is_whose(*state, "10.0.0.1", NOW, "a");
	kube_map_expire(*state, NOW + MINUTE + KUBE_MAP_HISTORY_MS + 1);
	is_whose(*state, "10.0.0.1", NOW, NULL);
	assert_int_equal(kube_map_count_past(*state), 0);
}

static void a_list_read_again_never_empties_the_map(void **state)
{
	put(*state, pod_of("a", "10.0.0.1", NOW), NOW);
	put(*state, pod_of("b", "10.0.0.2", NOW), NOW);
	put(*state, object_of(KUBE_SERVICE, "s", "api", "10.96.0.1", NOW), NOW);
	kube_map_list_begin(*state, KUBE_POD);
	is_whose(*state, "10.0.0.1", NOW + MINUTE, "a");
	put(*state, pod_of("a", "10.0.0.1", NOW), NOW + MINUTE);
	is_whose(*state, "10.0.0.2", NOW + MINUTE, "b");
	/* it broke off, and is begun anew */
	kube_map_list_begin(*state, KUBE_POD);
	is_whose(*state, "10.0.0.1", NOW + MINUTE, "a");
	put(*state, pod_of("a", "10.0.0.1", NOW), NOW + MINUTE);
	assert_int_equal(kube_map_list_end(*state, KUBE_POD, NOW + 2 * MINUTE), 1);
	is_whose(*state, "10.0.0.1", NOW + 5 * MINUTE, "a");
	is_whose(*state, "10.0.0.2", NOW + 2 * MINUTE - 1, "b");
	is_whose(*state, "10.0.0.2", NOW + 2 * MINUTE + KUBE_AFTER_MS, NULL);
	is_whose(*state, "10.96.0.1", NOW + 5 * MINUTE, "api");
	assert_int_equal(kube_map_count(*state, KUBE_POD), 1);
}

static void what_a_list_lost_and_finds_again_lives(void **state)
{
	put(*state, pod_of("a", "10.0.0.1", NOW), NOW);
	kube_map_list_begin(*state, KUBE_POD);
	assert_int_equal(kube_map_list_end(*state, KUBE_POD, NOW + MINUTE), 1);
	is_whose(*state, "10.0.0.1", NOW + 5 * MINUTE, NULL);
	put(*state, pod_of("a", "10.0.0.1", NOW), NOW + 2 * MINUTE);
	is_whose(*state, "10.0.0.1", NOW + 5 * MINUTE, "a");
	assert_int_equal(kube_map_count(*state, KUBE_POD), 1);
	assert_int_equal(kube_map_count_past(*state), 0);
}

static void what_went_unseen_went_when_its_deletion_was_to_be_done(void **state)
{
	struct kube_object o = pod_of("a", "10.0.0.1", NOW);

	o.delete_ms = NOW + MINUTE;
	put(*state, o, NOW);
	kube_map_list_begin(*state, KUBE_POD);
	assert_int_equal(kube_map_list_end(*state, KUBE_POD, NOW + 30 * MINUTE), 1);
	is_whose(*state, "10.0.0.1", NOW + MINUTE - 1, "a");
	is_whose(*state, "10.0.0.1", NOW + 10 * MINUTE, NULL);
}

/* AWS Fargate: the node is made for the pod. Pods on the host's network claim nothing. */
static void a_pod_comes_before_the_node_whose_address_it_has(void **state)
{
	put(*state, object_of(KUBE_NODE, "n", "node-1", "192.0.2.1", NOW), NOW);
	put(*state, pod_of("a", "192.0.2.1", NOW + MINUTE), NOW + MINUTE);
	is_whose(*state, "192.0.2.1", NOW + MINUTE - 6000, "node-1");
	is_whose(*state, "192.0.2.1", NOW + 2 * MINUTE, "a");
}

/* Whose claim began last has an address else. */
static void a_node_that_is_registered_anew_does_not_take_its_pods_address(void **state)
{
	struct kube_object node = object_of(KUBE_NODE, "n1", "node-1", "192.0.2.1", NOW - MINUTE);

	put(*state, node, NOW - MINUTE);
	put(*state, pod_of("a", "192.0.2.1", NOW), NOW);
	kube_map_delete(*state, &node, NOW + MINUTE);
	put(*state, object_of(KUBE_NODE, "n2", "node-1", "192.0.2.1", NOW + 2 * MINUTE),
		NOW + 2 * MINUTE);
	is_whose(*state, "192.0.2.1", NOW + 3 * MINUTE, "a");
}

static void who_waits_for_an_address_does_not_wait_for_a_node_to_leave_it(void **state)
{
	put(*state, object_of(KUBE_NODE, "n", "node-1", "192.0.2.1", NOW - MINUTE), NOW - MINUTE);
	put(*state, pod_of("a", NULL, NOW), NOW);
	put(*state, pod_of("a", "192.0.2.1", NOW), NOW + MINUTE);
	is_whose(*state, "192.0.2.1", NOW + 5000, "a");
}

static void an_address_that_comes_late_is_owned_from_the_start_and_another_from_then(void **state)
{
	struct kube_object o = pod_of("a", NULL, NOW);

	put(*state, o, NOW);
	is_whose(*state, "10.0.0.1", NOW, NULL);
	put(*state, pod_of("a", "10.0.0.1", NOW), NOW + MINUTE);
	is_whose(*state, "10.0.0.1", NOW, "a");
	/* the status loses it for a while */
	put(*state, o, NOW + 2 * MINUTE);
	is_whose(*state, "10.0.0.1", NOW + 9 * MINUTE, "a");
	/* its sandbox is set up anew */
	put(*state, pod_of("a", "10.0.0.2", NOW), NOW + 10 * MINUTE);
	is_whose(*state, "10.0.0.1", NOW + 10 * MINUTE - 1, "a");
	is_whose(*state, "10.0.0.1", NOW + 12 * MINUTE, NULL);
	is_whose(*state, "10.0.0.2", NOW + 9 * MINUTE, NULL);
	is_whose(*state, "10.0.0.2", NOW + 10 * MINUTE, "a");
}

/* Addresses are scarce: b, known without one, gets a's once a is gone. */
static void who_waits_for_an_address_does_not_own_it_while_another_has_it(void **state)
{
	struct kube_object a = pod_of("a", "10.0.0.1", NOW - 60 * MINUTE);

	put(*state, a, NOW - 60 * MINUTE);
	put(*state, pod_of("b", NULL, NOW), NOW);
	kube_map_delete(*state, &a, NOW + MINUTE);
	put(*state, pod_of("b", "10.0.0.1", NOW), NOW + MINUTE + 1000);
	is_whose(*state, "10.0.0.1", NOW + 5000, "a");
	is_whose(*state, "10.0.0.1", NOW + MINUTE - 1, "a");
	is_whose(*state, "10.0.0.1", NOW + MINUTE, "b");
}

static void a_service_that_has_no_address_any_more_gave_it_up(void **state)
{
	put(*state, object_of(KUBE_SERVICE, "s", "api", "10.96.0.1", NOW), NOW);
	put(*state, object_of(KUBE_SERVICE, "s", "api", NULL, NOW), NOW + MINUTE);
	is_whose(*state, "10.96.0.1", NOW + MINUTE - 1, "api");
	is_whose(*state, "10.96.0.1", NOW + 3 * MINUTE, NULL);
}

/* As a list may have them: the oldest comes last. */
static void the_owners_that_an_address_remembers_are_the_last_ones(void **state)
{
	char uid[20];

	for (int i = 0; i <= KUBE_CLAIMS_PER_ADDR; i++) {
		int64_t finish_ms = NOW - i * 4 * MINUTE;

		snprintf(uid, sizeof(uid), "p%d", i);
		put_over(*state, pod_of(uid, "10.0.0.1", finish_ms - MINUTE), finish_ms, NOW);
	}
	for (int i = 0; i < KUBE_CLAIMS_PER_ADDR; i++) {
		snprintf(uid, sizeof(uid), "p%d", i);
		is_whose(*state, "10.0.0.1", NOW - i * 4 * MINUTE - 1, uid);
	}
	is_whose(*state, "10.0.0.1", NOW - KUBE_CLAIMS_PER_ADDR * 4 * MINUTE - 1, NULL);
}

static void texts_change_with_their_object(void **state)
{
	struct kube_object node = object_of(KUBE_NODE, "n", "node-1", "192.0.2.1", NOW);
	struct addr addr = node.addrs[0];
	struct kube_owner owner;

	put(*state, node, NOW);
	node.zone = "zone-b";
	put(*state, node, NOW);
	assert_true(kube_map_address(*state, &addr, NOW, &owner));
	assert_string_equal(owner.zone, "zone-b");
	node.zone = "";
	put(*state, node, NOW);
	assert_true(kube_map_address(*state, &addr, NOW, &owner));
	assert_null(owner.zone);
}

static void a_pod_is_found_by_its_name_at_the_time(void **state)
{
	struct kube_object a = object_of(KUBE_POD, "u1", "redis-0", "10.0.0.1", NOW);
	struct kube_object b = object_of(KUBE_POD, "u2", "redis-0", "10.0.0.2", NOW + MINUTE);
	struct kube_owner owner;

	put(*state, a, NOW);
	kube_map_delete(*state, &a, NOW + MINUTE);
	b.node = "node-2";
	put(*state, b, NOW + MINUTE);
	assert_true(kube_map_pod(*state, "shop", "redis-0", NOW + MINUTE - 1, &owner));
	assert_string_equal(owner.node, "node-1");
	assert_true(kube_map_pod(*state, "shop", "redis-0", NOW + MINUTE, &owner));
	assert_string_equal(owner.node, "node-2");
	assert_true(kube_map_pod(*state, "", "redis-0", NOW + MINUTE, &owner));
	assert_false(kube_map_pod(*state, "other", "redis-0", NOW + MINUTE, &owner));
	assert_false(kube_map_pod(*state, "shop", "redis-1", NOW + MINUTE, &owner));
	/* in two namespaces: which one is meant, nobody knows */
	b = object_of(KUBE_POD, "u3", "redis-0", "10.0.0.3", NOW);
	b.namespace = "other";
	put(*state, b, NOW + MINUTE);
	assert_false(kube_map_pod(*state, "", "redis-0", NOW + MINUTE, &owner));
	assert_true(kube_map_pod(*state, "other", "redis-0", NOW + MINUTE, &owner));
	/* a node of the same name is no pod */
	put(*state, object_of(KUBE_NODE, "n", "node-1", NULL, NOW), NOW);
	assert_false(kube_map_pod(*state, "", "node-1", NOW, &owner));
}

static void a_full_map_forgets_what_is_over_and_takes_no_more(void **state)
{
	struct kube_object first = pod_of("p0", "10.0.0.0", NOW);
	struct kube_object o;
	char uid[20], addr[20];

	for (int i = 0; i < OBJECTS_MAX; i++) {
		snprintf(uid, sizeof(uid), "p%d", i);
		snprintf(addr, sizeof(addr), "10.0.0.%d", i);
		put(*state, pod_of(uid, addr, NOW), NOW);
	}
	o = pod_of("more", "10.0.1.1", NOW);
	assert_int_equal(kube_map_put(*state, &o, NOW), KUBE_MAP_FULL);
	is_whose(*state, "10.0.1.1", NOW, NULL);
	kube_map_delete(*state, &first, NOW + MINUTE);
	is_whose(*state, "10.0.0.0", NOW, "p0");
	put(*state, o, NOW + MINUTE);
	is_whose(*state, "10.0.0.0", NOW, NULL);
	is_whose(*state, "10.0.1.1", NOW, "more");
	assert_int_equal(kube_map_count(*state, KUBE_POD), OBJECTS_MAX);
}

static void an_address_remembers_so_many_owners_and_no_more(void **state)
{
	struct kube_object o;
	char uid[20];

	for (int i = 0; i <= KUBE_CLAIMS_PER_ADDR; i++) {
		snprintf(uid, sizeof(uid), "p%d", i);
		o = pod_of(uid, "10.0.0.1", NOW + i * 2 * MINUTE);
		put(*state, o, NOW + i * 2 * MINUTE);
		kube_map_delete(*state, &o, NOW + (i * 2 + 1) * MINUTE);
	}
	is_whose(*state, "10.0.0.1", NOW, NULL);
	is_whose(*state, "10.0.0.1", NOW + 2 * MINUTE, "p1");
	is_whose(*state, "10.0.0.1", NOW + KUBE_CLAIMS_PER_ADDR * 2 * MINUTE, "p8");
	/* and while none of them is over, the next is not taken */
	for (int i = 0; i <= KUBE_CLAIMS_PER_ADDR; i++) {
		snprintf(uid, sizeof(uid), "q%d", i);
		o = pod_of(uid, "10.0.0.2", NOW);
		assert_int_equal(kube_map_put(*state, &o, NOW),
			i < KUBE_CLAIMS_PER_ADDR ? KUBE_MAP_KEPT : KUBE_MAP_FULL);
	}
}

struct told {
	char uid[16];
	int addr;
	int64_t from_ms;
	int64_t until_ms; /* 0: lives */
};

/* Pods come and go on few addresses, as a cluster does it: one at a time on each. */
static void whoever_comes_and_goes_each_moment_has_its_owner(void **state)
{
	enum {
		N_ADDRS = 4,
		N_TOLD = 60
	};
	struct told told[N_TOLD];
	int of_addr[N_ADDRS] = {-1, -1, -1, -1};
	uint64_t random = 3;
	int64_t now_ms = NOW;
	char addr[20];

	for (int i = 0; i < N_TOLD; i++) {
		struct told *t = &told[i];
		struct told *before;
		struct kube_object o;

		random = random * 6364136223846793005u + 1442695040888963407u;
		t->addr = (int)(random >> 33) % N_ADDRS;
		snprintf(addr, sizeof(addr), "10.0.0.%d", t->addr);
		before = of_addr[t->addr] < 0 ? NULL : &told[of_addr[t->addr]];
		now_ms += 1000;
		if (before) {
			o = pod_of(before->uid, addr, before->from_ms);
			before->until_ms = now_ms;
			kube_map_delete(*state, &o, now_ms);
		}
		now_ms += 1000;
		snprintf(t->uid, sizeof(t->uid), "u%d", i);
		t->from_ms = now_ms;
		t->until_ms = 0;
		put(*state, pod_of(t->uid, addr, now_ms), now_ms);
		of_addr[t->addr] = i;
		for (int j = i > 6 ? i - 6 : 0; j <= i; j++) {
			snprintf(addr, sizeof(addr), "10.0.0.%d", told[j].addr);
			is_whose(*state, addr, told[j].from_ms, told[j].uid);
			is_whose(*state, addr, told[j].until_ms ? told[j].until_ms - 1 : now_ms,
				told[j].uid);
		}
	}
	assert_int_equal(kube_map_count(*state, KUBE_POD), N_ADDRS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(an_owner_is_told_whole),
		TEST(a_pod_owns_its_address_from_its_start_until_it_is_deleted),
		TEST(what_nobody_else_owned_is_of_whom_it_was_around_then),
		TEST(a_reused_address_is_the_new_pods_from_its_start_on),
		TEST(an_old_pod_that_is_told_of_after_the_new_one_does_not_take_its_address),
		TEST(a_completed_pod_releases_its_address_when_it_finished),
		TEST(a_pod_that_fails_without_a_time_is_over_when_that_is_seen),
		TEST(what_was_over_long_before_it_was_seen_is_not_kept),
		TEST(what_is_deleted_is_not_believed_again),
		TEST(history_ends_after_its_time),
		TEST(a_list_read_again_never_empties_the_map),
		TEST(what_a_list_lost_and_finds_again_lives),
		TEST(what_went_unseen_went_when_its_deletion_was_to_be_done),
		TEST(a_pod_comes_before_the_node_whose_address_it_has),
		TEST(a_node_that_is_registered_anew_does_not_take_its_pods_address),
		TEST(who_waits_for_an_address_does_not_wait_for_a_node_to_leave_it),
		TEST(an_address_that_comes_late_is_owned_from_the_start_and_another_from_then),
		TEST(who_waits_for_an_address_does_not_own_it_while_another_has_it),
		TEST(a_service_that_has_no_address_any_more_gave_it_up),
		TEST(the_owners_that_an_address_remembers_are_the_last_ones),
		TEST(texts_change_with_their_object),
		TEST(a_pod_is_found_by_its_name_at_the_time),
		TEST(a_full_map_forgets_what_is_over_and_takes_no_more),
		TEST(an_address_remembers_so_many_owners_and_no_more),
		TEST(whoever_comes_and_goes_each_moment_has_its_owner),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
