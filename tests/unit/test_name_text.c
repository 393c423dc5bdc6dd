/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/name_text collector/line collector/strbuf */
#include "name_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char text[ADDR_HOST_LEN];

static void a_name_is_in_lower_case_without_the_final_dot(void **state)
{
	(void)state;
	assert_true(name_text_clean("API.Example.COM.", text));
	assert_string_equal(text, "api.example.com");
}

static void characters_that_a_tag_does_not_take_become_underscores(void **state)
{
	(void)state;
	assert_true(name_text_clean("a\nb,c d=e\"f\\", text));
	assert_string_equal(text, "a_b_c_d_e_f_");
}

static void a_name_that_is_too_long_is_cut(void **state)
{
	char raw[600];

	(void)state;
	memset(raw, 'x', sizeof(raw) - 1);
	raw[sizeof(raw) - 1] = '\0';
	assert_true(name_text_clean(raw, text));
	assert_int_equal(strlen(text), 253);
}

static void what_says_nothing_or_lies_is_no_name(void **state)
{
	static const char *const raws[] = {"", ".", " ,=", "\xff\xfe", "~other", "~Other.",
		"2001:DB8::1", "192.0.2.1", "192.0.2.1."};

	(void)state;
	for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++)
		if (name_text_clean(raws[i], text))
			fail_msg("'%s' became '%s'", raws[i], text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_in_lower_case_without_the_final_dot),
		cmocka_unit_test(characters_that_a_tag_does_not_take_become_underscores),
		cmocka_unit_test(a_name_that_is_too_long_is_cut),
		cmocka_unit_test(what_says_nothing_or_lies_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
