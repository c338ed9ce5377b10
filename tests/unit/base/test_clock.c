/* SPDX-License-Identifier: ISC */
/* test_clock.c - each clock agrees with the kernel's, in its own unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "base/clock.h"

static uint64_t kernel_us(clockid_t id)
{
	struct timespec t;

	assert_int_equal(clock_gettime(id, &t), 0);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The clock lies between two readings of the kernel's. */
static void assert_clock(clockid_t id, uint64_t (*clock)(void),
			 uint64_t unit_us)
{
	uint64_t before = kernel_us(id) / unit_us;
	uint64_t now = clock();

	assert_in_range(now, before, kernel_us(id) / unit_us);
}

static void test_each_clock_has_its_unit(void **state)
{
	assert_clock(CLOCK_MONOTONIC, clock_mono_ms, 1000);
	assert_clock(CLOCK_MONOTONIC, clock_mono_us, 1);
	assert_clock(CLOCK_BOOTTIME, clock_boot_s, 1000000);
	assert_clock(CLOCK_PROCESS_CPUTIME_ID, clock_cpu_us, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_clock_has_its_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
