/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/kube_split collector/strbuf */
#include "kube_split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS_MAX 16

/* Strings that look like structure, escapes, nesting, and space everywhere. */
static const char list[] = " {\"kind\":\"PodList\", \"metadata\" : "
			   "{\"resourceVersion\":\"12\",\"continue\":\"a}b\"},\n"
			   "\"items\" : [ {\"a\":\"]}\\\"{\",\"b\":[1,{\"c\":[]}]} "
			   ",{\"d\":\"\\\\\"},\n{}],\"z\":{\"items\":[1]}}\n";
static const char *const list_items[] = {
	"{\"a\":\"]}\\\"{\",\"b\":[1,{\"c\":[]}]}", "{\"d\":\"\\\\\"}", "{}"};
static const char list_envelope[] =
	"{\"kind\":\"PodList\", \"metadata\" : {\"resourceVersion\":\"12\",\"continue\":\"a}b\"},\n"
	"\"items\" : [],\"z\":{\"items\":[1]}}";

struct fixture {
	struct kube_split split;
	char *objects[OBJECTS_MAX];
	size_t n;
	size_t n_wanted; /* then it has enough; 0: never */
};

static bool object_given(void *ctx, const char *text, size_t len)
{
	struct fixture *f = ctx;

	assert_true(f->n < OBJECTS_MAX);
	assert_int_equal(strlen(text), len);
	f->objects[f->n++] = strndup(text, len);
	return f->n != f->n_wanted;
}

static void clear(struct fixture *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->objects[i]);
	f->n = 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	kube_split_init(&f->split, object_given, f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	clear(f);
	kube_split_done(&f->split);
	free(f);
	return 0;
}

/* In a block of its own, so that a sanitizer sees what is read beyond it. */
static bool feed(struct fixture *f, const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	bool is_ok;

	memcpy(copy, text, len);
	copy[len] = 'x';
	is_ok = kube_split_feed(&f->split, copy, len);
	free(copy);
	return is_ok;
}

static void begin(struct fixture *f, bool is_list)
{
	clear(f);
	kube_split_begin(&f->split, is_list);
}

static void is_the_list(struct fixture *f)
{
	size_t len = 0;
	const char *envelope = kube_split_envelope(&f->split, &len);

	assert_int_equal(f->n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(f->objects[i], list_items[i]);
	assert_non_null(envelope);
	assert_int_equal(len, strlen(envelope));
	/* the space before it is its own */
	assert_string_equal(envelope + 1, list_envelope);
}

static void a_list_is_cut_alike_wherever_its_chunks_end(void **state)
{
	struct fixture *f = *state;
	size_t len = strlen(list) - 1; /* the final line feed belongs to nobody */

	for (size_t first = 0; first <= len; first++) {
		begin(f, true);
		assert_true(feed(f, list, first));
		assert_true(feed(f, list + first, len - first));
		is_the_list(f);
	}
	begin(f, true);
	for (size_t i = 0; i < len; i++)
		assert_true(feed(f, list + i, 1));
	is_the_list(f);
}

static void every_truncation_of_a_list_is_no_list(void **state)
{
	struct fixture *f = *state;
	size_t end = (size_t)(strrchr(list, '}') - list);
	size_t len = 0;

	for (size_t n = 0; n <= end; n++) {
		begin(f, true);
		assert_true(feed(f, list, n));
		assert_null(kube_split_envelope(&f->split, &len));
		for (size_t i = 0; i < f->n; i++)
			assert_string_equal(f->objects[i], list_items[i]);
	}
}

static void events_come_one_by_one_and_half_a_one_not(void **state)
{
	static const char events[] =
		"{\"type\":\"ADDED\",\"object\":{\"items\":[{}]}}\n{\"n\":2}{\"n\":3}\r\n{\"n";
	struct fixture *f = *state;

	for (size_t step = 1; step < sizeof(events); step++) {
		begin(f, false);
		for (size_t at = 0; at < strlen(events); at += step)
			assert_true(feed(f, events + at,
				step < strlen(events) - at ? step : strlen(events) - at));
		assert_int_equal(f->n, 3);
		assert_string_equal(
			f->objects[0], "{\"type\":\"ADDED\",\"object\":{\"items\":[{}]}}");
		assert_string_equal(f->objects[1], "{\"n\":2}");
		assert_string_equal(f->objects[2], "{\"n\":3}");
	}
}

static void what_names_never_need_is_left_out(void **state)
{
	static const char text[] = "{\"metadata\":{\"managedFields\":[{\"f:x\":{}}],\"name\":\"a\","
				   "\"annotations\" : {\"k\":\"},]\"}},"
				   "\"spec\":{\"containers\":[{\"volumes\":1}],\"nodeName\":"
				   "\"containers\"},\"volumes\":null}";
	struct fixture *f = *state;

	for (size_t first = 0; first <= strlen(text); first++) {
		begin(f, false);
		assert_true(feed(f, text, first));
		assert_true(feed(f, text + first, strlen(text) - first));
		assert_int_equal(f->n, 1);
		assert_string_equal(f->objects[0],
			"{\"metadata\":{\"managedFields\":0,\"name\":\"a\",\"annotations\" :0},"
			"\"spec\":{\"containers\":0,\"nodeName\":\"containers\"},\"volumes\":0}");
	}
}

/* A value of so many bytes at a key, in the middle of three objects. */
static void feed_three(struct fixture *f, const char *key, size_t len)
{
	char *fat = malloc(len + 1);
	char head[64];

	memset(fat, 'x', len);
	snprintf(head, sizeof(head), "{\"n\":1}{\"%s\":\"", key);
	begin(f, false);
	assert_true(feed(f, head, strlen(head)));
	assert_true(feed(f, fat, len));
	assert_true(feed(f, "\"}{\"n\":3}", 9));
	free(fat);
}

static void an_object_over_the_maximum_is_skipped_and_the_next_is_not(void **state)
{
	struct fixture *f = *state;

	feed_three(f, "k", KUBE_SPLIT_OBJECT_MAX - strlen("{\"k\":\"\"}"));
	assert_int_equal(f->n, 3);
	assert_int_equal(f->split.n_skipped, 0);
	feed_three(f, "k", KUBE_SPLIT_OBJECT_MAX - strlen("{\"k\":\"\"}") + 1);
	assert_int_equal(f->n, 2);
	assert_string_equal(f->objects[1], "{\"n\":3}");
	assert_int_equal(f->split.n_skipped, 1);
}

static void fat_that_is_left_out_has_no_maximum(void **state)
{
	struct fixture *f = *state;

	feed_three(f, "annotations", 8 << 20);
	assert_int_equal(f->n, 3);
	assert_string_equal(f->objects[1], "{\"annotations\":0}");
	assert_true(f->split.object.cap <= KUBE_SPLIT_OBJECT_MAX + 1);
}

static void feed_depth(struct fixture *f, const char *key, size_t depth)
{
	begin(f, false);
	assert_true(feed(f, "{\"", 2));
	assert_true(feed(f, key, strlen(key)));
	assert_true(feed(f, "\":", 2));
	for (size_t i = 0; i < depth; i++)
		assert_true(feed(f, "[", 1));
	for (size_t i = 0; i < depth; i++)
		assert_true(feed(f, "]", 1));
	assert_true(feed(f, "}{}", 3));
}

static void an_object_that_is_too_deep_is_skipped_and_the_next_is_not(void **state)
{
	struct fixture *f = *state;

	feed_depth(f, "k", KUBE_SPLIT_DEPTH_MAX - 1);
	assert_int_equal(f->n, 2);
	feed_depth(f, "k", KUBE_SPLIT_DEPTH_MAX);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->split.n_skipped, 1);
	feed_depth(f, "volumes", 100000);
	assert_int_equal(f->n, 2);
}

static void an_envelope_over_the_maximum_is_refused(void **state)
{
	struct fixture *f = *state;
	bool is_ok = true;

	begin(f, true);
	assert_true(feed(f, "{\"k\":\"", 6));
	for (size_t i = 0; is_ok && i <= KUBE_SPLIT_ENVELOPE_MAX; i++)
		is_ok = feed(f, "x", 1);
	assert_false(is_ok);
}

static void what_is_no_list_and_no_event_is_refused(void **state)
{
	static const char *const lists[] = {"<html>", "[{}]", "null", "{\"items\":[1]}",
		"{\"items\":[[]]}", "{\"items\":[\"a\"]}", "}", "{}{}", "{} x", "{\"items\":[{}:]}",
		"\"a\""};
	static const char *const events[] = {
		"<html>", "[{}]", "null", "}", "{},{}", "{}:", "\"a\"", "{}]"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		begin(f, true);
		assert_false(feed(f, lists[i], strlen(lists[i])));
	}
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		begin(f, false);
		assert_false(feed(f, events[i], strlen(events[i])));
	}
}

static void who_has_enough_gets_no_more(void **state)
{
	struct fixture *f = *state;

	f->n_wanted = 1;
	begin(f, false);
	assert_false(feed(f, "{\"n\":1}{\"n\":2}", 14));
	assert_int_equal(f->n, 1);
}

/* Its keys may lie in the object before it. */
static void a_colon_without_a_key_is_harmless(void **state)
{
	struct fixture *f = *state;

	begin(f, false);
	assert_true(feed(f, "{\"annotations\":1}{:2}{\"containers\":[:}", 38));
	assert_int_equal(f->n, 2);
	assert_string_equal(f->objects[1], "{:2}");
}

static bool object_ignored(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	return text[0] == '{' && text[len - 1] != '{';
}

static void any_bytes_at_all_are_survived(void **state)
{
	static const char *const words[] = {"{", "}", "[", "]", ":", ",", "\"", "\\", "\"items\":[",
		"\"annotations\":", "a", " ", "{\"", "\"}"};
	struct fixture *f = *state;
	uint64_t random = 1;

	f->split.fn = object_ignored;
	for (int round = 0; round < 20000; round++) {
		bool is_ok = true;

		begin(f, round % 2 == 0);
		for (int i = 0; is_ok && i < 60; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			const char *word =
				words[(random >> 33) % (sizeof(words) / sizeof(words[0]))];

			is_ok = feed(f, word, strlen(word));
		}
		assert_true(f->split.object_depth <= f->split.depth);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(a_list_is_cut_alike_wherever_its_chunks_end),
		TEST(every_truncation_of_a_list_is_no_list),
		TEST(events_come_one_by_one_and_half_a_one_not),
		TEST(what_names_never_need_is_left_out),
		TEST(an_object_over_the_maximum_is_skipped_and_the_next_is_not),
		TEST(fat_that_is_left_out_has_no_maximum),
		TEST(an_object_that_is_too_deep_is_skipped_and_the_next_is_not),
		TEST(an_envelope_over_the_maximum_is_refused),
		TEST(what_is_no_list_and_no_event_is_refused),
		TEST(who_has_enough_gets_no_more),
		TEST(a_colon_without_a_key_is_harmless),
		TEST(any_bytes_at_all_are_survived),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
