/* SPDX-License-Identifier: Apache-2.0 */
/* uses: probe/offload */
#include "usage.h"

#include "offload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1024 * 1024)

static void memory_that_is_written_to_is_resident(void **state)
{
	int fd = usage_open();
	uint64_t before = usage_rss_bytes(fd), after;
	char *block = malloc(32 * MIB);

	(void)state;
	assert_non_null(block);
	memset(block, 1, 32 * MIB);
	after = usage_rss_bytes(fd);
	assert_true(block[MIB] == 1);
	/* A sanitizer keeps an eighth beside it. */
	assert_in_range(after, before + 31 * MIB, before + 40 * MIB);
	free(block);
	usage_close(fd);
}

static void without_a_descriptor_there_is_no_figure(void **state)
{
	(void)state;
	assert_int_equal(usage_rss_bytes(-1), 0);
	usage_close(-1);
}

static void processor_time_rises_with_work(void **state)
{
	uint64_t before = usage_cpu_us();

	(void)state;
	for (uint64_t i = 0; i < 1000000000 && usage_cpu_us() < before + 10000; i++)
		; /* asking is work enough */
	assert_true(usage_cpu_us() >= before + 10000);
}

static void of_an_interface_that_is_not_there_nothing_is_concluded(void **state)
{
	(void)state;
	assert_true(offload_may_merge("nstats-none"));
	assert_true(offload_may_merge(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_that_is_written_to_is_resident),
		cmocka_unit_test(without_a_descriptor_there_is_no_figure),
		cmocka_unit_test(processor_time_rises_with_work),
		cmocka_unit_test(of_an_interface_that_is_not_there_nothing_is_concluded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
