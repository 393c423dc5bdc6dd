/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/intern */
#include "intern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXTS 1000

static int set_up(void **state)
{
	*state = intern_new(16, 1);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	intern_free(*state);
	return 0;
}

static void equal_texts_are_one_pointer_until_the_last_is_given_back(void **state)
{
	char copy[] = "shop";
	const char *a = intern_get(*state, "shop", 253);
	const char *b = intern_get(*state, copy, 253);

	assert_string_equal(a, "shop");
	assert_ptr_equal(a, b);
	assert_int_equal(intern_count(*state), 1);
	intern_put(*state, a);
	assert_int_equal(intern_count(*state), 1);
	assert_string_equal(b, "shop");
	intern_put(*state, b);
	assert_int_equal(intern_count(*state), 0);
	intern_put(*state, NULL);
}

static void a_text_is_cut_at_its_maximum(void **state)
{
	const char *cut = intern_get(*state, "payments", 3);

	assert_string_equal(cut, "pay");
	assert_ptr_equal(cut, intern_get(*state, "pay", 253));
	assert_string_equal(intern_get(*state, "", 253), "");
}

static void many_texts_share_few_buckets(void **state)
{
	const char *texts[TEXTS];
	char text[20];

	for (int i = 0; i < TEXTS; i++) {
		snprintf(text, sizeof(text), "pod-%d", i);
		texts[i] = intern_get(*state, text, 253);
	}
	assert_int_equal(intern_count(*state), TEXTS);
	for (int i = 0; i < TEXTS; i += 2)
		intern_put(*state, texts[i]);
	for (int i = 1; i < TEXTS; i += 2) {
		snprintf(text, sizeof(text), "pod-%d", i);
		assert_ptr_equal(intern_get(*state, text, 253), texts[i]);
	}
	assert_int_equal(intern_count(*state), TEXTS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(equal_texts_are_one_pointer_until_the_last_is_given_back),
		TEST(a_text_is_cut_at_its_maximum),
		TEST(many_texts_share_few_buckets),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
