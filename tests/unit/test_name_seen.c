/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/name_seen collector/name_text collector/line collector/strbuf */
#include "name_seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_becomes(const char *raw, enum scope scope, const char *want)
{
	char text[ADDR_HOST_LEN];

	assert_true(name_seen_clean(raw, scope, text));
	assert_string_equal(text, want);
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

static void the_outside_may_have_a_label_svc(void **state)
{
	(void)state;
	assert_becomes("a.b.svc.example.com", SCOPE_PUBLIC, "a.b.svc.example.com");
}

static void what_is_left_is_no_address_and_no_remainder(void **state)
{
	char text[ADDR_HOST_LEN];

	(void)state;
	assert_false(name_seen_clean("192.0.2.1.payments.svc.cluster.local", SCOPE_PUBLIC, text));
	assert_false(name_seen_clean("~other.payments.svc.cluster.local", SCOPE_PUBLIC, text));
	assert_false(name_seen_clean("192.0.2.1", SCOPE_PUBLIC, text));
	assert_false(name_seen_clean("", SCOPE_PUBLIC, text));
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
		if (!name_seen_clean(raw, x >> 31 ? SCOPE_PUBLIC : SCOPE_PRIVATE, text))
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
		cmocka_unit_test(the_outside_may_have_a_label_svc),
		cmocka_unit_test(what_is_left_is_no_address_and_no_remainder),
		cmocka_unit_test(random_names_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
