/* SPDX-License-Identifier: ISC */
/*
 * wide.h - 64 bits for inodes and offsets also where glibc's own have 32:
 * readdir() and stat() fail there at an inode of more. The compiler's first
 * header, since each of libc's asks for it.
 *
 * Not _TIME_BITS: with _FORTIFY_SOURCE glibc 2.36 (bits/poll2.h) hands a 64-bit
 * struct timespec to the 32-bit ppoll(), which then never waits. Leases are on
 * the monotonic clock; musl has 64 bits in any case.
 */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

#if __SIZEOF_LONG__ == 4
#define _FILE_OFFSET_BITS 64
#endif

#endif
