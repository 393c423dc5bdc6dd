/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/ship collector/ship_auth collector/ship_health collector/ship_url */
/* uses: collector/spool_account collector/retry collector/http_client collector/worker */
/* uses: collector/loop collector/strbuf collector/ship_turn collector/ship_create */
/* uses: collector/ship_settle collector/ship_body collector/cut collector/bisect collector/gzip */
/* uses: collector/secret */
#include "said.h"
#include "ship_fixture.h"

#define POISON 7 /* the number of a line that a database does not take */

/* Lines first … first + n - 1; line i accounts for i + 1 bytes. */
static void add(struct fixture *f, unsigned first, unsigned n)
{
	char *text = calloc(n + 1, 64);
	size_t len = 0;

	for (unsigned i = first; i < first + n; i++)
		len += (size_t)snprintf(
			text + len, 64, "nstat,receiver=%u tx_bytes=%ui,rx_bytes=1i 1\n", i, i);
	spool_add_lines(&f->spool, text);
	free(text);
}

static bool holds(const char *lines, unsigned number)
{
	char begin[40];

	snprintf(begin, sizeof(begin), "nstat,receiver=%u ", number);
	return strstr(lines, begin) != NULL;
}

static size_t count_lines(const char *lines)
{
	return bisect_lines(lines, strlen(lines));
}

static void assert_stored_but(const struct fixture *f, unsigned n, unsigned but)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(f->stored[i] > 0, i != but);
}

static void assert_balanced(const struct fixture *f, unsigned n)
{
	assert_int_equal(f->stats.delivered_lines + f->stats.rejected_lines, n);
	assert_int_equal(
		f->stats.delivered_bytes + f->stats.rejected_bytes, (uint64_t)n * (n - 1) / 2 + n);
	assert_int_equal(f->stats.rejected_lines, f->spool.state.dead_lines);
	assert_int_equal(f->stats.rejected_bytes, f->spool.dead_bytes);
	assert_int_equal(f->spool.state.bodies, 0);
	assert_int_equal(f->spool.state.traffic_bytes, 0);
}

static const char *refuses_poison(struct fixture *f, const char *lines)
{
	(void)f;
	return holds(lines, POISON) ? REFUSED : TAKEN;
}

static void a_bad_line_is_dead_alone_and_all_others_are_stored(void **state)
{
	struct fixture *f = *state;

	f->judge = refuses_poison;
	add(f, 0, 300);
	start(f);
	run_until(f, is_all_settled);
	assert_stored_but(f, 300, POISON);
	assert_balanced(f, 300);
	assert_int_equal(f->stats.rejected_lines, 1);
	assert_int_equal(f->stats.rejected_bytes, POISON + 1);
	assert_int_equal(f->spool.n_dead, 1);
	assert_string_equal(f->spool.dead, "nstat,receiver=7 tx_bytes=7i,rx_bytes=1i 1\n");
	assert_int_equal(f->spool.rejected_status, 400);
	assert_string_equal(f->spool.rejected_reason, "{'error':'unable to parse 'x''}");
	assert_true(f->script.n_requests < 25);
}

static const char *takes_five(struct fixture *f, const char *lines)
{
	(void)f;
	if (count_lines(lines) > 5)
		return "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
	return TAKEN;
}

static void what_is_too_large_is_split_and_all_of_it_stored(void **state)
{
	struct fixture *f = *state;

	f->judge = takes_five;
	add(f, 0, 100);
	start(f);
	run_until(f, is_all_settled);
	assert_stored_but(f, 100, 100);
	assert_balanced(f, 100);
	assert_int_equal(f->stats.rejected_lines, 0);
}

static const char *away_in_between(struct fixture *f, const char *lines)
{
	if (f->script.n_requests >= 4 && f->script.n_requests <= 5)
		return AWAY;
	return refuses_poison(f, lines);
}

static void a_cut_goes_on_where_it_was_when_the_database_is_back(void **state)
{
	struct fixture *f = *state;

	f->judge = away_in_between;
	add(f, 0, 64);
	start(f);
	run_until(f, is_all_settled);
	assert_stored_but(f, 64, POISON);
	assert_balanced(f, 64);
	assert_int_equal(f->script.n_requests, 1 + 2 * 6 + 2); /* as without it, and the two */
	assert_int_equal(f->stats.posts_kept, 2);
}

static const char *refuses_first_body(struct fixture *f, const char *lines)
{
	(void)f;
	return line_number(lines) < 300 ? REFUSED : TAKEN;
}

static bool is_second_stored(struct fixture *f)
{
	return f->stored[300] > 0;
}

static void a_body_full_of_bad_lines_lets_the_others_go_first(void **state)
{
	struct fixture *f = *state;

	f->judge = refuses_first_body;
	add(f, 0, 300);
	add(f, 300, 10);
	f->spool.bodies[0].since_ms = 5;
	start(f);
	run_until(f, is_second_stored);
	assert_in_range(f->script.n_requests, 201, 260);  /* of more than 600 */
	assert_int_equal(f->spool.bodies[0].since_ms, 5); /* the rest is as old as it was */
	run_until(f, is_all_settled);
	assert_balanced(f, 310);
	assert_int_equal(f->stats.rejected_lines, 300);
	assert_true(f->spool.n_dead > 1);
}

static const char *refuses_first_body_slowly(struct fixture *f, const char *lines)
{
	atomic_fetch_add(&skipped_ms, 700);
	return refuses_first_body(f, lines);
}

/* Its first line is dead after 9 requests and 6.3 s. */
static void a_body_that_is_cut_slowly_lets_the_others_go_once_it_is_shorter(void **state)
{
	struct fixture *f = *state;

	f->judge = refuses_first_body_slowly;
	add(f, 0, 256);
	add(f, 300, 10);
	start(f);
	run_until(f, is_second_stored);
	assert_int_equal(f->script.n_requests, 9 + 1);
}

static const char *refuses_poison_slowly(struct fixture *f, const char *lines)
{
	atomic_fetch_add(&skipped_ms, 1000);
	return refuses_poison(f, lines);
}

/* To find it takes longer than a cut may: one that ended before would begin anew, for ever. */
static void a_bad_line_is_found_by_a_slow_database_too(void **state)
{
	struct fixture *f = *state;

	f->judge = refuses_poison_slowly;
	add(f, 0, 1000);
	start(f);
	run_until(f, is_all_settled);
	assert_stored_but(f, 1000, POISON);
	assert_balanced(f, 1000);
	assert_in_range(f->script.n_requests, 10, 40);
}

static const char *lacks_policy(struct fixture *f, const char *lines)
{
	(void)f;
	(void)lines;
	return "HTTP/1.1 500 Error\r\nContent-Length: 41\r\n\r\n"
	       "{\"error\":\"retention policy not found: x\"}";
}

/* The whole is refused, a half taken after 6 s, the rest fails once for want of a policy. */
static const char *lacks_policy_for_the_rest_once(struct fixture *f, const char *lines)
{
	switch (f->script.n_requests) {
	case 1:
		return REFUSED;
	case 2:
		atomic_fetch_add(&skipped_ms, 6000);
		return TAKEN;
	case 3:
		return lacks_policy(f, lines);
	default:
		return TAKEN;
	}
}

static void the_rest_of_a_cut_has_three_tries_of_its_own(void **state)
{
	struct fixture *f = *state;

	f->judge = lacks_policy_for_the_rest_once;
	add(f, 0, 100);
	start(f);
	run_until(f, is_all_settled);
	assert_balanced(f, 100);
	assert_int_equal(f->stats.rejected_lines, 0);
	assert_int_equal(f->script.n_requests, 4);
}

static const char *drops_all(struct fixture *f, const char *lines)
{
	static char answer[200];
	char body[100];
	int len = snprintf(body, sizeof(body),
		"{\"error\":\"partial write: points beyond retention policy dropped=%zu\"}",
		count_lines(lines));

	(void)f;
	snprintf(answer, sizeof(answer), "HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s", len,
		body);
	return answer;
}

static void what_is_dropped_as_a_whole_costs_one_request(void **state)
{
	struct fixture *f = *state;

	f->judge = drops_all;
	add(f, 0, 300);
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->script.n_requests, 1);
	assert_balanced(f, 300);
	assert_int_equal(f->stats.rejected_lines, 300);
}

static void a_permanent_500_is_believed_the_third_time(void **state)
{
	struct fixture *f = *state;

	f->judge = lacks_policy;
	add(f, 0, 50);
	add(f, 50, 50);
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->script.n_requests, 6);
	assert_balanced(f, 100);
}

static const char *fails_on_poison(struct fixture *f, const char *lines)
{
	(void)f;
	return holds(lines, POISON) ? "HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n" : TAKEN;
}

static bool is_all_but_a_body_settled(struct fixture *f)
{
	return f->stats.delivered_lines == f->spool.n_lines - 10;
}

static void assert_others_pass_poison(struct fixture *f)
{
	for (unsigned i = 0; i < 20; i++)
		add(f, 10 * i, 10);
	start(f);
	run_until(f, is_all_but_a_body_settled);
	assert_int_equal(f->spool.state.bodies, 1);
	assert_int_equal(f->stored[POISON], 0);
	assert_true(elapsed_ms(f) < 60000);
}

static void a_body_that_gets_a_500_blocks_nobody(void **state)
{
	struct fixture *f = *state;

	f->judge = fails_on_poison;
	assert_others_pass_poison(f);
	assert_in_range(f->stats.posts_kept, 1, 3);
}

#define FORBIDS "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

static const char *forbids_poison(struct fixture *f, const char *lines)
{
	(void)f;
	return holds(lines, POISON) ? FORBIDS : TAKEN;
}

static void a_body_that_gets_a_403_at_the_start_blocks_nobody(void **state)
{
	struct fixture *f = *state;

	f->judge = forbids_poison;
	assert_others_pass_poison(f);
}

static bool is_all_but_poison_settled(struct fixture *f)
{
	return f->stats.delivered_lines == f->spool.n_lines - 1;
}

static void a_403_where_others_are_taken_is_the_bodys_own(void **state)
{
	struct fixture *f = *state;

	f->judge = forbids_poison;
	add(f, 10, 10);
	add(f, POISON, 1);
	for (unsigned i = 2; i < 20; i++)
		add(f, 10 * i, 10);
	said_begin();
	start(f);
	run_until(f, is_all_but_poison_settled);
	said_end();
	assert_true(elapsed_ms(f) < 15000);
	assert_int_equal(said("influx fails on a body"), 1);
	assert_int_equal(said("credentials"), 0);
}

static const char *forbids_after_ten(struct fixture *f, const char *lines)
{
	(void)lines;
	return f->script.n_requests > 10 ? FORBIDS : TAKEN;
}

static bool is_twelfth_answered(struct fixture *f)
{
	return f->script.n_requests == 12 && f->stats.posts_kept == 2;
}

static void a_403_to_two_bodies_is_of_the_credentials(void **state)
{
	struct fixture *f = *state;

	f->judge = forbids_after_ten;
	for (unsigned i = 0; i < 20; i++)
		add(f, 10 * i, 10);
	said_begin();
	start(f);
	run_until(f, is_twelfth_answered);
	said_end();
	assert_true(elapsed_ms(f) < 10000);
	assert_int_equal(said("influx refused the credentials"), 1);
}

static const char *dies_of_poison(struct fixture *f, const char *lines)
{
	(void)f;
	return holds(lines, POISON) ? NULL : TAKEN;
}

static void a_body_on_which_the_database_dies_blocks_nobody(void **state)
{
	struct fixture *f = *state;

	f->judge = dies_of_poison;
	assert_others_pass_poison(f);
}

static const char *hangs_at_poison(struct fixture *f, const char *lines)
{
	(void)f;
	return holds(lines, POISON) ? SCRIPT_SILENT : TAKEN;
}

static void a_body_on_which_the_database_hangs_blocks_nobody(void **state)
{
	struct fixture *f = *state;

	f->judge = hangs_at_poison;
	assert_others_pass_poison(f);
}

static bool is_a_minute_over(struct fixture *f)
{
	if (f->n_ticks % 5 == 0 && ship_is_waiting(f->ship)) {
		assert_true(f->spool.state.bodies <= 2); /* poison, and the last one */
		add(f, 10 * (unsigned)f->spool.n, 10);
		ship_kick(f->ship);
	}
	return elapsed_ms(f) >= 60000;
}

static void a_body_that_gets_a_500_is_tried_ever_more_rarely(void **state)
{
	struct fixture *f = *state;

	f->judge = fails_on_poison;
	add(f, 0, 10);
	start(f);
	run_until(f, is_a_minute_over);
	assert_true(f->spool.n > 20);
	assert_in_range(f->stats.posts_kept, 3, 20);
}

static const char *is_away_for_12(struct fixture *f, const char *lines)
{
	if (f->script.n_requests <= 12)
		return AWAY;
	f->order[strlen(f->order)] = (char)('a' + line_number(lines) / 10);
	return TAKEN;
}

/* The first one is that which was being tried. */
static void after_an_outage_the_oldest_go_first(void **state)
{
	struct fixture *f = *state;

	f->judge = is_away_for_12;
	for (unsigned i = 0; i < 20; i++)
		add(f, 10 * i, 10);
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(strlen(f->order), 20);
	assert_int_equal(f->order[1], 'a');
	for (size_t i = 2; i < 20; i++)
		assert_true(f->order[i] > f->order[i - 1]);
}

static const char *fails_on_old(struct fixture *f, const char *lines)
{
	(void)f;
	return line_number(lines) < 300 ? "HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n" : TAKEN;
}

static bool is_twelfth_request(struct fixture *f)
{
	return f->script.n_requests == 12;
}

static bool is_new_stored(struct fixture *f)
{
	return f->stored[300] > 0;
}

static void many_bodies_that_get_a_500_do_not_block_a_new_one(void **state)
{
	struct fixture *f = *state;

	f->judge = fails_on_old;
	for (unsigned i = 0; i < 30; i++)
		add(f, 10 * i, 10);
	start(f);
	run_until(f, is_twelfth_request);
	f->started_ms = clock_mono_ms();
	add(f, 300, 10);
	ship_kick(f->ship);
	run_until(f, is_new_stored);
	assert_true(elapsed_ms(f) <= 60000);
}

static void during_a_backlog_every_other_body_is_the_newest(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = TAKEN;
	for (char c[2] = "1"; c[0] <= '8'; c[0]++)
		spool_add(&f->spool, c);
	start(f);
	run_until(f, is_all_settled);
	assert_memory_equal(f->order, "18273456", 8);
}

static void a_body_evicted_while_it_is_cut_is_not_counted(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = REFUSED;
	f->answers[1] = TAKEN;
	f->evicts_while_posted = true; /* the first one */
	add(f, 0, 8);
	add(f, 8, 8);
	f->spool.n_lines = 8;
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->stats.delivered_lines, 8);
	assert_int_equal(f->stats.rejected_lines, 0);
	assert_int_equal(f->spool.n_dead, 0);
}

static void a_cut_that_cannot_be_settled_is_not_sent_again(void **state)
{
	struct fixture *f = *state;

	f->judge = refuses_poison;
	f->spool.n_settles_to_fail = 2;
	add(f, 0, 8);
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->script.n_requests, 1 + 2 * 3);
	assert_int_equal(f->stats.spool_errors, 2);
	assert_balanced(f, 8);
}

static bool is_second_requested(struct fixture *f)
{
	return f->script.n_requests == 2;
}

static void closing_during_a_cut_leaves_the_body_in_the_spool(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = REFUSED;
	f->answers[1] = SCRIPT_SILENT;
	add(f, 0, 8);
	start(f);
	run_until(f, is_second_requested);
	ship_close(f->ship);
	f->ship = NULL;
	assert_int_equal(f->spool.state.bodies, 1);
}

#define NO_DATABASE                                                                                \
	"HTTP/1.1 404 Not Found\r\nContent-Length: 40\r\n\r\n"                                     \
	"{\"error\":\"database not found: \\\"x\\\"\"}   "
#define CREATED                                                                                    \
	"HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{\"results\":[{\"statement_id\":0}]}\n"
#define FORBIDDEN                                                                                  \
	"HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n{\"results\":[{\"error\":\"not "             \
	"authorized\"}]}"

static void a_missing_database_is_created_and_written_at_once(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = NO_DATABASE;
	f->answers[1] = CREATED;
	f->answers[2] = TAKEN;
	f->config.is_create_db = true;
	f->config.db = "my \"db\"\\";
	f->config.user = "Aladdin";
	f->config.password_file = f->secret;
	secret_write(f, "open sesame");
	spool_add(&f->spool, "1");
	spool_add(&f->spool, "2");
	start(f);
	run_until(f, is_all_settled);
	assert_ptr_equal(strstr(f->query, "POST /query?q=CREATE%20DATABASE%20%22my%20%5C%22db"
					  "%5C%22%5C%5C%22 HTTP/1.1\r\n"),
		f->query);
	assert_non_null(
		strstr(f->query, "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
	assert_int_equal(f->script.n_requests, 4);
	assert_int_equal(f->order[2], '1');
	assert_true(elapsed_ms(f) < 10000);
}

static void a_database_that_cannot_be_created_is_asked_for_every_30_seconds(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = NO_DATABASE;
	f->answers[1] = FORBIDDEN;
	f->answers[2] = NO_DATABASE;
	f->answers[3] = CREATED;
	f->answers[4] = NO_DATABASE; /* all the same: not asked twice within 30 s */
	f->answers[5] = TAKEN;
	f->config.is_create_db = true;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->script.n_requests, 6);
	assert_in_range(elapsed_ms(f), 60000, 75000);
}

static void a_database_is_created_for_1_x_only(void **state)
{
	struct fixture *f = *state;
	char err[ERR_LEN] = "";

	f->config.is_create_db = true;
	f->config.bucket = "b";
	assert_int_equal(
		ship_open(f->loop, &f->config, &f->spool, f->worker, &f->stats, &f->ship, err),
		-EINVAL);
	assert_ptr_equal(strstr(err, "--create-db: not together with --bucket"), err);
}

static void closing_while_a_database_is_created_does_no_harm(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = NO_DATABASE;
	f->answers[1] = SCRIPT_SILENT;
	f->config.is_create_db = true;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_second_requested);
	ship_close(f->ship);
	f->ship = NULL;
	assert_int_equal(f->spool.state.bodies, 1);
}

static void a_redirect_is_no_delivery_and_carries_no_credential_away(void **state)
{
	struct fixture *f = *state;
	char away[200];

	snprintf(away, sizeof(away),
		"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.2:%u/stolen\r\n"
		"Content-Length: 0\r\n\r\n",
		f->script.port);
	f->answers[0] = away;
	f->answers[1] = TAKEN;
	f->config.bucket = "b";
	f->config.token_file = f->secret;
	secret_write(f, "secret");
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->script.n_requests, 2);
	assert_ptr_equal(strstr(f->script.last, "POST /api/v2/write?"), f->script.last);
	assert_int_equal(f->stats.posts_kept, 1);
}

static void retry_after_may_be_a_date(void **state)
{
	struct fixture *f = *state;
	time_t then = (time_t)(clock_wall_ms() / 1000) + 200;
	char answer[200], date[64];
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
	snprintf(answer, sizeof(answer),
		"HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
	f->answers[0] = answer;
	f->answers[1] = TAKEN;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_in_range(elapsed_ms(f), 190000, 210000);
}

static void an_endless_error_is_cut_and_its_status_counts(void **state)
{
	struct fixture *f = *state;

	f->answers[0] = SCRIPT_ENDLESS; /* of a 400 */
	f->answers[1] = TAKEN;
	spool_add(&f->spool, "1");
	start(f);
	run_until(f, is_all_settled);
	assert_int_equal(f->stats.rejected_lines, 10);
	assert_true(f->script.n_sent < 16 * 1024 * 1024);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bad_line_is_dead_alone_and_all_others_are_stored),
		TEST(what_is_too_large_is_split_and_all_of_it_stored),
		TEST(a_cut_goes_on_where_it_was_when_the_database_is_back),
		TEST(a_body_full_of_bad_lines_lets_the_others_go_first),
		TEST(a_body_that_is_cut_slowly_lets_the_others_go_once_it_is_shorter),
		TEST(a_bad_line_is_found_by_a_slow_database_too),
		TEST(the_rest_of_a_cut_has_three_tries_of_its_own),
		TEST(what_is_dropped_as_a_whole_costs_one_request),
		TEST(a_permanent_500_is_believed_the_third_time),
		TEST(a_body_that_gets_a_500_blocks_nobody),
		TEST(a_body_that_gets_a_403_at_the_start_blocks_nobody),
		TEST(a_403_where_others_are_taken_is_the_bodys_own),
		TEST(a_403_to_two_bodies_is_of_the_credentials),
		TEST(a_body_on_which_the_database_dies_blocks_nobody),
		TEST(a_body_on_which_the_database_hangs_blocks_nobody),
		TEST(a_body_that_gets_a_500_is_tried_ever_more_rarely),
		TEST(after_an_outage_the_oldest_go_first),
		TEST(many_bodies_that_get_a_500_do_not_block_a_new_one),
		TEST(during_a_backlog_every_other_body_is_the_newest),
		TEST(a_body_evicted_while_it_is_cut_is_not_counted),
		TEST(a_cut_that_cannot_be_settled_is_not_sent_again),
		TEST(closing_during_a_cut_leaves_the_body_in_the_spool),
		TEST(a_missing_database_is_created_and_written_at_once),
		TEST(a_database_that_cannot_be_created_is_asked_for_every_30_seconds),
		TEST(a_database_is_created_for_1_x_only),
		TEST(closing_while_a_database_is_created_does_no_harm),
		TEST(a_redirect_is_no_delivery_and_carries_no_credential_away),
		TEST(retry_after_may_be_a_date),
		TEST(an_endless_error_is_cut_and_its_status_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
