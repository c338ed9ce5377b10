/* SPDX-License-Identifier: ISC */
/*
 * wrap.h - for a test that replaces open(), openat(), fstat(), fstatat(),
 * readdir(), nanosleep() or clock_gettime() of libc (--wrap). With 64-bit file
 * offsets (glibc, base/wide.h) or 64-bit times (musl), libc's headers call
 * these functions by other names, which this file replaces as well. The
 * Makefile passes all of the names to the linker.
 */
#ifndef TESTS_WRAP_H
#define TESTS_WRAP_H

#include <fcntl.h>
#include <sys/stat.h>

#ifdef __USE_FILE_OFFSET64
#define __wrap_open __wrap_open64
#define __real_open __real_open64
#define __wrap_openat __wrap_openat64
#define __real_openat __real_openat64
#define __wrap_fstat __wrap_fstat64
#define __real_fstat __real_fstat64
#define __wrap_fstatat __wrap_fstatat64
#define __real_fstatat __real_fstatat64
#define __wrap_readdir __wrap_readdir64
#define __real_readdir __real_readdir64
#endif

#ifdef _REDIR_TIME64
#define __wrap_fstat __wrap___fstat_time64
#define __real_fstat __real___fstat_time64
#define __wrap_fstatat __wrap___fstatat_time64
#define __real_fstatat __real___fstatat_time64
#define __wrap_nanosleep __wrap___nanosleep_time64
#define __real_nanosleep __real___nanosleep_time64
#define __wrap_clock_gettime __wrap___clock_gettime64
#define __real_clock_gettime __real___clock_gettime64
#endif

#endif
