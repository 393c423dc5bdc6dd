/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/waiting */
#include "waiting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX (10 * (1 + WAITING_DATAGRAM_COST))

static const struct record record = {.sum = {.tx_bytes = 3, .rx_bytes = 4}};

static int set_up(void **state)
{
	*state = waiting_new(MAX, 1);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	waiting_free(*state);
	return 0;
}

static struct waiting_group *add(
	struct waiting *waiting, uint8_t boot, uint64_t start_ms, uint32_t parts)
{
	struct report report = {.boot_id = {boot}, .start_ms = start_ms, .parts = parts};

	return waiting_add(waiting, &report, &record, 1, 100);
}

static void parts_of_one_interval_are_one_group(void **state)
{
	struct waiting_group *group = add(*state, 1, 1000, 2);

	assert_ptr_equal(add(*state, 1, 1000, 2), group);
	assert_int_equal(group->n_datagrams, 2);
}

static void another_boot_or_interval_is_another_group(void **state)
{
	struct waiting_group *group = add(*state, 1, 1000, 1);

	assert_ptr_not_equal(add(*state, 2, 1000, 1), group);
	assert_ptr_not_equal(add(*state, 1, 2000, 1), group);
}

static void a_group_is_whole_when_all_its_parts_are_there(void **state)
{
	struct waiting_group *group = add(*state, 1, 1000, 2);

	assert_false(waiting_is_whole(group));
	add(*state, 1, 1000, 2);
	assert_true(waiting_is_whole(group));
}

static void a_group_knows_when_its_first_datagram_came(void **state)
{
	struct report report = {.parts = 1};

	waiting_add(*state, &report, &record, 1, 100);
	assert_int_equal(waiting_add(*state, &report, &record, 1, 200)->since_ms, 100);
}

static void datagrams_come_out_in_the_order_in_which_they_came(void **state)
{
	struct report report = {.parts = 3};
	struct waiting_group *group = NULL;

	for (report.sequence = 1; report.sequence <= 3; report.sequence++)
		group = waiting_add(*state, &report, &record, 1, 0);
	for (uint64_t i = 1; i <= 3; i++) {
		struct waiting_datagram *d = waiting_pop(*state, group);

		assert_int_equal(d->report.sequence, i);
		assert_int_equal(d->row_bytes, 7);
		free(d);
	}
	assert_null(waiting_first(*state));
}

static void beyond_the_maximum_nothing_is_added(void **state)
{
	for (uint8_t i = 0; i < 10; i++)
		assert_non_null(add(*state, i, 0, 1));
	assert_false(waiting_has_room(*state, NULL, 0));
	assert_null(add(*state, 10, 0, 1));
}

static void what_was_popped_makes_room(void **state)
{
	for (uint8_t i = 0; i < 10; i++)
		add(*state, i, 0, 1);
	free(waiting_pop(*state, waiting_first(*state)));
	assert_non_null(add(*state, 10, 0, 1));
}

static void groups_can_go_in_any_order(void **state)
{
	struct waiting_group *groups[5];

	for (uint8_t i = 0; i < 5; i++)
		groups[i] = add(*state, i, 0, 1);
	free(waiting_pop(*state, groups[2]));
	free(waiting_pop(*state, groups[4]));
	free(waiting_pop(*state, groups[0]));
	assert_ptr_equal(waiting_first(*state), groups[1]);
	assert_ptr_equal(groups[1]->next, groups[3]);
	assert_null(groups[3]->next);
}

/* As the decoder gives them: flows of one name share its text, which is gone when they are used. */
static void names_are_copied_with_their_records(void **state)
{
	char texts[2][16] = {"a.example", "b.example"};
	const struct record records[] = {
		{.name = texts[1]}, {.name = NULL}, {.name = texts[0]}, {.name = texts[1]}};
	struct report report = {.parts = 1};
	struct waiting_datagram *d;

	waiting_add(*state, &report, records, 4, 0);
	memset(texts, 'x', sizeof(texts));
	d = waiting_pop(*state, waiting_first(*state));
	assert_string_equal(d->records[0].name, "b.example");
	assert_null(d->records[1].name);
	assert_string_equal(d->records[2].name, "a.example");
	assert_ptr_equal(d->records[3].name, d->records[0].name);
	assert_int_equal(d->name_bytes, 20);
	free(d);
}

/* As many names as take a record's size and a byte more are two records. */
static void names_take_room_as_records_do(void **state)
{
	char text[sizeof(struct record) + 1];
	const struct record named = {.name = text};
	struct report report = {.parts = 1};
	size_t n = 0;

	memset(text, 'n', sizeof(text));
	text[sizeof(text) - 1] = '\0'; /* with its NUL a byte more than a record */
	while (waiting_add(*state, &report, &named, 1, 0))
		n++;
	assert_int_equal(n, MAX / (1 + WAITING_DATAGRAM_COST + 2));
	assert_false(waiting_has_room(*state, &named, 1));
	while (waiting_first(*state))
		free(waiting_pop(*state, waiting_first(*state)));
	for (uint8_t i = 0; i < 10; i++)
		assert_non_null(add(*state, i, 0, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parts_of_one_interval_are_one_group),
		TEST(another_boot_or_interval_is_another_group),
		TEST(a_group_is_whole_when_all_its_parts_are_there),
		TEST(a_group_knows_when_its_first_datagram_came),
		TEST(datagrams_come_out_in_the_order_in_which_they_came),
		TEST(beyond_the_maximum_nothing_is_added),
		TEST(what_was_popped_makes_room),
		TEST(groups_can_go_in_any_order),
		TEST(names_are_copied_with_their_records),
		TEST(names_take_room_as_records_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
