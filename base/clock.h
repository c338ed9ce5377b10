/* SPDX-License-Identifier: ISC */
/*
 * clock.h - the kernel's clocks as integers.
 *
 * Leases, timers and deadlines use the monotonic clock, which does not jump if
 * the date is corrected. For the date itself, time() is enough.
 * Runs in: any
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/** clock_mono_ms - CLOCK_MONOTONIC in milliseconds, the unit of loop.h. */
uint64_t clock_mono_ms(void);

/** clock_mono_us - the same in microseconds, for sd_notify(3). */
uint64_t clock_mono_us(void);

/** clock_boot_s - CLOCK_BOOTTIME in seconds: the time since the machine
 * started, suspended time included, like the start times in /proc/PID/stat. */
uint64_t clock_boot_s(void);

/** clock_cpu_us - CPU time that this process has used, microseconds. */
uint64_t clock_cpu_us(void);

#endif
