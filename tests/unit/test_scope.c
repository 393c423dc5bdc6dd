/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/scope */
#include "scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void each_range_has_the_scope_that_its_registry_says(void **state)
{
	static const struct {
		const char *addr;
		enum scope scope;
	} cases[] = {
		{"192.0.2.1", SCOPE_PUBLIC},
		{"172.32.0.1", SCOPE_PUBLIC},
		{"2001:db8::1", SCOPE_PUBLIC},
		{"10.0.0.1", SCOPE_PRIVATE},
		{"172.31.0.1", SCOPE_PRIVATE},
		{"192.168.1.1", SCOPE_PRIVATE},
		{"100.64.0.1", SCOPE_PRIVATE},
		{"fd00::1", SCOPE_PRIVATE},
		{"127.0.0.1", SCOPE_SPECIAL},
		{"169.254.1.1", SCOPE_SPECIAL},
		{"224.0.0.251", SCOPE_SPECIAL},
		{"255.255.255.255", SCOPE_SPECIAL},
		{"0.0.0.0", SCOPE_SPECIAL},
		{"::", SCOPE_SPECIAL},
		{"::1", SCOPE_SPECIAL},
		{"fe80::1", SCOPE_SPECIAL},
		{"ff02::1", SCOPE_SPECIAL},
		{"64:ff9b::10.0.0.1", SCOPE_PRIVATE},
		{"64:ff9b::192.0.2.1", SCOPE_PUBLIC},
		{"64:ff9b::127.0.0.1", SCOPE_SPECIAL},
		{"64:ff9b:0:0:0:1:a00:1", SCOPE_PUBLIC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr addr;

		assert_int_equal(addr_parse(cases[i].addr, &addr), 0);
		if (scope_of(&addr) != cases[i].scope)
			fail_msg("%s: scope %d", cases[i].addr, (int)scope_of(&addr));
	}
}

static void behind_nat64_is_the_ipv4_address_and_any_other_is_itself(void **state)
{
	static const char *const cases[][2] = {
		{"64:ff9b::10.0.0.1", "10.0.0.1"},
		{"64:ff9b::", "0.0.0.0"},
		{"64:ff9b::ffff:ffff", "255.255.255.255"},
		{"64:ff9b:1::10.0.0.1", "64:ff9b:1::a00:1"},
		{"64:ff9c::10.0.0.1", "64:ff9c::a00:1"},
		{"::10.0.0.1", "::10.0.0.1"},
		{"10.0.0.1", "10.0.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr addr, want, far;

		assert_int_equal(addr_parse(cases[i][0], &addr), 0);
		assert_int_equal(addr_parse(cases[i][1], &want), 0);
		far = scope_behind_nat64(&addr);
		assert_true(addr_equal(&far, &want));
	}
}

static void an_address_of_no_family_is_special(void **state)
{
	const struct addr none = {0};

	(void)state;
	assert_int_equal(scope_of(&none), SCOPE_SPECIAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_range_has_the_scope_that_its_registry_says),
		cmocka_unit_test(behind_nat64_is_the_ipv4_address_and_any_other_is_itself),
		cmocka_unit_test(an_address_of_no_family_is_special),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
