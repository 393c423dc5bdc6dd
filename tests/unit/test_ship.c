/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/ship collector/ship_auth collector/ship_health collector/ship_url */
/* uses: collector/spool_account collector/retry collector/http_client collector/worker */
/* uses: collector/loop collector/strbuf collector/ship_turn collector/ship_create */
/* uses: collector/ship_settle collector/ship_body collector/cut collector/bisect collector/gzip */
/* uses: collector/secret */
#include "ship_fixture.h"

#include "said.h"

static bool is_one_requested(struct fixture *f)
{
	return f->script.n_requests == 1;
}

static void bodies_are_delivered_oldest_first_and_deleted(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	spool_add(&f->spool, "1");
	spool_add(&f->spool, "2");
	spool_add(&f->spool, "3");
	start(f);
	run_until(f, is_all_settled);
	assert_memory_equal(f->order, "123", 4);
	assert_int_equal(f->stats.posts, 3);
	assert_int_equal(f->stats.posts_kept, 0);
	assert_int_equal(f->stats.delivered_bytes, 3000);
	assert_int_equal(f->stats.spool_bodies, 0);
	assert_int_equal(f->script.n_connections, 1);
}

static void the_longest_delivery_is_kept(void **state)
{
	const uint64_t an_hour_us = 3600000000;
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	spool_add(&f->spool, "1");
	spool_add(&f->spool, "2");
	spool_add(&f->spool, "3");
	f->spool.bodies[0].since_ms = clock_wall_ms() - 1000;
	f->spool.bodies[1].since_ms = clock_wall_ms() - 3600000;
	f->spool.bodies[2].since_ms = clock_wall_ms() + 3600000; /* the clock was set back */
	start(f);
	run_until(f, is_all_settled);
	assert_true(f->stats.delivery_us >= an_hour_us);
	assert_true(f->stats.delivery_us < an_hour_us + 10000000);
}

static void what_is_refused_is_no_delivery(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = REFUSED;
	spool_add(&f->spool, "1");
	f->spool.bodies[0].since_ms = clock_wall_ms() - 1000;
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->stats.delivery_us, 0);
}

static void a_write_to_1_x_is_exact(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	f->config.db = "my db";
	f->config.rp = "a/b";
	f->config.user = "Aladdin";
	f->config.password_file = f->secret; /* RFC 7617 section 2's example */
	secret_write(f, "open sesame\r\n");
	spool_add(&f->spool, "gzipped");
	start(f);
	run_until(f, is_all_settled);
	assert_ptr_equal(
		strstr(f->script.last, "POST /write?db=my%20db&rp=a%2Fb&precision=ms HTTP/1.1\r\n"),
		f->script.last);
	assert_non_null(strstr(
		f->script.last, "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
	assert_non_null(strstr(f->script.last, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
	assert_non_null(strstr(f->script.last, "\r\nContent-Encoding: gzip\r\n"));
	assert_string_equal(f->script.last_body, "gzipped");
}

static void a_write_to_2_x_is_exact(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	f->config.org = "my org";
	f->config.bucket = "b&c";
	f->config.token_file = f->secret;
	secret_write(f, "tok==\n");
	spool_add(&f->spool, "gzipped");
	start(f);
	run_until(f, is_all_settled);
	assert_ptr_equal(strstr(f->script.last, "POST /api/v2/write?org=my%20org&bucket=b%26c"
						"&precision=ms HTTP/1.1\r\n"),
		f->script.last);
	assert_non_null(strstr(f->script.last, "\r\nAuthorization: Token tok==\r\n"));
}

static void without_a_credential_there_is_no_authorization(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_null(strcasestr(f->script.last, "Authorization"));
}

static void a_body_is_sent_again_until_it_is_taken(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = AWAY;
	f->answers[1] = AWAY;
	f->answers[2] = SCRIPT_SILENT;
	f->answers[3] = TAKEN;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->stats.posts, 4);
	assert_int_equal(f->stats.posts_kept, 3);
	assert_int_equal(f->stats.delivered_lines, 10);
	assert_memory_equal(f->order, "1111", 5);
	assert_in_range(elapsed_ms(f), 3 * 500 + 20000, 30000); /* one answer never came */
}

static void a_refused_body_goes_to_the_dead_letters_with_its_reason(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = REFUSED;
	f->answers[1] = TAKEN;
	spool_add(&f->spool, "1");
	spool_add(&f->spool, "2");
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->stats.rejected_lines, 10);
	assert_int_equal(f->stats.rejected_bytes, 1000);
	assert_int_equal(f->stats.delivered_lines, 10);
	assert_int_equal(f->stats.dead_lines, 10);
	assert_int_equal(f->stats.posts_kept, 0);
	assert_int_equal(f->spool.rejected_status, 400);
	assert_string_equal(f->spool.rejected_reason, "{'error':'unable to parse 'x''}");
}

static void a_login_page_is_no_delivery(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = "HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=utf-8\r\n"
			"Content-Length: 6\r\n\r\n<html>";
	f->answers[1] = TAKEN;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->stats.posts_kept, 1);
	assert_int_equal(f->stats.posts, 2);
}

static void retry_after_is_honoured(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = "HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n";
	f->answers[1] = TAKEN;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_in_range(elapsed_ms(f), 120000, 130000);
}

/* What is answered to the old one; the next post is taken. */
static void start_with_a_token_that_rotates(struct fixture *f, const char *answer)
{
	f->answers[0] = answer;
	f->answers[1] = TAKEN;
	f->config.bucket = "b";
	f->config.token_file = f->secret;
	f->next_secret = "new";
	secret_write(f, "old");
	spool_add(&f->spool, "1");
	start(f);
}

static void credentials_are_read_again_after_401(void **state)
{
	struct fixture *f = *state;

	start_with_a_token_that_rotates(
		f, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
	run_until(f, is_one_requested);
	assert_non_null(strstr(f->script.last, "\r\nAuthorization: Token old\r\n"));
	run_until(f, is_all_settled);
	assert_non_null(strstr(f->script.last, "\r\nAuthorization: Token new\r\n"));
	assert_in_range(elapsed_ms(f), 30000, 40000);
	assert_int_equal(f->stats.posts, 2);
}

static void credentials_are_read_again_after_a_redirect(void **state)
{
	struct fixture *f = *state;

	start_with_a_token_that_rotates(
		f, "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
	run_until(f, is_all_settled);
	assert_non_null(strstr(f->script.last, "\r\nAuthorization: Token new\r\n"));
	assert_int_equal(f->stats.posts, 2);
}

static void a_missing_database_is_tried_every_30_seconds(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	f->answers[1] = f->answers[0];
	f->answers[2] = TAKEN;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_in_range(elapsed_ms(f), 60000, 70000);
	assert_int_equal(f->stats.posts_kept, 2);
}

static void a_body_that_cannot_be_deleted_is_not_posted_again(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	f->spool.n_settles_to_fail = 2;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->script.n_requests, 1);
	assert_int_equal(f->stats.spool_errors, 2);
	assert_int_equal(f->stats.delivered_lines, 10);
}

static bool is_second_taken(struct fixture *f)
{
	return f->script.n_requests == 2 && f->stats.spool_bodies == 0 &&
	       f->stats.delivered_lines > 0;
}

static void a_body_evicted_during_its_post_is_not_counted_as_delivered(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	f->evicts_while_posted = true;
	spool_add(&f->spool, "1");
	spool_add(&f->spool, "2");
	start(f);
	run_until(f, is_second_taken);
	assert_int_equal(f->stats.delivered_lines, 10);
	assert_int_equal(f->stats.delivered_bytes, 1000);
}

static void a_kick_while_the_spool_is_read_is_not_lost(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	f->spool.n_blind_reads = 1; /* as if the body came just after that read */
	spool_add(&f->spool, "1");
	start(f);
	ship_kick(f->ship);
	run_until(f, is_all_settled);
	assert_int_equal(f->stats.delivered_lines, 10);
}

static void closing_during_a_post_leaves_the_body_in_the_spool(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = SCRIPT_SILENT;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_one_requested);
	ship_close(f->ship);
	f->ship = NULL;
	assert_int_equal(f->spool.state.bodies, 1);
	assert_int_equal(f->stats.delivered_lines, 0);
}

static void closing_with_a_job_under_way_frees_all_in_the_end(void **state)
{
	struct fixture *f = *state;

	spool_add(&f->spool, "1");
	start(f);
	ship_close(f->ship);
	f->ship = NULL; /* freed by worker_close: the sanitizer looks */
}

static void an_outage_is_one_line_and_its_end_another(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 5; i++)
		f->answers[i] = AWAY;
	f->answers[5] = TAKEN;
	spool_add(&f->spool, "1");
	spool_add(&f->spool, "2");
	said_begin();
	start(f);
	run_until(f, is_all_settled);
	said_end();
	assert_int_equal(said("\n"), 2);
	assert_int_equal(said("influx away"), 1);
	assert_int_equal(said("influx reachable again"), 1);
}

static void urls_are_built_from_what_the_operator_wrote(void **state)
{
	static const char *const cases[][2] = {
		{"host", "http://host:8086"},
		{"host:80", "http://host:80"},
		{"10.0.0.1:8086", "http://10.0.0.1:8086"},
		{"[::1]:8086", "http://[::1]:8086"},
		{"::1", "http://[::1]:8086"},
		{"http://host", "http://host:80"},
		{"http://host:8086", "http://host:8086"},
		{"HTTP://host:8086/", "http://host:8086"},
		{"https://host", "https://host:443"},
		{"https://host/a/b/", "https://host:443/a/b"},
		{"https://[2001:db8::1]/a", "https://[2001:db8::1]:443/a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ship_config config = {.influx = cases[i][0], .db = "d"};
		char url[200], want[200], err[ERR_LEN];

		assert_int_equal(ship_url(&config, url, sizeof(url), err), 0);
		snprintf(want, sizeof(want), "%s/write?db=d&precision=ms", cases[i][1]);
		assert_string_equal(url, want);
	}
}

static void what_is_no_url_is_named(void **state)
{
	static const char *const bad[] = {"ftp://x", "", "http://", "http:///a", "host:70000",
		"host:0", "host:x", "host/path", "http://host?x=1", "http://host/#a",
		"http://ho st/", "http://host/a b", "http://host\r\nX: y", "//host"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct ship_config config = {.influx = bad[i], .db = "d"};
		char url[200] = "untouched", want[200], err[ERR_LEN];

		snprintf(want, sizeof(want),
			"--influx: '%s' is not HOST[:PORT] or an http:// or https:// URL", bad[i]);
		assert_int_equal(ship_url(&config, url, sizeof(url), err), -EINVAL);
		assert_string_equal(err, want);
		assert_string_equal(url, "untouched");
	}
}

static void a_password_in_the_url_is_refused_and_not_repeated(void **state)
{
	const struct ship_config config = {.influx = "http://me:geheim@host", .db = "d"};
	char url[200], err[ERR_LEN];

	(void)state;
	assert_int_equal(ship_url(&config, url, sizeof(url), err), -EINVAL);
	assert_null(strstr(err, "geheim"));
	assert_non_null(strstr(err, "--password-file"));
}

static void a_url_that_does_not_fit_is_an_error(void **state)
{
	const struct ship_config config = {.influx = "host", .db = "d"};
	char url[200], err[ERR_LEN];
	size_t len = strlen("http://host:8086/write?db=d&precision=ms");

	(void)state;
	assert_int_equal(ship_url(&config, url, len, err), -ENOSPC);
	assert_int_equal(ship_url(&config, url, len + 1, err), 0);
}

static void assert_not_opened(struct fixture *f, const char *want)
{
	char err[ERR_LEN] = "";

	assert_true(
		ship_open(f->loop, &f->config, &f->spool, f->worker, &f->stats, &f->ship, err) < 0);
	assert_ptr_equal(strstr(err, want), err);
	assert_null(f->ship);
}

static void a_credential_that_cannot_be_used_is_named(void **state)
{
	struct fixture *f = *state;

	f->config.token_file = "/nonexistent/token";
	assert_not_opened(f, "--token-file: cannot read '/nonexistent/token': No such file");
	f->config.token_file = f->secret;
	assert_not_opened(f, "--token-file: '/tmp/");
	secret_write(f, "a\r\nX-Other: b");
	assert_not_opened(f, "--token-file: '/tmp/");
	f->config.user = "u";
	assert_not_opened(f, "--user: ");
	f->config.password_file = f->secret;
	assert_not_opened(f, "--token-file: not together");
	f->config.token_file = NULL;
	assert_not_opened(f, "--password-file: '/tmp/");
	secret_write(f, "good");
	f->config.user = "a:b";
	assert_not_opened(f, "--user: 'a:b'");
	f->config.user = NULL;
	assert_not_opened(f, "--password-file: ");
}

static void a_missing_ca_file_is_named(void **state)
{
	struct fixture *f = *state;

	f->config.ca_file = "/nonexistent/ca";
	assert_not_opened(f, "--ca-file: cannot read '/nonexistent/ca': No such file");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bodies_are_delivered_oldest_first_and_deleted),
		TEST(the_longest_delivery_is_kept),
		TEST(what_is_refused_is_no_delivery),
		TEST(a_write_to_1_x_is_exact),
		TEST(a_write_to_2_x_is_exact),
		TEST(without_a_credential_there_is_no_authorization),
		TEST(a_body_is_sent_again_until_it_is_taken),
		TEST(a_refused_body_goes_to_the_dead_letters_with_its_reason),
		TEST(a_login_page_is_no_delivery),
		TEST(retry_after_is_honoured),
		TEST(credentials_are_read_again_after_401),
		TEST(credentials_are_read_again_after_a_redirect),
		TEST(a_missing_database_is_tried_every_30_seconds),
		TEST(a_body_that_cannot_be_deleted_is_not_posted_again),
		TEST(a_body_evicted_during_its_post_is_not_counted_as_delivered),
		TEST(a_kick_while_the_spool_is_read_is_not_lost),
		TEST(closing_during_a_post_leaves_the_body_in_the_spool),
		TEST(closing_with_a_job_under_way_frees_all_in_the_end),
		TEST(an_outage_is_one_line_and_its_end_another),
		cmocka_unit_test(urls_are_built_from_what_the_operator_wrote),
		cmocka_unit_test(what_is_no_url_is_named),
		cmocka_unit_test(a_password_in_the_url_is_refused_and_not_repeated),
		cmocka_unit_test(a_url_that_does_not_fit_is_an_error),
		TEST(a_credential_that_cannot_be_used_is_named),
		TEST(a_missing_ca_file_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
