/* SPDX-License-Identifier: ISC */
/* clock.c - the kernel's clocks as integers. Runs in: any */
#include <time.h>
#include "base/clock.h"

/* None of the clocks used here can fail or be negative. */
static uint64_t read_us(clockid_t id)
{
	struct timespec t = { 0 };

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_boot_s(void)
{
	return read_us(CLOCK_BOOTTIME) / 1000000;
}

uint64_t clock_cpu_us(void)
{
	return read_us(CLOCK_PROCESS_CPUTIME_ID);
}
