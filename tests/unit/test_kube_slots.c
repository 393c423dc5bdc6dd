/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/kube_slots collector/kube_claims collector/intern */
#include "kube_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CAP   16
#define NOW   INT64_C(1795708800000)
#define SHORT 40

static int set_up(void **state)
{
	static struct kube_slots slots;

	assert_true(kube_slots_init(&slots, CAP, CAP, 7));
	*state = &slots;
	return 0;
}

static int tear_down(void **state)
{
	kube_slots_done(*state);
	return 0;
}

static struct kube_slot *add(struct kube_slots *slots, int i)
{
	char uid[SHORT], name[SHORT];
	const struct kube_object object = {
		.kind = KUBE_POD, .uid = uid, .name = name, .namespace = "shop", .start_ms = NOW};

	snprintf(uid, sizeof(uid), "uid-%d", i);
	snprintf(name, sizeof(name), "pod-%d", i);
	return kube_slots_new(slots, &object);
}

static void change_texts(struct kube_slots *slots, struct kube_slot *slot, int i)
{
	char text[SHORT];

	snprintf(text, sizeof(text), "text-%d", i);
	kube_slots_text(slots, &slot->workload, text);
	kube_slots_text(slots, &slot->node, "node-1");
	kube_slots_text(slots, &slot->zone, i % 2 ? text : "zone-a");
	kube_slots_text(slots, &slot->name, slot->name); /* to what it is */
}

/* Whatever came, changed and went: a text that is kept for ever is memory for ever. */
static void what_is_forgotten_leaves_no_text(void **state)
{
	struct kube_slots *slots = *state;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < CAP; i++) {
			struct kube_slot *slot = add(slots, i);

			assert_non_null(slot);
			for (int change = 0; change <= i; change++)
				change_texts(slots, slot, change);
			kube_slots_end(slots, slot, NOW + i, NOW + i);
		}
		assert_true(intern_count(slots->texts) > CAP);
		kube_slots_expire(slots, NOW + CAP);
		assert_int_equal(intern_count(slots->texts), 0);
		assert_int_equal(slots->n_past, 0);
		assert_int_equal(slots->n, CAP);
	}
}

static void what_makes_room_leaves_no_text(void **state)
{
	struct kube_slots *slots = *state;
	const size_t n_shared = 3; /* the namespace, the node, a zone */

	for (int i = 0; i < 5 * CAP; i++) {
		struct kube_slot *slot = add(slots, i);

		assert_non_null(slot);
		change_texts(slots, slot, i);
		kube_slots_end(slots, slot, NOW + i, NOW + i);
	}
	assert_int_equal(intern_count(slots->texts), n_shared + 2 * CAP);
}

static void where_all_live_there_is_no_room_and_no_text_is_kept(void **state)
{
	struct kube_slots *slots = *state;
	size_t n_texts;

	for (int i = 0; i < CAP; i++)
		assert_non_null(add(slots, i));
	n_texts = intern_count(slots->texts);
	assert_null(add(slots, CAP));
	assert_int_equal(intern_count(slots->texts), n_texts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		TEST(what_is_forgotten_leaves_no_text),
		TEST(what_makes_room_leaves_no_text),
		TEST(where_all_live_there_is_no_room_and_no_text_is_kept),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
