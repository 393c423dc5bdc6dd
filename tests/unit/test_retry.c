/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/retry */
#include "retry.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum retry_act act_of(int status, const char *body, bool is_html, unsigned tries)
{
	const struct retry_answer answer = {.status = status, .body = body, .is_html = is_html};

	return retry_act_of(&answer, tries);
}

static enum retry_act plain(int status)
{
	return act_of(status, "", false, 1);
}

static void only_204_and_a_200_that_is_no_page_are_delivered(void **state)
{
	(void)state;
	for (int status = 0; status < 1000; status++)
		assert_int_equal(plain(status) == RETRY_DELIVERED, status == 200 || status == 204);
	assert_int_equal(act_of(200, "", true, 1), RETRY_KEEP);
	assert_int_equal(act_of(200, "\r\n <!DOCTYPE html>", false, 1), RETRY_KEEP);
}

static void only_400_413_and_422_are_refused_at_once(void **state)
{
	(void)state;
	for (int status = 0; status < 1000; status++)
		assert_int_equal(plain(status) == RETRY_REFUSED,
			status == 400 || status == 413 || status == 422);
}

static void refused_credentials_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(plain(401), RETRY_KEEP_AUTH);
	assert_int_equal(plain(403), RETRY_KEEP_AUTH);
}

static void a_missing_database_is_told_apart(void **state)
{
	(void)state;
	assert_int_equal(act_of(404, "{\"error\":\"database not found: \\\"x\\\"\"}", false, 9),
		RETRY_KEEP_MISSING);
}

static void what_may_pass_is_kept(void **state)
{
	static const int kept[] = {
		0, 100, 201, 202, 301, 302, 307, 405, 408, 409, 410, 429, 502, 503, 504};

	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_int_equal(act_of(kept[i], "any", false, 1000), RETRY_KEEP);
}

static void another_5xx_is_kept_behind_the_others(void **state)
{
	static const int behind[] = {500, 501, 505, 507, 520, 599};

	(void)state;
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
		assert_int_equal(act_of(behind[i], "any", false, 1000), RETRY_KEEP_BEHIND);
}

static void an_answer_that_drops_all_lines_leaves_nothing_to_find(void **state)
{
	static const char beyond[] =
		"{\"error\":\"partial write: points beyond retention policy dropped=12\"}";
	const struct retry_answer answer = {.status = 400, .body = beyond};
	const struct retry_answer parse = {
		.status = 400, .body = "partial write: unable to parse 'dropped=9': x dropped=0"};
	const struct retry_answer other = {.status = 400, .body = "dropped=12"};
	const struct retry_answer policy = {
		.status = 500, .body = "{\"error\":\"retention policy not found: rp\"}"};

	(void)state;
	assert_true(retry_is_all_refused(&answer, 12));
	assert_false(retry_is_all_refused(&answer, 13));
	assert_false(retry_is_all_refused(&parse, 1));
	assert_false(retry_is_all_refused(&other, 1));
	assert_true(retry_is_all_refused(&policy, UINT32_MAX));
}

static void only_1_x_says_that_a_database_is_missing(void **state)
{
	const struct retry_answer missing = {
		.status = 404, .body = "{\"error\":\"database not found: \\\"x\\\"\"}"};
	const struct retry_answer bucket = {
		.status = 404, .body = "{\"code\":\"not found\",\"message\":\"bucket\"}"};

	(void)state;
	assert_false(retry_is_perhaps_of_body(&missing));
	assert_true(retry_is_perhaps_of_body(&bucket));
	assert_true(retry_is_database_missing(&missing));
	assert_false(retry_is_database_missing(&bucket));
}

static void what_waits_behind_the_others_waits_30_seconds_at_most(void **state)
{
	(void)state;
	for (uint64_t random = 0; random < 200000; random += 999)
		assert_in_range(retry_delay_ms(RETRY_KEEP_BEHIND, 100, -1, random),
			RETRY_DELAY_MIN_MS, RETRY_DELAY_BEHIND_MAX_MS);
}

static void a_500_that_is_permanent_is_refused_after_three_tries(void **state)
{
	static const char *const bodies[] = {
		"{\"error\":\"retention policy not found: rp\"}",
		"{\"error\":\"partial write: field type conflict: input field\"}",
		"{\"error\":\"field type conflict\"}",
		"partial write",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_int_equal(act_of(500, bodies[i], false, 1), RETRY_KEEP);
		assert_int_equal(act_of(500, bodies[i], false, 2), RETRY_KEEP);
		assert_int_equal(act_of(500, bodies[i], false, 3), RETRY_REFUSED);
		assert_int_equal(act_of(503, bodies[i], false, 3), RETRY_KEEP);
	}
}

static void a_400_of_who_has_not_read_the_body_is_kept(void **state)
{
	(void)state;
	assert_int_equal(
		act_of(400, "<html>plain HTTP request to HTTPS port", true, 1), RETRY_KEEP);
	assert_int_equal(act_of(400, "Client sent an HTTP request to an HTTPS server.\n", false, 1),
		RETRY_KEEP);
	assert_int_equal(act_of(400, "{\"error\":\"database is required\"}", false, 9), RETRY_KEEP);
}

static void the_delay_is_within_bounds_that_double(void **state)
{
	static const int64_t caps[] = {500, 1000, 2000, 4000, 8000, 8000, 8000};

	(void)state;
	for (unsigned failures = 0; failures < sizeof(caps) / sizeof(caps[0]); failures++) {
		int64_t span = caps[failures] - RETRY_DELAY_MIN_MS;

		assert_int_equal(retry_delay_ms(RETRY_KEEP, failures, -1, 0), RETRY_DELAY_MIN_MS);
		assert_int_equal(
			retry_delay_ms(RETRY_KEEP, failures, -1, (uint64_t)span), caps[failures]);
		assert_int_equal(retry_delay_ms(RETRY_KEEP, failures, -1, (uint64_t)span + 1),
			RETRY_DELAY_MIN_MS);
	}
	assert_in_range(retry_delay_ms(RETRY_KEEP, 4000000000, -1, UINT64_MAX), RETRY_DELAY_MIN_MS,
		RETRY_DELAY_MAX_MS);
}

static void credentials_and_databases_are_tried_every_30_seconds(void **state)
{
	(void)state;
	assert_int_equal(retry_delay_ms(RETRY_KEEP_AUTH, 1, -1, 7), RETRY_DELAY_SLOW_MS);
	assert_int_equal(retry_delay_ms(RETRY_KEEP_MISSING, 100, -1, 7), RETRY_DELAY_SLOW_MS);
}

static void retry_after_counts_where_it_is_longer_and_sane(void **state)
{
	(void)state;
	assert_int_equal(retry_delay_ms(RETRY_KEEP, 1, 7, 0), 7000);
	assert_int_equal(retry_delay_ms(RETRY_KEEP, 1, 0, 0), 500);
	assert_int_equal(retry_delay_ms(RETRY_KEEP_AUTH, 1, 7, 0), RETRY_DELAY_SLOW_MS);
	assert_int_equal(retry_delay_ms(RETRY_KEEP, 1, INT64_MAX, 0), 600000);
	assert_int_equal(retry_delay_ms(RETRY_KEEP, 1, INT64_MIN / 1000, 0), 500);
}

static void retry_after_is_read_as_seconds(void **state)
{
	(void)state;
	assert_int_equal(retry_parse_after("0", 0), 0);
	assert_int_equal(retry_parse_after("120", 0), 120);
	assert_int_equal(retry_parse_after("99999999999999999999999999", 0), 600);
}

static void retry_after_is_read_as_a_date_in_its_three_forms(void **state)
{
	const int64_t now_s = 784111777 - 37; /* RFC 9110 5.6.7's example */

	(void)state;
	assert_int_equal(retry_parse_after("Sun, 06 Nov 1994 08:49:37 GMT", now_s), 37);
	assert_int_equal(retry_parse_after("Sunday, 06-Nov-94 08:49:37 GMT", now_s), 37);
	assert_int_equal(retry_parse_after("Sun Nov  6 08:49:37 1994", now_s), 37);
}

static void a_date_that_is_past_means_now(void **state)
{
	(void)state;
	assert_int_equal(retry_parse_after("Sun, 06 Nov 1994 08:49:37 GMT", 1700000000), 0);
}

static void what_is_neither_seconds_nor_a_date_is_ignored(void **state)
{
	static const char *const values[] = {"", "-1", "1.5", "soon", "12 s", " ", "0x10",
		"Sun, 06 Nov 1994 08:49:37 GMT and more", "Sun, 06 Nov"};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_int_equal(retry_parse_after(values[i], 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_204_and_a_200_that_is_no_page_are_delivered),
		cmocka_unit_test(only_400_413_and_422_are_refused_at_once),
		cmocka_unit_test(refused_credentials_are_told_apart),
		cmocka_unit_test(a_missing_database_is_told_apart),
		cmocka_unit_test(what_may_pass_is_kept),
		cmocka_unit_test(another_5xx_is_kept_behind_the_others),
		cmocka_unit_test(an_answer_that_drops_all_lines_leaves_nothing_to_find),
		cmocka_unit_test(only_1_x_says_that_a_database_is_missing),
		cmocka_unit_test(what_waits_behind_the_others_waits_30_seconds_at_most),
		cmocka_unit_test(a_500_that_is_permanent_is_refused_after_three_tries),
		cmocka_unit_test(a_400_of_who_has_not_read_the_body_is_kept),
		cmocka_unit_test(the_delay_is_within_bounds_that_double),
		cmocka_unit_test(credentials_and_databases_are_tried_every_30_seconds),
		cmocka_unit_test(retry_after_counts_where_it_is_longer_and_sane),
		cmocka_unit_test(retry_after_is_read_as_seconds),
		cmocka_unit_test(retry_after_is_read_as_a_date_in_its_three_forms),
		cmocka_unit_test(a_date_that_is_past_means_now),
		cmocka_unit_test(what_is_neither_seconds_nor_a_date_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
