/* SPDX-License-Identifier: ISC */
/*
 * wide.h - 64 bits for inodes and offsets where glibc's default is 32: there
 * readdir() and stat() fail for a larger inode. The compiler includes it first,
 * because each header of libc depends on it.
 *
 * It does not set _TIME_BITS: with _FORTIFY_SOURCE glibc 2.36 (bits/poll2.h)
 * passes a 64-bit struct timespec to the 32-bit ppoll(), which then never
 * waits. Leases use the monotonic clock; musl has 64 bits in any case.
 * Runs in: any
 */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

#if __SIZEOF_LONG__ == 4
#define _FILE_OFFSET_BITS 64
#endif

#endif
