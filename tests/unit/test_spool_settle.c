/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/spool_account collector/spool_statements collector/spool_sqlite */
/* uses: collector/spool_db collector/spool_room collector/spool_setup collector/spool_backup */
/* uses: collector/spool_aside collector/spool_rows collector/spool_commit collector/spool_settle */
/* uses: collector/spool_dead collector/spool_file collector/spool */
#include "spool_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state)
{
	(void)state;
	if (folder_make() < 0)
		return -1;
	return spool_open(path, MIB, &spool, err);
}

static int tear_down(void **state)
{
	(void)state;
	return folder_remove();
}

static void commit_body(uint8_t fill, size_t len)
{
	assert_int_equal(commit_body_at(fill, len, fill, NULL, 0), 0);
}

static uint8_t data[100000];

static struct spool_body next(int64_t after, uint8_t fill)
{
	struct spool_body body;

	assert_int_equal(spool_next(spool, after, &body, err), 1);
	assert_int_equal(body.data[0], fill);
	free(body.data);
	return body;
}

static uint8_t dead_data[] = {71};
static uint8_t rest_data[] = {72, 72};
static const struct spool_body dead = {
	.lines = 3, .traffic_bytes = 300, .data = dead_data, .len = sizeof(dead_data)};
static const struct spool_body rest = {.lines = 2,
	.traffic_bytes = 200,
	.since_ms = 1,
	.data = rest_data,
	.len = sizeof(rest_data)};
static const struct spool_outcome outcome = {
	.dead = &dead, .status = 422, .reason = "some", .rest = &rest};

static void a_body_leaves_and_its_parts_take_its_place(void **state)
{
	struct spool_body found;
	int64_t id;

	(void)state;
	commit_body(1, 5000);
	commit_body(2, 100);
	id = next(0, 1).id;
	assert_int_equal(spool_settle(spool, id, &outcome, err), 1);
	assert_int_equal(state_now().bodies, 2);
	assert_int_equal(state_now().lines, 5);
	assert_int_equal(state_now().traffic_bytes, 1200);
	assert_int_equal(state_now().data_bytes, 102);
	assert_int_equal(state_now().dead_bodies, 1);
	assert_int_equal(state_now().dead_lines, 3);
	assert_int_equal(state_now().dead_traffic_bytes, 300);
	found = next(0, 72);
	assert_int_equal(found.id, id);
	assert_int_equal(next(id, 2).id, id + 1);
	commit_body(3, 100); /* above all that there were */
	assert_int_equal(next(id + 1, 3).id, id + 2);
	assert_int_equal(found.lines, 2);
	assert_int_equal(found.traffic_bytes, 200);
	assert_int_equal(found.since_ms, 1);
	assert_int_equal(found.len, 2);
}

static void a_body_that_is_rejected_as_a_whole_becomes_a_dead_letter(void **state)
{
	(void)state;
	commit_body(1, 100);
	commit_body(2, 100);
	assert_int_equal(refuse(next(0, 1).id, "partial write"), 1);
	assert_int_equal(state_now().dead_bodies, 1);
	assert_int_equal(state_now().dead_lines, 3);
	assert_int_equal(state_now().dead_traffic_bytes, 1000);
	assert_int_equal(state_now().bodies, 1);
	next(0, 2);
}

static void the_state_is_the_same_after_opening_again(void **state)
{
	struct spool_state before, after;

	(void)state;
	commit_body(1, 5000);
	commit_body(2, 100);
	assert_int_equal(spool_settle(spool, next(0, 1).id, &outcome, err), 1);
	before = state_now();
	reopen(MIB);
	after = state_now();
	assert_memory_equal(&before, &after, sizeof(before));
}

static void what_was_evicted_meanwhile_is_not_settled(void **state)
{
	struct spool_state before, after;

	(void)state;
	commit_body(1, 100);
	before = state_now();
	assert_int_equal(spool_settle(spool, 99, &outcome, err), 0);
	after = state_now();
	assert_memory_equal(&before, &after, sizeof(before));
}

static void dead_lines_over_their_bound_are_counted_not_kept(void **state)
{
	const struct spool_body much = {
		.lines = 3, .traffic_bytes = 300, .data = data, .len = sizeof(data)};
	const struct spool_outcome too_much = {.dead = &much, .status = 400, .reason = ""};

	(void)state;
	commit_body(1, 100);
	assert_int_equal(spool_settle(spool, next(0, 1).id, &too_much, err), 1);
	assert_int_equal(state_now().dead_bodies, 0);
	assert_int_equal(state_now().dead_evicted_bodies, 1);
	assert_int_equal(state_now().bodies, 0);
}

static void the_newest_body_is_found_above_an_id(void **state)
{
	struct spool_body body;

	(void)state;
	assert_int_equal(spool_newest(spool, 0, &body, err), 0);
	for (uint8_t i = 1; i <= 3; i++)
		commit_body(i, 100);
	assert_int_equal(spool_newest(spool, 0, &body, err), 1);
	assert_int_equal(body.data[0], 3);
	free(body.data);
	assert_int_equal(spool_newest(spool, body.id, &body, err), 0);
	assert_int_equal(spool_newest(spool, body.id - 1, &body, err), 1);
	free(body.data);
}

static void what_is_replayed_is_not_the_newest(void **state)
{
	struct spool_body body;
	int64_t last = 0;

	(void)state;
	commit_body(1, 100);
	assert_int_equal(refuse(next(0, 1).id, "no"), 1);
	commit_body(2, 100);
	assert_int_equal(spool_last_dead(spool, &last, err), 0);
	assert_int_equal(spool_replay(spool, last, err), 0);
	assert_int_equal(spool_newest(spool, 0, &body, err), 0);
	commit_body(3, 100);
	assert_int_equal(spool_replay(spool, last, err), 0); /* none any more */
	assert_int_equal(spool_newest(spool, 0, &body, err), 1);
	assert_int_equal(body.data[0], 3);
	free(body.data);
}

static void the_newest_body_is_not_evicted_while_it_is_under_way(void **state)
{
	struct spool_body body;
	uint64_t n = 0;

	(void)state;
	commit_body(200, 20000);
	assert_int_equal(spool_newest(spool, 0, &body, err), 1);
	free(body.data);
	for (; n < 100; n++)
		commit_body(1, 20000);
	assert_true(state_now().evicted_bodies > 50);
	assert_int_equal(next(0, 200).id, body.id);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_body_leaves_and_its_parts_take_its_place),
		TEST(a_body_that_is_rejected_as_a_whole_becomes_a_dead_letter),
		TEST(the_state_is_the_same_after_opening_again),
		TEST(what_was_evicted_meanwhile_is_not_settled),
		TEST(dead_lines_over_their_bound_are_counted_not_kept),
		TEST(the_newest_body_is_found_above_an_id),
		TEST(what_is_replayed_is_not_the_newest),
		TEST(the_newest_body_is_not_evicted_while_it_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
