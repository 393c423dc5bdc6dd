/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/name_seen collector/name_text collector/line collector/strbuf */
#include "name_seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_becomes_in(
	const char *namespace, const char *raw, enum scope scope, const char *want)
{
	char text[ADDR_HOST_LEN];

	assert_true(name_seen_clean(raw, scope, namespace, text));
	if (strcmp(text, want) != 0)
		fail_msg("'%s' in '%s', scope %d: '%s', not '%s'", raw, namespace, (int)scope, text,
			want);
}

static void assert_becomes(const char *raw, enum scope scope, const char *want)
{
	assert_becomes_in("", raw, scope, want);
}

static void a_name_without_a_cluster_s_suffix_stays(void **state)
{
	static const char *const names[] = {"api.stripe.com", "localhost", "svc",
		"svc.cluster.local", "a.svc.", "a.b.mysvc.cluster.local",
		"metadata.google.internal", "ns.svc.cluster.local"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char want[ADDR_HOST_LEN];

		snprintf(want, sizeof(want), "%s", names[i]);
		if (want[strlen(want) - 1] == '.') /* DNS's final dot */
			want[strlen(want) - 1] = '\0';
		assert_becomes(names[i], SCOPE_PRIVATE, want);
		assert_becomes(names[i], SCOPE_PUBLIC, want);
	}
}

static void a_service_is_its_name_and_namespace(void **state)
{
	(void)state;
	assert_becomes("Checkout.Payments.svc.cluster.local", SCOPE_PRIVATE, "checkout.payments");
	assert_becomes(
		"checkout.payments.svc.prod.example.com.", SCOPE_PRIVATE, "checkout.payments");
	assert_becomes(
		"checkout.payments.svc.clusterset.local", SCOPE_PRIVATE, "checkout.payments");
	/* ExternalName: an alias that leads outside. */
	assert_becomes("db.payments.svc.cluster.local", SCOPE_PUBLIC, "db.payments");
	assert_becomes("svc.svc.svc.cluster.local", SCOPE_PRIVATE, "svc.svc");
}

static void a_pod_of_a_headless_service_keeps_its_own_name(void **state)
{
	(void)state;
	assert_becomes("db-0.db.payments.svc.cluster.local", SCOPE_PRIVATE, "db-0.db.payments");
}

static void an_external_name_loses_the_whole_search_suffix(void **state)
{
	(void)state;
	assert_becomes("api.stripe.com.payments.svc.cluster.local", SCOPE_PUBLIC, "api.stripe.com");
	assert_becomes(
		"api.stripe.com.payments.svc.cluster.local", SCOPE_PRIVATE, "api.stripe.com");
	assert_becomes("stripe.com.payments.svc.cluster.local", SCOPE_PUBLIC, "stripe.com");
	/* the search list's second suffix */
	assert_becomes("stripe.com.svc.cluster.local", SCOPE_PUBLIC, "stripe.com");
}

/* What a pod of shop is answered with CoreDNS' autopath, which follows the search list itself. */
static void what_was_asked_for_with_a_search_suffix_is_reduced_in_turn(void **state)
{
	static const char *const cases[][2] = {
		{"checkout.payments.svc.cluster.local.shop.svc.cluster.local", "checkout.payments"},
		{"checkout.payments.svc.shop.svc.cluster.local", "checkout.payments"},
		{"checkout.payments.svc.cluster.local.svc.cluster.local", "checkout.payments"},
		{"db-0.db.payments.svc.cluster.local.shop.svc.cluster.local", "db-0.db.payments"},
		{"db-0.db.payments.svc.shop.svc.cluster.local", "db-0.db.payments"},
		{"db-0.db.payments.shop.svc.cluster.local", "db-0.db.payments"},
		{"db-0.db.shop.svc.cluster.local.shop.svc.cluster.local", "db-0.db.shop"},
		{"checkout.shop.svc.cluster.local", "checkout.shop"},
		{"payments.svc.cluster.local.shop.svc.cluster.local", "payments.svc.cluster.local"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_becomes_in("shop", cases[i][0], SCOPE_PRIVATE, cases[i][1]);
		assert_becomes_in("shop", cases[i][0], SCOPE_PUBLIC, cases[i][1]);
	}
	assert_becomes("checkout.payments.svc.cluster.local.shop.svc.cluster.local", SCOPE_PRIVATE,
		"checkout.payments");
	assert_becomes_in(
		"shop", "a.b.svc.prod.example.com.shop.svc.prod.example.com", SCOPE_PRIVATE, "a.b");
	assert_becomes_in("shop", "a.b.svc.example.com.shop.svc.cluster.local", SCOPE_PUBLIC,
		"a.b.svc.example.com");
}

/* Only the pod's own namespace is in its search list. */
static void a_suffix_with_another_namespace_is_part_of_the_name(void **state)
{
	(void)state;
	assert_becomes_in("shop", "stripe.com.shop.svc.cluster.local", SCOPE_PUBLIC, "stripe.com");
	assert_becomes_in(
		"shop", "api.stripe.com.svc.cluster.local", SCOPE_PUBLIC, "api.stripe.com");
	assert_becomes_in(
		"shop", "v1.api.stripe.com.svc.cluster.local", SCOPE_PRIVATE, "v1.api.stripe.com");
	assert_becomes_in(
		"shop", "db-0.db.payments.svc.cluster.local", SCOPE_PUBLIC, "db-0.db.payments");
	assert_becomes_in("shop", "db-0.east.db.payments.svc.clusterset.local", SCOPE_PRIVATE,
		"db-0.east.db.payments");
	assert_becomes_in("payments", "db-0.east.db.payments.svc.clusterset.local", SCOPE_PRIVATE,
		"db-0.east.db.payments");
}

static void what_cannot_be_told_from_a_pod_and_the_last_search_suffix_stay(void **state)
{
	(void)state;
	assert_becomes_in("shop", "checkout.payments.shop.svc.cluster.local", SCOPE_PRIVATE,
		"checkout.payments.shop");
	assert_becomes_in("shop", "api.stripe.com.cluster.local", SCOPE_PUBLIC,
		"api.stripe.com.cluster.local");
}

static void the_outside_may_have_a_label_svc(void **state)
{
	(void)state;
	assert_becomes("a.b.svc.example.com", SCOPE_PUBLIC, "a.b.svc.example.com");
}

static void what_is_left_is_no_address_and_no_remainder(void **state)
{
	char text[ADDR_HOST_LEN];

	(void)state;
	assert_false(
		name_seen_clean("192.0.2.1.payments.svc.cluster.local", SCOPE_PUBLIC, "", text));
	assert_false(name_seen_clean("~other.payments.svc.cluster.local", SCOPE_PUBLIC, "", text));
	assert_false(name_seen_clean("192.0.2.1", SCOPE_PUBLIC, "", text));
	assert_false(name_seen_clean("", SCOPE_PUBLIC, "", text));
}

/* Whatever a name is made of, what comes out is shorter or equal, and a tag's value. */
static void random_names_are_survived(void **state)
{
	static const char *const parts[] = {
		"svc", "cluster", "local", ".", "..", "a", "\n", "~", "192.0.2.1", ".svc.", "="};
	uint32_t x = 3;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char raw[128] = "", text[ADDR_HOST_LEN];

		for (size_t j = 0, len = 0; j < 8; j++) {
			const char *part;

			x = x * 1664525 + 1013904223;
			part = parts[(x >> 16) % 11];
			memcpy(raw + len, part, strlen(part) + 1);
			len += strlen(part);
		}
		if (!name_seen_clean(raw, x >> 31 ? SCOPE_PUBLIC : SCOPE_PRIVATE,
			    x >> 30 & 1 ? "a" : "", text))
			continue;
		assert_in_range(strlen(text), 1, strlen(raw));
		assert_null(strpbrk(text, "\n= "));
		assert_int_not_equal(text[0], '~');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_without_a_cluster_s_suffix_stays),
		cmocka_unit_test(a_service_is_its_name_and_namespace),
		cmocka_unit_test(a_pod_of_a_headless_service_keeps_its_own_name),
		cmocka_unit_test(an_external_name_loses_the_whole_search_suffix),
		cmocka_unit_test(what_was_asked_for_with_a_search_suffix_is_reduced_in_turn),
		cmocka_unit_test(a_suffix_with_another_namespace_is_part_of_the_name),
		cmocka_unit_test(what_cannot_be_told_from_a_pod_and_the_last_search_suffix_stay),
		cmocka_unit_test(the_outside_may_have_a_label_svc),
		cmocka_unit_test(what_is_left_is_no_address_and_no_remainder),
		cmocka_unit_test(random_names_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
