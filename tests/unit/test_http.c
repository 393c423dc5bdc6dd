/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/http_client collector/http_server collector/loop collector/strbuf */
#include "clock.h"
#include "http_client.h"
#include "http_script.h"
#include "http_server.h"

#include <errno.h>

#define GUARD_MS 20000

struct fixture {
	struct loop *loop;
	struct loop_timer guard;
	struct script script;
	const char *answer;
	struct http_client *client;
	struct http_server *server;
	unsigned n_answers;
	unsigned n_wanted;
	int status;
	char body[HTTP_CLIENT_BODY_MAX + 1];
	char error[300];
	char content_type[100];
	char retry_after[100];
	int fd;
	size_t text_len;
	char text[4096];
	unsigned n_rendered;
	size_t n_streamed;
	size_t n_enough; /* then it wants no more; 0: never */
	char streamed[100];
};

static void guard_fired(void *ctx, int64_t now_ms)
{
	(void)ctx;
	(void)now_ms;
	fail_msg("the loop was not stopped in time");
}

static int hello(void *ctx, struct strbuf *body)
{
	struct fixture *f = ctx;

	f->n_rendered++;
	strbuf_text(body, "hello\n");
	return 200;
}

static int not_ready(void *ctx, struct strbuf *body)
{
	(void)ctx;
	(void)body;
	return 503;
}

static int too_long(void *ctx, struct strbuf *body)
{
	(void)ctx;
	body->failed = true;
	return 200;
}

static const struct http_route routes[] = {
	{"/hello", "text/x-hello", hello},
	{"/readyz", "text/plain", not_ready},
	{"/long", "text/plain", too_long},
};

static const char *say(void *ctx, const char *request)
{
	struct fixture *f = ctx;

	(void)request;
	return f->answer;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[ERR_LEN];

	assert_int_equal(loop_new(&f->loop, err), 0);
	f->guard = (struct loop_timer){.fn = guard_fired};
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + GUARD_MS);
	f->script = (struct script){.answer = say, .ctx = f};
	script_open(&f->script, f->loop);
	assert_int_equal(http_client_open(f->loop, &f->client, err), 0);
	assert_int_equal(http_server_open(f->loop, "[::]:0", routes, 3, f, &f->server, err), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	http_client_close(f->client);
	http_server_close(f->server);
	script_close(&f->script);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void answered(void *ctx, const struct http_answer *answer)
{
	struct fixture *f = ctx;

	f->status = answer->status;
	snprintf(f->body, sizeof(f->body), "%s", answer->body);
	snprintf(f->error, sizeof(f->error), "%s", answer->error);
	snprintf(f->content_type, sizeof(f->content_type), "%s", answer->content_type);
	snprintf(f->retry_after, sizeof(f->retry_after), "%s", answer->retry_after);
	if (++f->n_answers >= f->n_wanted)
		loop_stop(f->loop);
}

static void post_to(struct fixture *f, uint16_t port, const char *path)
{
	char url[100];
	struct http_request request = {.url = url,
		.authorization = "Token t",
		.content_type = "text/plain; charset=utf-8",
		.content_encoding = "gzip",
		.body = "\x1f\x8b\0z",
		.body_len = 4};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	assert_int_equal(http_client_post(f->client, &request, answered, f), 0);
}

static void post(struct fixture *f, const char *answer)
{
	f->answer = answer;
	post_to(f, f->script.port, "/write?db=x");
	loop_run(f->loop);
}

static void a_post_carries_what_was_asked(void **state)
{
	struct fixture *f = *state;

	post(f, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_int_equal(f->status, 204);
	assert_ptr_equal(strstr(f->script.last, "POST /write?db=x HTTP/1.1\r\n"), f->script.last);
	assert_non_null(strstr(f->script.last, "\r\nAuthorization: Token t\r\n"));
	assert_non_null(strstr(f->script.last, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
	assert_non_null(strstr(f->script.last, "\r\nContent-Encoding: gzip\r\n"));
	assert_non_null(
		strstr(f->script.last, "\r\nUser-Agent: nstats-collector/" NSTATS_VERSION "\r\n"));
	assert_null(strcasestr(f->script.last, "\r\nExpect:"));
	assert_int_equal(f->script.last_body_len, 4);
	assert_memory_equal(f->script.last_body, "\x1f\x8b\0z", 4);
}

static void an_answer_comes_with_its_headers_and_body(void **state)
{
	struct fixture *f = *state;

	post(f, "HTTP/1.1 503 Away\r\nContent-Type: text/html\r\nretry-after: 17\r\n"
		"Content-Length: 3\r\n\r\nwhy");
	assert_int_equal(f->status, 503);
	assert_string_equal(f->body, "why");
	assert_string_equal(f->content_type, "text/html");
	assert_string_equal(f->retry_after, "17");
	assert_string_equal(f->error, "");
}

static void a_connection_is_used_again(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		post(f, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_int_equal(f->script.n_requests, 3);
	assert_int_equal(f->script.n_connections, 1);
}

static void a_redirect_is_not_followed(void **state)
{
	struct fixture *f = *state;

	post(f, "HTTP/1.1 307 Elsewhere\r\nLocation: /write2\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(f->status, 307);
	assert_int_equal(f->script.n_requests, 1);
}

static void a_connection_that_closes_has_no_status(void **state)
{
	struct fixture *f = *state;

	post(f, NULL);
	assert_int_equal(f->status, 0);
	assert_string_not_equal(f->error, "");
}

static void a_body_that_is_cut_short_has_no_status(void **state)
{
	struct fixture *f = *state;

	post(f, "HTTP/1.1 200 OK\r\n" SCRIPT_HANG_UP "\r\nContent-Length: 10\r\n\r\nabc");
	assert_int_equal(f->status, 0);
}

static void a_port_where_nobody_listens_has_no_status(void **state)
{
	struct fixture *f = *state;
	uint16_t port = f->script.port;

	script_close(&f->script);
	post_to(f, port, "/");
	loop_run(f->loop);
	assert_int_equal(f->status, 0);
	assert_non_null(strstr(f->error, "127.0.0.1"));
	f->script.port = 0;
	script_open(&f->script, f->loop);
}

static void an_endless_body_is_cut_and_its_status_counts(void **state)
{
	struct fixture *f = *state;

	post(f, SCRIPT_ENDLESS);
	assert_int_equal(f->status, 400);
	assert_int_equal(strlen(f->body), HTTP_CLIENT_BODY_MAX);
}

static void closing_breaks_off_what_is_under_way(void **state)
{
	struct fixture *f = *state;
	char err[ERR_LEN];

	f->answer = SCRIPT_SILENT;
	post_to(f, f->script.port, "/");
	http_client_close(f->client);
	assert_int_equal(f->n_answers, 0);
	assert_int_equal(http_client_open(f->loop, &f->client, err), 0);
}

static void another_protocol_is_refused(void **state)
{
	struct fixture *f = *state;
	struct http_request request = {.url = "file:///etc/hostname"};

	assert_int_equal(http_client_post(f->client, &request, answered, f), 0);
	loop_run(f->loop);
	assert_int_equal(f->status, 0);
	assert_string_equal(f->body, "");
}

/* Keeps the beginning. */
static bool data_arrived(void *ctx, const void *data, size_t len)
{
	struct fixture *f = ctx;
	size_t room = sizeof(f->streamed) - 1;

	if (f->n_streamed < room)
		memcpy(f->streamed + f->n_streamed, data,
			len < room - f->n_streamed ? len : room - f->n_streamed);
	f->n_streamed += len;
	return !f->n_enough || f->n_streamed < f->n_enough;
}

static struct http_exchange *get(struct fixture *f, const char *answer, int64_t total_ms)
{
	struct http_exchange *exchange;
	struct http_get request = {.authorization = "Bearer t",
		.total_ms = total_ms,
		.data = data_arrived,
		.done = answered,
		.ctx = f};
	char url[100];

	f->answer = answer;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/api?limit=5", f->script.port);
	request.url = url;
	assert_int_equal(http_client_get(f->client, &request, &exchange), 0);
	return exchange;
}

static void a_get_gives_its_body_out_and_keeps_none(void **state)
{
	struct fixture *f = *state;

	get(f, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0);
	loop_run(f->loop);
	assert_ptr_equal(strstr(f->script.last, "GET /api?limit=5 HTTP/1.1\r\n"), f->script.last);
	assert_non_null(strstr(f->script.last, "\r\nAuthorization: Bearer t\r\n"));
	assert_int_equal(f->status, 200);
	assert_string_equal(f->streamed, "hello");
	assert_string_equal(f->body, "");
}

static void a_get_keeps_what_an_error_says(void **state)
{
	struct fixture *f = *state;

	get(f, "HTTP/1.1 429 Slower\r\nRetry-After: 3\r\nContent-Length: 3\r\n\r\nwhy", 0);
	loop_run(f->loop);
	assert_int_equal(f->status, 429);
	assert_string_equal(f->retry_after, "3");
	assert_string_equal(f->body, "why");
	assert_int_equal(f->n_streamed, 0);
}

static void a_get_is_as_long_as_its_reader_wants(void **state)
{
	struct fixture *f = *state;

	f->n_enough = 3 << 20; /* more than is read of any other answer */
	get(f, SCRIPT_ENDLESS_OK, 0);
	loop_run(f->loop);
	assert_int_equal(f->status, 200);
	assert_true(f->n_streamed >= f->n_enough);
}

static void a_get_that_is_cut_short_has_no_status(void **state)
{
	struct fixture *f = *state;

	get(f, "HTTP/1.1 200 OK\r\n" SCRIPT_HANG_UP "\r\nContent-Length: 10\r\n\r\nabc", 0);
	loop_run(f->loop);
	assert_int_equal(f->status, 0);
	assert_string_not_equal(f->error, "");
	assert_string_equal(f->streamed, "abc");
}

static void a_get_ends_at_its_limit(void **state)
{
	struct fixture *f = *state;

	get(f, SCRIPT_SILENT, 100);
	loop_run(f->loop);
	assert_int_equal(f->status, 0);
}

static void a_cancelled_get_answers_nothing(void **state)
{
	struct fixture *f = *state;
	struct http_exchange *exchange = get(f, SCRIPT_SILENT, 0);

	http_client_cancel(exchange);
	post(f, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_int_equal(f->n_answers, 1);
	assert_int_equal(f->status, 204);
}

static void text_arrived(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;
	ssize_t n =
		recv(f->fd, f->text + f->text_len, sizeof(f->text) - 1 - f->text_len, MSG_DONTWAIT);

	(void)events;
	if (n > 0) {
		f->text_len += (size_t)n;
		return;
	}
	loop_unwatch(f->loop, f->fd);
	loop_stop(f->loop);
}

static int connect_to(const struct fixture *f)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons(http_server_port(f->server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

/* What the server says to these bytes, until it closes. */
static const char *talk(struct fixture *f, const char *request)
{
	memset(f->text, 0, sizeof(f->text));
	f->text_len = 0;
	f->fd = connect_to(f);
	assert_true(send(f->fd, request, strlen(request), MSG_NOSIGNAL) > 0);
	loop_watch(f->loop, f->fd, EPOLLIN, text_arrived, f);
	loop_run(f->loop);
	close(f->fd);
	return f->text;
}

static void a_route_is_served_over_ipv4_by_a_socket_of_both_kinds(void **state)
{
	struct fixture *f = *state;
	const char *text =
		talk(f, "GET /hello?x=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

	assert_ptr_equal(strstr(text, "HTTP/1.1 200 OK\r\n"), text);
	assert_non_null(strstr(text, "\r\nContent-Type: text/x-hello\r\n"));
	assert_non_null(strstr(text, "\r\n\r\nhello\n"));
}

static void head_is_get_without_the_body(void **state)
{
	struct fixture *f = *state;
	const char *text = talk(f, "HEAD /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

	assert_ptr_equal(strstr(text, "HTTP/1.1 200 OK\r\n"), text);
	assert_non_null(strstr(text, "\r\nContent-Length: 6\r\n"));
	assert_null(strstr(text, "hello\n"));
}

static void an_unknown_path_is_404(void **state)
{
	struct fixture *f = *state;
	const char *text = talk(f, "GET /hello/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

	assert_ptr_equal(strstr(text, "HTTP/1.1 404 "), text);
}

static void another_method_is_405_and_told_what_is_allowed(void **state)
{
	struct fixture *f = *state;

	post_to(f, http_server_port(f->server), "/hello");
	loop_run(f->loop);
	assert_int_equal(f->status, 405);
	assert_non_null(strstr(talk(f, "DELETE /hello HTTP/1.1\r\nHost: h\r\n"
				       "Connection: close\r\n\r\n"),
		"\r\nAllow: GET, HEAD\r\n"));
	assert_int_equal(f->n_rendered, 0);
}

static void a_route_gives_the_status_and_may_say_nothing(void **state)
{
	struct fixture *f = *state;
	const char *text = talk(f, "GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

	assert_ptr_equal(strstr(text, "HTTP/1.1 503 "), text);
	assert_non_null(strstr(text, "\r\nContent-Length: 0\r\n"));
}

static void turn_over(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	loop_stop(ctx);
}

static void turn(struct fixture *f, int64_t ms)
{
	struct loop_timer timer = {.fn = turn_over, .ctx = f->loop};

	loop_timer_set(f->loop, &timer, clock_mono_ms() + ms);
	loop_run(f->loop);
}

/* libmicrohttpd stops listening at its limit, and must be run once more to listen again. */
static void more_connections_than_its_limit_do_not_end_it(void **state)
{
	enum {
		N = 100
	};
	struct fixture *f = *state;
	int fds[N];

	for (int i = 0; i < N; i++) {
		fds[i] = connect_to(f);
		turn(f, 1);
	}
	for (int i = 0; i < N; i++)
		close(fds[i]);
	turn(f, 200);
	assert_non_null(strstr(
		talk(f, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200 OK"));
}

static void a_body_beyond_its_maximum_is_503(void **state)
{
	struct fixture *f = *state;
	const char *text = talk(f, "GET /long HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

	assert_ptr_equal(strstr(text, "HTTP/1.1 503 "), text);
}

static void bytes_that_are_no_request_do_no_harm(void **state)
{
	struct fixture *f = *state;

	assert_null(strstr(talk(f, "GET\r\n\r\n"), " 200 "));
	assert_null(strstr(talk(f, "\x16\x03\x01\r\n\r\n"), " 200 "));
	assert_non_null(strstr(talk(f, "GET /hello HTTP/1.0\r\n\r\n"), " 200 "));
}

static void a_bad_listen_address_is_named(void **state)
{
	static const char *const bad[] = {"127.0.0.1:99999", "127.0.0.1", "localhost:80", "", ":80",
		"[::1]", "::0", "1.2.3.4:x", "1.2.3.4:00"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct http_server *server = NULL;
		char err[ERR_LEN] = "";
		char want[100];

		assert_int_equal(
			http_server_open(f->loop, bad[i], routes, 3, f, &server, err), -EINVAL);
		snprintf(want, sizeof(want), "--http: '%s' is not ADDR:PORT", bad[i]);
		assert_ptr_equal(strstr(err, want), err);
		assert_null(server);
	}
}

static void a_port_in_use_is_named(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = NULL;
	char listen[40], want[100], err[ERR_LEN];

	snprintf(listen, sizeof(listen), "[::]:%u", http_server_port(f->server));
	snprintf(want, sizeof(want), "--http: cannot listen on '%s': Address already in use",
		listen);
	assert_int_equal(
		http_server_open(f->loop, listen, routes, 3, f, &server, err), -EADDRINUSE);
	assert_string_equal(err, want);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_post_carries_what_was_asked),
		TEST(an_answer_comes_with_its_headers_and_body),
		TEST(a_connection_is_used_again),
		TEST(a_redirect_is_not_followed),
		TEST(a_connection_that_closes_has_no_status),
		TEST(a_body_that_is_cut_short_has_no_status),
		TEST(a_port_where_nobody_listens_has_no_status),
		TEST(an_endless_body_is_cut_and_its_status_counts),
		TEST(closing_breaks_off_what_is_under_way),
		TEST(another_protocol_is_refused),
		TEST(a_get_gives_its_body_out_and_keeps_none),
		TEST(a_get_keeps_what_an_error_says),
		TEST(a_get_is_as_long_as_its_reader_wants),
		TEST(a_get_that_is_cut_short_has_no_status),
		TEST(a_get_ends_at_its_limit),
		TEST(a_cancelled_get_answers_nothing),
		TEST(a_route_is_served_over_ipv4_by_a_socket_of_both_kinds),
		TEST(head_is_get_without_the_body),
		TEST(an_unknown_path_is_404),
		TEST(another_method_is_405_and_told_what_is_allowed),
		TEST(a_route_gives_the_status_and_may_say_nothing),
		TEST(a_body_beyond_its_maximum_is_503),
		TEST(more_connections_than_its_limit_do_not_end_it),
		TEST(bytes_that_are_no_request_do_no_harm),
		TEST(a_bad_listen_address_is_named),
		TEST(a_port_in_use_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
