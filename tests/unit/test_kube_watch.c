/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/kube_watch collector/kube_access collector/kube_map collector/kube_slots */
/* uses: collector/kube_claims collector/kube_split collector/kube_event collector/kube_workload */
/* uses: collector/kube_pace collector/intern collector/http_client collector/retry */
/* uses: collector/secret collector/loop collector/strbuf */
#include "kube_watch.h"

#include "clock.h"
#include "http_script.h"
#include "kube_pace.h"
#include "said.h"

#include <errno.h>

#define GUARD_MS    20000
#define LOOK_MS     2
#define SILENCE_MS  150
#define ANSWERS_MAX 12
#define ANSWER_LEN  4096
#define OBJECTS_MAX 8

/* Ends where its length says so; a watch that stays open is longer than what is there of it. */
#define STAYS_OPEN 100000

struct fixture {
	struct loop *loop;
	struct loop_timer guard;
	struct loop_timer look;
	bool (*is_done)(struct fixture *f);
	struct script script;
	struct http_client *client;
	struct kube_map *map;
	struct stats stats;
	struct kube_access access;
	char token_file[64];
	struct kube_watch *watch;
	/* one a request, in their order; then silence */
	char answers[ANSWERS_MAX][ANSWER_LEN];
	char requests[ANSWERS_MAX][1024];
	int64_t asked_ms[ANSWERS_MAX];
	unsigned n_answers;
	const char *endless; /* the answer to every request */
	unsigned n_asked;
	unsigned n_wanted;
};

static void guard_fired(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	(void)now_ms;
	fail_msg("it did not come to it; %u requests, the last: %s", f->n_asked,
		f->n_asked ? f->requests[f->n_asked - 1] : "none");
}

static void look(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	if (f->is_done(f))
		loop_stop(f->loop);
	loop_timer_set(f->loop, &f->look, now_ms + LOOK_MS);
}

static const char *say(void *ctx, const char *request)
{
	struct fixture *f = ctx;
	unsigned i = f->n_asked;

	if (f->endless) {
		f->n_asked++;
		return f->endless;
	}
	assert_true(i < ANSWERS_MAX);
	f->asked_ms[i] = clock_mono_ms();
	snprintf(f->requests[i], sizeof(f->requests[i]), "%s", request);
	f->n_asked++;
	return i < f->n_answers ? f->answers[i] : SCRIPT_SILENT;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[ERR_LEN];

	assert_int_equal(loop_new(&f->loop, err), 0);
	f->guard = (struct loop_timer){.fn = guard_fired, .ctx = f};
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + GUARD_MS);
	f->look = (struct loop_timer){.fn = look, .ctx = f};
	f->script = (struct script){.answer = say, .ctx = f};
	script_open(&f->script, f->loop);
	assert_int_equal(http_client_open(f->loop, &f->client, err), 0);
	f->map = kube_map_new(OBJECTS_MAX, 1);
	snprintf(f->access.url, sizeof(f->access.url), "http://127.0.0.1:%u", f->script.port);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	kube_watch_free(f->watch);
	http_client_close(f->client);
	kube_map_free(f->map);
	script_close(&f->script);
	loop_free(f->loop);
	if (f->token_file[0])
		unlink(f->token_file);
	free(f);
	return 0;
}

static void answer(struct fixture *f, const char *head, size_t len, const char *body)
{
	assert_true(f->n_answers < ANSWERS_MAX);
	snprintf(f->answers[f->n_answers++], ANSWER_LEN,
		"HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", head, len, body);
}

static void answer_status(struct fixture *f, const char *status)
{
	answer(f, status, 0, "");
}

static void answer_list(struct fixture *f, const char *next, const char *items)
{
	char body[ANSWER_LEN];

	snprintf(body, sizeof(body),
		"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"12\",\"continue\":\"%"
		"s\"},\"items\":[%s]}\n",
		next, items);
	answer(f, "200 OK", strlen(body), body);
}

#define POD(name, ip)                                                                              \
	"{\"metadata\":{\"name\":\"" name "\",\"uid\":\"" name                                     \
	"\",\"resourceVersion\":\"13\"},\"status\":{\"podIP\":\"" ip "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)   EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define TOO_DEEP            "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]}"
#define EXPIRED             EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410}")

static void answer_watch(struct fixture *f, const char *events)
{
	answer(f, "200 OK", STAYS_OPEN, events);
}

static void answer_watch_that_ends(struct fixture *f, const char *events)
{
	answer(f, "200 OK", strlen(events), events);
}

static void run_until(struct fixture *f, bool (*is_done)(struct fixture *f))
{
	const struct kube_watch_parts parts = {.loop = f->loop,
		.client = f->client,
		.map = f->map,
		.stats = &f->stats,
		.access = &f->access,
		.silence_ms = SILENCE_MS};

	f->is_done = is_done;
	if (!f->watch)
		f->watch = kube_watch_new(&parts, KUBE_POD);
	loop_timer_set(f->loop, &f->look, clock_mono_ms());
	loop_run(f->loop);
}

static bool is_asked(struct fixture *f)
{
	return f->n_asked >= f->n_wanted;
}

static void run_until_asked(struct fixture *f, unsigned n)
{
	f->n_wanted = n;
	run_until(f, is_asked);
}

static void asked(const struct fixture *f, unsigned i, const char *what)
{
	assert_true(i < f->n_asked);
	if (!strstr(f->requests[i], what))
		fail_msg("request %u is not '%s': %s", i, what, f->requests[i]);
}

static bool is_known(struct fixture *f, const char *text)
{
	struct kube_owner owner;
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return kube_map_address(f->map, &addr, clock_wall_ms(), &owner);
}

static void pages_are_read_to_the_last_and_then_watched_from_there(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "ab/c=", POD("a", "10.0.0.1"));
	answer_list(f, "", POD("b", "10.0.0.2"));
	run_until_asked(f, 3);
	asked(f, 0, "GET /api/v1/pods?limit=500 HTTP/1.1\r\n");
	asked(f, 1, "GET /api/v1/pods?limit=500&continue=ab%2Fc%3D HTTP/1.1\r\n");
	asked(f, 2, "GET /api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=");
	asked(f, 2, "&resourceVersion=12 HTTP/1.1\r\n");
	assert_true(f->asked_ms[2] - f->asked_ms[0] < KUBE_SHORT_WATCH_MS); /* without a pause */
	assert_true(is_known(f, "10.0.0.1") && is_known(f, "10.0.0.2"));
	assert_true(kube_watch_is_settled(f->watch));
	assert_int_equal(f->stats.kube_lists, 1);
	assert_int_equal(f->stats.kube_pods, 2);
}

static void a_watch_is_asked_to_last_five_to_ten_minutes(void **state)
{
	struct fixture *f = *state;
	const char *at;
	unsigned long seconds;

	answer_list(f, "", "");
	run_until_asked(f, 2);
	at = strstr(f->requests[1], "timeoutSeconds=");
	assert_non_null(at);
	seconds = strtoul(at + strlen("timeoutSeconds="), NULL, 10);
	assert_in_range(seconds, 300, 600);
}

static bool is_past(struct fixture *f)
{
	return f->stats.kube_past > 0;
}

static void events_change_what_is_known(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "", POD("a", "10.0.0.1"));
	answer_watch(
		f, EVENT("ADDED", POD("b", "10.0.0.2")) EVENT("DELETED", POD("a", "10.0.0.1")));
	run_until(f, is_past);
	assert_int_equal(f->stats.kube_events, 2);
	assert_int_equal(f->stats.kube_pods, 1);
	assert_true(is_known(f, "10.0.0.2"));
}

static void a_watch_that_ends_goes_on_where_it_stopped(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "", "");
	answer_watch_that_ends(f, BOOKMARK("77"));
	run_until_asked(f, 3);
	asked(f, 2, "watch=1");
	asked(f, 2, "&resourceVersion=77 ");
}

static void a_version_that_is_forgotten_is_listed_anew_and_nothing_lost_meanwhile(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "", POD("a", "10.0.0.1"));
	answer_status(f, "410 Gone");
	answer_list(f, "", POD("a", "10.0.0.1"));
	answer_watch(f, EXPIRED);
	run_until_asked(f, 5);
	asked(f, 2, "?limit=500 ");
	asked(f, 3, "watch=1");
	asked(f, 4, "?limit=500 ");
	assert_int_equal(f->stats.kube_expired, 2);
	assert_int_equal(f->stats.kube_stale, 0);
	assert_int_equal(f->stats.kube_pods, 1);
}

static void what_the_new_list_lacks_is_gone_and_counted(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "", POD("a", "10.0.0.1") "," POD("b", "10.0.0.2"));
	answer_status(f, "410 Gone");
	answer_list(f, "", POD("b", "10.0.0.2"));
	run_until_asked(f, 4);
	assert_int_equal(f->stats.kube_stale, 1);
	assert_int_equal(f->stats.kube_pods, 1);
}

static void a_silent_watch_is_asked_anew_from_where_it_was(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "", "");
	answer_watch(f, BOOKMARK("20"));
	run_until_asked(f, 3);
	asked(f, 2, "&resourceVersion=20 ");
	assert_true(f->asked_ms[2] - f->asked_ms[1] >= SILENCE_MS);
	assert_int_equal(f->stats.kube_silent, 1);
	assert_int_equal(f->stats.kube_lists, 1);
}

static void a_page_that_breaks_off_is_asked_for_again(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "two", POD("a", "10.0.0.1"));
	answer(f, "200 OK\r\n" SCRIPT_HANG_UP, 500, "{\"items\":[" POD("b", "10.0.0.2"));
	answer_status(f, "503 Away");
	answer_list(f, "", POD("b", "10.0.0.2"));
	run_until_asked(f, 5);
	for (unsigned i = 1; i <= 3; i++)
		asked(f, i, "&continue=two ");
	asked(f, 4, "watch=1");
	assert_int_equal(f->stats.kube_unreachable, 1);
	assert_int_equal(f->stats.kube_busy, 1);
	assert_int_equal(f->stats.kube_pods, 2);
}

static void a_page_that_cannot_be_continued_begins_the_list_anew(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "two", POD("a", "10.0.0.1"));
	answer_status(f, "410 Gone");
	run_until_asked(f, 3);
	asked(f, 2, "?limit=500 ");
	assert_int_equal(f->stats.kube_lists, 0);
}

static void who_is_asked_to_wait_waits(void **state)
{
	struct fixture *f = *state;

	answer_status(f, "429 Slower\r\nRetry-After: 2");
	run_until_asked(f, 2);
	assert_true(f->asked_ms[1] - f->asked_ms[0] >= 2000);
	assert_int_equal(f->stats.kube_busy, 1);
	assert_false(kube_watch_is_settled(f->watch));
}

static void write_token(struct fixture *f, const char *token)
{
	FILE *file = fopen(f->token_file, "w");

	assert_non_null(file);
	fprintf(file, "%s\n", token);
	fclose(file);
}

static void a_token_is_read_again_when_it_is_refused(void **state)
{
	struct fixture *f = *state;

	snprintf(f->token_file, sizeof(f->token_file), "/tmp/nstats-token-%d", (int)getpid());
	f->access.token_file = f->token_file;
	write_token(f, "first");
	answer_status(f, "401 Unauthorized");
	run_until_asked(f, 1);
	write_token(f, "second");
	answer_list(f, "", "");
	run_until_asked(f, 3);
	asked(f, 0, "\r\nAuthorization: Bearer first\r\n");
	asked(f, 1, "\r\nAuthorization: Bearer second\r\n");
	assert_int_equal(f->stats.kube_unauthorized, 1);
}

static bool is_unreachable(struct fixture *f)
{
	return f->stats.kube_unreachable > 0;
}

static void without_its_token_file_nothing_is_asked(void **state)
{
	struct fixture *f = *state;

	f->access.token_file = "/nowhere/token";
	run_until(f, is_unreachable);
	assert_int_equal(f->n_asked, 0);
}

static bool is_forbidden(struct fixture *f)
{
	return f->stats.kube_forbidden > 0;
}

static void a_right_that_is_missing_is_nothing_to_wait_for(void **state)
{
	struct fixture *f = *state;

	answer_status(f, "403 Forbidden");
	run_until(f, is_forbidden);
	assert_true(kube_watch_is_settled(f->watch));
}

static void what_is_no_list_is_asked_for_again(void **state)
{
	struct fixture *f = *state;

	answer(f, "200 OK", 6, "<html>");
	answer(f, "200 OK", 26, "{\"kind\":\"PodList\",\"items\":");
	answer(f, "200 OK", 17, "{\"kind\":\"Status\"}");
	answer_status(f, "500 Oh");
	run_until_asked(f, 5);
	assert_int_equal(f->stats.kube_undecodable, 3);
	assert_int_equal(f->stats.kube_failed, 1);
	assert_int_equal(f->stats.kube_lists, 0);
}

static void an_event_that_cannot_be_read_ends_the_watch_and_begins_a_list(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "", POD("a", "10.0.0.1"));
	answer_watch(f, "{\"type\":\"EXPLODED\"}\n");
	run_until_asked(f, 3);
	asked(f, 2, "?limit=500 ");
	assert_int_equal(f->stats.kube_malformed, 1);
	assert_int_equal(f->stats.kube_undecodable, 1);
	assert_int_equal(f->stats.kube_pods, 1);
}

/* What it said may concern an object that is known: a list tells. */
static void an_event_over_the_maximum_begins_a_list(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "", POD("a", "10.0.0.1"));
	answer_watch(f, EVENT("ADDED", POD("b", "10.0.0.2")) TOO_DEEP "\n");
	run_until_asked(f, 3);
	asked(f, 2, "?limit=500 ");
	assert_int_equal(f->stats.kube_oversized, 1);
	assert_int_equal(f->stats.kube_undecodable, 1);
	assert_int_equal(f->stats.kube_pods, 2);
}

/* To watch from the one before would be to believe that nothing happened since. */
static void a_version_over_the_maximum_is_not_believed_to_be_the_one_before(void **state)
{
	struct fixture *f = *state;
	char bookmark[500];

	snprintf(bookmark, sizeof(bookmark), BOOKMARK("%0128d"), 1);
	answer_list(f, "", "");
	answer_watch(f, bookmark);
	said_begin();
	run_until_asked(f, 3);
	said_end();
	asked(f, 2, "?limit=500 ");
	assert_int_equal(f->stats.kube_undecodable, 1);
	assert_int_equal(said("request=\"watch pods\" error=\"a version of 128 bytes\""), 1);
}

static bool is_given_up(struct fixture *f)
{
	return f->stats.kube_undecodable > 0;
}

static void a_list_without_an_end_is_given_up(void **state)
{
	struct fixture *f = *state;
	unsigned n_pages;

	answer_list(f, "more", "");
	f->endless = f->answers[0];
	said_begin();
	run_until(f, is_given_up);
	said_end();
	assert_int_equal(said(" error=\"a list of more than "), 1);
	n_pages = f->n_asked;
	/* enough for as many objects as are kept, in half pages */
	assert_true(n_pages * KUBE_PAGE / 2 <= KUBE_MAP_OBJECTS_MAX);
	assert_true((n_pages + 1) * KUBE_PAGE / 2 > KUBE_MAP_OBJECTS_MAX);
	assert_int_equal(f->stats.kube_lists, 0);
	assert_false(kube_watch_is_settled(f->watch));
}

static bool is_wrong(struct fixture *f)
{
	return f->stats.kube_undecodable + f->stats.kube_failed > 0;
}

/* To the first list, or to the watch after one that is well. */
static void what_is_wrong_with_an_answer_of_200_is_said_in_words(void **state)
{
	static const struct {
		bool is_list;
		const char *body;
		const char *said;
	} cases[] = {
		{true, "<html>", "not JSON, or not what was asked for"},
		{true, "{\"kind\":\"PodList\",\"items\":", "a list that is cut off"},
		{true, "{\"kind\":\"Status\"}", "not a list"},
		{false, "<html>", "not JSON, or not what was asked for"},
		{false, "{\"type\":\"EXPLODED\"}\n", "an event that cannot be read"},
		{false, TOO_DEEP "\n", "an event that is too large"},
		{false,
			EVENT("ERROR",
				"{\"kind\":\"Status\",\"code\":500,\"message\":\"no etcd\"}"),
			"ERROR event: 500 no etcd"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[256];

		f->n_answers = f->n_asked = 0;
		f->stats = (struct stats){0};
		if (!cases[i].is_list)
			answer_list(f, "", "");
		answer(f, "200 OK", strlen(cases[i].body), cases[i].body);
		said_begin();
		run_until(f, is_wrong);
		said_end();
		snprintf(expected, sizeof(expected), " request=\"%s pods\" error=\"%s\" act=",
			cases[i].is_list ? "list" : "watch", cases[i].said);
		assert_int_equal(said("\n"), 1);
		assert_int_equal(said(expected), 1);
		kube_watch_free(f->watch);
		f->watch = NULL;
	}
}

static void an_item_that_cannot_be_read_hides_no_other(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "",
		POD("a", "10.0.0.1") ",{\"metadata\":{}}," TOO_DEEP "," POD("b", "10.0.0.2"));
	run_until_asked(f, 2);
	assert_int_equal(f->stats.kube_malformed, 1);
	assert_int_equal(f->stats.kube_oversized, 1);
	assert_int_equal(f->stats.kube_pods, 2);
}

static void what_there_is_no_room_for_is_counted(void **state)
{
	struct fixture *f = *state;

	answer_list(f, "",
		POD("a", "10.0.0.1") "," POD("b", "10.0.0.2") "," POD("c", "10.0.0.3") "," POD("d",
			"10.0.0.4") "," POD("e", "10.0.0.5") "," POD("f", "10.0.0.6") "," POD("g",
			"10.0.0.7") "," POD("h", "10.0.0.8") "," POD("i", "10.0.0.9"));
	run_until_asked(f, 2);
	assert_int_equal(f->stats.kube_pods, OBJECTS_MAX);
	assert_int_equal(f->stats.kube_overflow, 1);
}

/* A server that forgets every version at once is not asked for lists as fast as it answers. */
static void lists_that_lead_to_nothing_come_ever_more_slowly(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++) {
		answer_list(f, "", "");
		answer_watch(f, EXPIRED);
	}
	run_until_asked(f, 10);
	/* four waits of half a second at least */
	assert_true(f->asked_ms[8] - f->asked_ms[0] >= 2000);
	assert_int_equal(f->stats.kube_lists, 5);
}

static void freeing_breaks_off_what_is_under_way(void **state)
{
	struct fixture *f = *state;

	run_until_asked(f, 1);
	kube_watch_free(f->watch);
	f->watch = NULL;
	kube_watch_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(pages_are_read_to_the_last_and_then_watched_from_there),
		TEST(a_watch_is_asked_to_last_five_to_ten_minutes),
		TEST(events_change_what_is_known),
		TEST(a_watch_that_ends_goes_on_where_it_stopped),
		TEST(a_version_that_is_forgotten_is_listed_anew_and_nothing_lost_meanwhile),
		TEST(what_the_new_list_lacks_is_gone_and_counted),
		TEST(a_silent_watch_is_asked_anew_from_where_it_was),
		TEST(a_page_that_breaks_off_is_asked_for_again),
		TEST(a_page_that_cannot_be_continued_begins_the_list_anew),
		TEST(who_is_asked_to_wait_waits),
		TEST(a_token_is_read_again_when_it_is_refused),
		TEST(without_its_token_file_nothing_is_asked),
		TEST(a_right_that_is_missing_is_nothing_to_wait_for),
		TEST(what_is_no_list_is_asked_for_again),
		TEST(an_event_that_cannot_be_read_ends_the_watch_and_begins_a_list),
		TEST(an_event_over_the_maximum_begins_a_list),
		TEST(a_version_over_the_maximum_is_not_believed_to_be_the_one_before),
		TEST(a_list_without_an_end_is_given_up),
		TEST(what_is_wrong_with_an_answer_of_200_is_said_in_words),
		TEST(an_item_that_cannot_be_read_hides_no_other),
		TEST(what_there_is_no_room_for_is_counted),
		TEST(lists_that_lead_to_nothing_come_ever_more_slowly),
		TEST(freeing_breaks_off_what_is_under_way),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
