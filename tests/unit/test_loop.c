/* SPDX-License-Identifier: Apache-2.0 */
/* uses: collector/loop */
#include "loop.h"

#include "clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define GUARD_MS 10000

struct fixture {
	struct loop *loop;
	int a;
	int b;
	int n_a;
	int n_b;
	int order[8];
	size_t n_order;
	int signal;
	struct loop_timer guard;
	struct loop_timer timers[3];
};

static void guard_fired(void *ctx, int64_t now_ms)
{
	(void)ctx;
	(void)now_ms;
	fail_msg("the loop was not stopped in time");
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[ERR_LEN];

	assert_int_equal(loop_new(&f->loop, err), 0);
	f->a = eventfd(1, EFD_NONBLOCK);
	f->b = eventfd(1, EFD_NONBLOCK);
	f->guard = (struct loop_timer){.fn = guard_fired};
	loop_timer_set(f->loop, &f->guard, clock_mono_ms() + GUARD_MS);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	loop_free(f->loop);
	close(f->a);
	close(f->b);
	free(f);
	return 0;
}

static void stop(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	(void)now_ms;
	loop_stop(f->loop);
}

static void run_for(struct fixture *f, int64_t ms)
{
	struct loop_timer end = {.fn = stop, .ctx = f};

	loop_timer_set(f->loop, &end, clock_mono_ms() + ms);
	assert_int_equal(loop_run(f->loop), 0);
	loop_timer_cancel(f->loop, &end);
}

static void count_a_and_stop(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;

	assert_true(events & EPOLLIN);
	f->n_a++;
	loop_stop(f->loop);
}

static void count_b(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;

	(void)events;
	f->n_b++;
}

static void a_readable_descriptor_is_reported(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(loop_watch(f->loop, f->a, EPOLLIN, count_a_and_stop, f), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->n_a, 1);
}

static void unwatch_self(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;

	(void)events;
	f->n_a++;
	loop_unwatch(f->loop, f->a);
}

static void a_callback_may_unwatch_itself(void **state)
{
	struct fixture *f = *state;

	loop_watch(f->loop, f->a, EPOLLIN, unwatch_self, f);
	run_for(f, 20);
	assert_int_equal(f->n_a, 1);
}

/* Closes the other one, and opens a descriptor that takes its number. */
static void replace_other(struct fixture *f, int *other)
{
	int fd;

	loop_unwatch(f->loop, f->a);
	loop_unwatch(f->loop, f->b);
	close(*other);
	fd = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(fd, *other);
	assert_int_equal(loop_watch(f->loop, fd, EPOLLIN, count_b, f), 0);
	f->n_a++;
}

static void replace_b(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;

	(void)events;
	replace_other(f, &f->b);
}

static void replace_a(void *ctx, uint32_t events)
{
	struct fixture *f = ctx;

	(void)events;
	replace_other(f, &f->a);
}

static void a_collected_event_is_not_given_to_a_descriptor_of_the_same_number(void **state)
{
	struct fixture *f = *state;

	loop_watch(f->loop, f->a, EPOLLIN, replace_b, f);
	loop_watch(f->loop, f->b, EPOLLIN, replace_a, f);
	run_for(f, 20);
	assert_int_equal(f->n_a, 1);
	assert_int_equal(f->n_b, 0);
}

static void a_descriptor_closed_without_unwatch_may_be_watched_again(void **state)
{
	struct fixture *f = *state;
	int fd = f->a;

	loop_watch(f->loop, f->a, EPOLLIN, count_b, f);
	close(f->a);
	f->a = eventfd(1, EFD_NONBLOCK);
	assert_int_equal(f->a, fd);
	assert_int_equal(loop_watch(f->loop, f->a, EPOLLIN, count_a_and_stop, f), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->n_a, 1);
	assert_int_equal(f->n_b, 0);
}

static void watching_again_changes_the_events(void **state)
{
	struct fixture *f = *state;

	loop_watch(f->loop, f->b, EPOLLIN, count_b, f);
	loop_watch(f->loop, f->b, 0, count_b, f);
	run_for(f, 20);
	assert_int_equal(f->n_b, 0);
}

static void a_bad_descriptor_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(loop_watch(f->loop, -1, EPOLLIN, count_b, f), -EBADF);
	assert_int_equal(loop_watch(f->loop, 1 << 30, EPOLLIN, count_b, f), -EBADF);
}

static void note(struct fixture *f, int which)
{
	f->order[f->n_order++] = which;
	if (f->n_order == 3)
		loop_stop(f->loop);
}

static void note_0(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	note(ctx, 0);
}

static void note_1(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	note(ctx, 1);
}

static void note_2(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	note(ctx, 2);
}

static void timers_init(struct fixture *f)
{
	f->timers[0] = (struct loop_timer){.fn = note_0, .ctx = f};
	f->timers[1] = (struct loop_timer){.fn = note_1, .ctx = f};
	f->timers[2] = (struct loop_timer){.fn = note_2, .ctx = f};
}

static void timers_fire_by_their_time_then_as_they_were_set(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = clock_mono_ms();

	timers_init(f);
	loop_timer_set(f->loop, &f->timers[2], now_ms);
	loop_timer_set(f->loop, &f->timers[1], now_ms);
	loop_timer_set(f->loop, &f->timers[0], now_ms - 1);
	loop_run(f->loop);
	assert_int_equal(f->order[0], 0);
	assert_int_equal(f->order[1], 2);
	assert_int_equal(f->order[2], 1);
}

static void a_timer_that_is_set_again_moves(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = clock_mono_ms();

	timers_init(f);
	for (size_t i = 0; i < 3; i++)
		loop_timer_set(f->loop, &f->timers[i], now_ms + (int64_t)i);
	loop_timer_set(f->loop, &f->timers[0], now_ms + 5);
	loop_run(f->loop);
	assert_int_equal(f->order[0], 1);
	assert_int_equal(f->order[1], 2);
	assert_int_equal(f->order[2], 0);
}

static void a_cancelled_timer_does_not_fire(void **state)
{
	struct fixture *f = *state;

	timers_init(f);
	loop_timer_set(f->loop, &f->timers[0], clock_mono_ms());
	loop_timer_cancel(f->loop, &f->timers[0]);
	loop_timer_cancel(f->loop, &f->timers[0]);
	run_for(f, 20);
	assert_int_equal(f->n_order, 0);
}

static void set_again_at_once(void *ctx, int64_t now_ms)
{
	struct fixture *f = ctx;

	loop_timer_set(f->loop, &f->timers[0], now_ms);
}

static void a_timer_that_is_always_due_does_not_starve_descriptors(void **state)
{
	struct fixture *f = *state;

	f->timers[0] = (struct loop_timer){.fn = set_again_at_once, .ctx = f};
	loop_timer_set(f->loop, &f->timers[0], 0);
	loop_watch(f->loop, f->a, EPOLLIN, count_a_and_stop, f);
	loop_run(f->loop);
	assert_int_equal(f->n_a, 1);
	loop_timer_cancel(f->loop, &f->timers[0]);
}

static void note_signal(void *ctx, int signal)
{
	struct fixture *f = ctx;

	f->signal = signal;
	loop_stop(f->loop);
}

static void a_signal_comes_through_the_loop(void **state)
{
	static const int signals[] = {SIGUSR1, SIGUSR2, 0};
	struct fixture *f = *state;

	assert_int_equal(loop_signals(f->loop, signals, note_signal, f), 0);
	raise(SIGUSR2);
	loop_run(f->loop);
	assert_int_equal(f->signal, SIGUSR2);
}

static void a_stop_before_the_run_ends_it(void **state)
{
	struct fixture *f = *state;

	loop_watch(f->loop, f->b, EPOLLIN, count_b, f);
	loop_stop(f->loop);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->n_b, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_readable_descriptor_is_reported),
		TEST(a_callback_may_unwatch_itself),
		TEST(a_collected_event_is_not_given_to_a_descriptor_of_the_same_number),
		TEST(a_descriptor_closed_without_unwatch_may_be_watched_again),
		TEST(watching_again_changes_the_events),
		TEST(a_bad_descriptor_is_an_error),
		TEST(timers_fire_by_their_time_then_as_they_were_set),
		TEST(a_timer_that_is_set_again_moves),
		TEST(a_cancelled_timer_does_not_fire),
		TEST(a_timer_that_is_always_due_does_not_starve_descriptors),
		TEST(a_signal_comes_through_the_loop),
		TEST(a_stop_before_the_run_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
