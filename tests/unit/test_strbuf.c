/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/strbuf */
#include "strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void text_numbers_and_formats_are_appended_in_order(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 1000);
	strbuf_text(&buf, "a=");
	strbuf_u64(&buf, 0);
	strbuf_char(&buf, ',');
	strbuf_u64(&buf, UINT64_MAX);
	strbuf_printf(&buf, ",%s=%d", "b", -7);
	assert_string_equal(buf.data, "a=0,18446744073709551615,b=-7");
	assert_int_equal(buf.len, strlen(buf.data));
	assert_false(buf.failed);
	strbuf_done(&buf);
}

static void an_empty_append_makes_an_empty_string(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 10);
	assert_null(buf.data);
	strbuf_append(&buf, NULL, 0);
	assert_string_equal(buf.data, "");
	strbuf_done(&buf);
}

static void it_holds_exactly_its_maximum(void **state)
{
	struct strbuf buf;
	size_t i;

	(void)state;
	strbuf_init(&buf, 1000);
	for (i = 0; i < 1000; i++)
		strbuf_char(&buf, 'x');
	assert_false(buf.failed);
	assert_int_equal(buf.len, 1000);
	assert_int_equal(strlen(buf.data), 1000);
	assert_true(buf.cap <= 1001);
	strbuf_done(&buf);
}

static void what_goes_beyond_the_maximum_leaves_it_as_it_was(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 5);
	strbuf_text(&buf, "abc");
	strbuf_text(&buf, "def");
	assert_true(buf.failed);
	assert_string_equal(buf.data, "abc");
	strbuf_done(&buf);
}

static void a_format_beyond_the_maximum_leaves_it_as_it_was(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 5);
	strbuf_text(&buf, "abc");
	strbuf_printf(&buf, "%d", 1000);
	assert_true(buf.failed);
	assert_string_equal(buf.data, "abc");
	strbuf_done(&buf);
}

static void once_failed_nothing_follows_the_gap(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 5);
	strbuf_text(&buf, "abc");
	strbuf_text(&buf, "def");
	strbuf_char(&buf, 'g');
	assert_string_equal(buf.data, "abc");
	strbuf_done(&buf);
}

static void a_reset_buffer_is_empty_and_usable(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 5);
	strbuf_text(&buf, "abcdef");
	strbuf_reset(&buf);
	assert_false(buf.failed);
	strbuf_text(&buf, "abc");
	strbuf_reset(&buf);
	assert_string_equal(buf.data, "");
	strbuf_text(&buf, "xyz");
	assert_string_equal(buf.data, "xyz");
	strbuf_done(&buf);
}

static void a_cut_buffer_goes_on_where_it_was_cut(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 5);
	strbuf_text(&buf, "abcd");
	strbuf_text(&buf, "ef");
	strbuf_cut(&buf, 2);
	assert_false(buf.failed);
	strbuf_text(&buf, "xyz");
	assert_string_equal(buf.data, "abxyz");
	strbuf_done(&buf);
}

static void a_maximum_of_zero_takes_nothing(void **state)
{
	struct strbuf buf;

	(void)state;
	strbuf_init(&buf, 0);
	strbuf_char(&buf, 'a');
	assert_true(buf.failed);
	assert_int_equal(buf.len, 0);
	strbuf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_numbers_and_formats_are_appended_in_order),
		cmocka_unit_test(an_empty_append_makes_an_empty_string),
		cmocka_unit_test(it_holds_exactly_its_maximum),
		cmocka_unit_test(what_goes_beyond_the_maximum_leaves_it_as_it_was),
		cmocka_unit_test(a_format_beyond_the_maximum_leaves_it_as_it_was),
		cmocka_unit_test(once_failed_nothing_follows_the_gap),
		cmocka_unit_test(a_reset_buffer_is_empty_and_usable),
		cmocka_unit_test(a_cut_buffer_goes_on_where_it_was_cut),
		cmocka_unit_test(a_maximum_of_zero_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
