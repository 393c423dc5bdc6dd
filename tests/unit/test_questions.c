/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/questions probe/dns_message */
#include "questions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct questions *questions;
static struct dns_name name;

static int setup(void **state)
{
	(void)state;
	questions = questions_new(7);
	return questions && dns_name_from_text("a.example", &name) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	questions_free(questions);
	return 0;
}

static struct question_key some_key(void)
{
	return (struct question_key){
		.server = addr_v4((uint8_t[]){10, 0, 0, 53}),
		.client = addr_v4((uint8_t[]){10, 0, 0, 1}),
		.server_port = 53,
		.client_port = 40000,
		.proto = 17,
		.id = 0x1234,
		.type = DNS_TYPE_A,
		.name = &name,
	};
}

static void what_was_asked_is_open_until_it_is_closed(void **state)
{
	struct question_key key = some_key();

	(void)state;
	assert_false(questions_is_open(questions, &key, 0));
	assert_true(questions_ask(questions, &key, 0));
	assert_true(questions_is_open(questions, &key, 1));
	questions_close(questions, &key);
	assert_false(questions_is_open(questions, &key, 1));
	questions_close(questions, &key);
}

static void whatever_is_different_is_another_question(void **state)
{
	struct question_key key = some_key(), other[8];
	struct dns_name b;

	(void)state;
	assert_true(dns_name_from_text("b.example", &b));
	assert_true(questions_ask(questions, &key, 0));
	for (size_t i = 0; i < 8; i++)
		other[i] = key;
	other[0].server = addr_v4((uint8_t[]){10, 0, 0, 54});
	other[1].client = addr_v4((uint8_t[]){10, 0, 0, 2});
	other[2].server_port = 54;
	other[3].client_port++;
	other[4].proto = 6;
	other[5].id ^= 1;
	other[6].type = DNS_TYPE_AAAA;
	other[7].name = &b;
	for (size_t i = 0; i < 8; i++)
		assert_false(questions_is_open(questions, &other[i], 0));
	assert_true(questions_is_open(questions, &key, 0));
}

static void a_question_is_open_for_thirty_seconds_from_when_it_was_last_asked(void **state)
{
	struct question_key key = some_key();

	(void)state;
	questions_ask(questions, &key, 0);
	assert_true(questions_is_open(questions, &key, 29999));
	assert_false(questions_is_open(questions, &key, 30000));
	assert_true(questions_ask(questions, &key, 20000));
	assert_true(questions_is_open(questions, &key, 49999));
	assert_false(questions_is_open(questions, &key, 50000));
}

/* Whichever place a question falls into: what is lost is told, what is told as kept is there. */
static void what_finds_no_room_pushes_out_the_oldest_and_says_so(void **state)
{
	struct question_key key = some_key();
	size_t n_lost = 0, n_open = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * QUESTIONS_MAX; i++) {
		key.id = (uint16_t)i;
		n_lost += !questions_ask(questions, &key, i);
		assert_true(questions_is_open(questions, &key, i));
	}
	for (unsigned i = 0; i < 2 * QUESTIONS_MAX; i++) {
		key.id = (uint16_t)i;
		n_open += questions_is_open(questions, &key, 2 * QUESTIONS_MAX);
	}
	assert_int_equal(n_open + n_lost, 2 * QUESTIONS_MAX);
	assert_in_range(n_open, QUESTIONS_MAX / 2, QUESTIONS_MAX);
	/* Those that are over push nobody out. */
	for (unsigned i = 0; i < 4; i++) {
		key.id = (uint16_t)i;
		key.client_port = 1;
		assert_true(questions_ask(questions, &key, 100000));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_asked_is_open_until_it_is_closed),
		TEST(whatever_is_different_is_another_question),
		TEST(a_question_is_open_for_thirty_seconds_from_when_it_was_last_asked),
		TEST(what_finds_no_room_pushes_out_the_oldest_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
