/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/kube collector/kube_watch collector/kube_access collector/kube_map */
/* uses: collector/kube_slots collector/kube_claims collector/kube_split collector/kube_event */
/* uses: collector/kube_pace */
/* uses: collector/kube_workload collector/intern collector/http_client collector/retry */
/* uses: collector/secret collector/loop collector/strbuf */
#include "kube.h"

#include "clock.h"
#include "http_script.h"

#include <errno.h>

#define GUARD_MS 10000
#define LOOK_MS  2

struct fixture {
	struct loop *loop;
	struct loop_timer look;
	struct script script;
	struct stats stats;
	struct kube *kube;
	const char *forbidden; /* a resource */
	const char *silent;
	int64_t guard_ms;
};

static const char *say(void *ctx, const char *request)
{
	static char text[1000];
	static const char body[] =
		"{\"kind\":\"NodeList\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["
		"{\"metadata\":{\"name\":\"node-1\",\"uid\":\"u\"},\"status\":{\"addresses\":"
		"[{\"type\":\"InternalIP\",\"address\":\"192.0.2.1\"}]}}]}";
	const struct fixture *f = ctx;

	if (strstr(request, "watch=1") || (f->silent && strstr(request, f->silent)))
		return SCRIPT_SILENT;
	if (f->forbidden && strstr(request, f->forbidden))
		return "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(body), body);
	return text;
}

static void look(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	assert_true(now_ms < f->guard_ms);
	if (!kube_is_starting(f->kube, now_ms))
		loop_stop(f->loop);
	loop_timer_set(f->loop, &f->look, now_ms + LOOK_MS);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[ERR_LEN];

	assert_int_equal(loop_new(&f->loop, err), 0);
	f->look = (struct loop_timer){.fn = look, .ctx = f};
	f->guard_ms = clock_mono_ms() + GUARD_MS;
	f->script = (struct script){.answer = say, .ctx = f};
	script_open(&f->script, f->loop);
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	kube_close(f->kube);
	script_close(&f->script);
	loop_free(f->loop);
	free(f);
	return 0;
}

/* How long the start took. */
static int64_t start(struct fixture *f)
{
	int64_t begun_ms = clock_mono_ms();
	char url[100], err[ERR_LEN];
	struct kube_config config = {.kubernetes = url};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", f->script.port);
	assert_int_equal(kube_open(f->loop, &config, &f->stats, &f->kube, err), 0);
	assert_true(kube_is_starting(f->kube, clock_mono_ms()));
	loop_timer_set(f->loop, &f->look, begun_ms);
	loop_run(f->loop);
	return clock_mono_ms() - begun_ms;
}

static void the_start_is_over_when_all_lists_are_there(void **state)
{
	struct fixture *f = *state;
	const uint8_t bytes[] = {192, 0, 2, 1};
	struct addr addr = addr_v4(bytes);
	struct kube_owner owner;

	assert_true(start(f) < KUBE_START_MS);
	assert_int_equal(f->stats.kube_lists, 3);
	assert_int_equal(f->stats.kube_nodes, 1);
	assert_int_equal(f->stats.kube_services, 1);
	assert_true(kube_address(f->kube, &addr, clock_wall_ms(), &owner));
	assert_string_equal(owner.name, "node-1");
	assert_true(kube_pod(f->kube, "", "node-1", clock_wall_ms(), &owner));
}

static void a_list_that_is_refused_is_not_waited_for(void **state)
{
	struct fixture *f = *state;

	f->forbidden = "services";
	assert_true(start(f) < KUBE_START_MS);
	assert_int_equal(f->stats.kube_lists, 2);
}

static void a_list_that_does_not_come_is_waited_for_so_long_and_no_longer(void **state)
{
	struct fixture *f = *state;
	int64_t took_ms;

	f->silent = "nodes";
	took_ms = start(f);
	assert_true(took_ms >= KUBE_START_MS && took_ms < KUBE_START_MS + 1000);
}

static void without_a_cluster_nothing_is_asked_and_nothing_known(void **state)
{
	static const char *const settings[] = {"auto", "off", NULL};
	struct fixture *f = *state;
	const uint8_t bytes[] = {192, 0, 2, 1};
	struct addr addr = addr_v4(bytes);
	struct kube_owner owner;
	char err[ERR_LEN];

	for (size_t i = 0; i < 3; i++) {
		struct kube_config config = {.kubernetes = settings[i]};

		assert_int_equal(kube_open(f->loop, &config, &f->stats, &f->kube, err), 0);
		assert_null(f->kube);
		assert_false(kube_is_starting(f->kube, clock_mono_ms()));
		assert_false(kube_address(f->kube, &addr, 0, &owner));
		assert_false(kube_pod(f->kube, "", "a", 0, &owner));
	}
}

static void where_the_server_is_comes_from_the_pods_environment(void **state)
{
	const struct kube_config config = {.kubernetes = "auto"};
	const struct kube_config other = {.kubernetes = "auto", .token_file = "t", .ca_file = "c"};
	struct kube_access access;
	char err[ERR_LEN];

	(void)state;
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	assert_int_equal(kube_access_find(&config, &access, err), 0);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(kube_access_find(&config, &access, err), 1);
	assert_string_equal(access.url, "https://10.96.0.1:443");
	assert_string_equal(
		access.token_file, "/var/run/secrets/kubernetes.io/serviceaccount/token");
	assert_string_equal(access.ca_file, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
	assert_int_equal(kube_access_find(&other, &access, err), 1);
	assert_string_equal(access.token_file, "t");
	assert_string_equal(access.ca_file, "c");
	setenv("KUBERNETES_SERVICE_HOST", "fd96::1", 1);
	assert_int_equal(kube_access_find(&config, &access, err), 1);
	assert_string_equal(access.url, "https://[fd96::1]:443");
}

static void a_url_is_taken_as_it_stands_or_refused(void **state)
{
	static const char *const bad[] = {"on", "10.0.0.1:6443", "ftp://x", "http://", "https:///",
		"http://a/?x=1", "http://user:secret@a", "http://a b"};
	struct kube_config config = {.kubernetes = "https://api.example:6443/k8s/clusters/c-1//"};
	struct kube_access access;
	char err[ERR_LEN];

	(void)state;
	assert_int_equal(kube_access_find(&config, &access, err), 1);
	assert_string_equal(access.url, "https://api.example:6443/k8s/clusters/c-1");
	assert_null(access.token_file);
	assert_null(access.ca_file);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config.kubernetes = bad[i];
		assert_int_equal(kube_access_find(&config, &access, err), -EINVAL);
		assert_non_null(strstr(err, "--kubernetes"));
	}
}

static void a_token_without_tls_is_exposed_but_on_this_machine(void **state)
{
	static const struct {
		const char *url;
		bool is_exposed;
	} cases[] = {{"http://api.example:8080", true}, {"http://10.0.0.1", true},
		{"http://localhost.example", true}, {"http://[::1", true},
		{"https://api.example", false}, {"http://127.0.0.1:8001", false},
		{"http://localhost:8001", false}, {"http://[::1]:8001", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kube_config config = {.kubernetes = cases[i].url};
		struct kube_access access;
		char err[ERR_LEN];

		assert_int_equal(kube_access_find(&config, &access, err), 1);
		assert_false(kube_access_is_exposed(&access));
		config.token_file = "t";
		assert_int_equal(kube_access_find(&config, &access, err), 1);
		assert_int_equal(kube_access_is_exposed(&access), cases[i].is_exposed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(the_start_is_over_when_all_lists_are_there),
		TEST(a_list_that_is_refused_is_not_waited_for),
		TEST(a_list_that_does_not_come_is_waited_for_so_long_and_no_longer),
		TEST(without_a_cluster_nothing_is_asked_and_nothing_known),
		TEST(where_the_server_is_comes_from_the_pods_environment),
		TEST(a_url_is_taken_as_it_stands_or_refused),
		TEST(a_token_without_tls_is_exposed_but_on_this_machine),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
