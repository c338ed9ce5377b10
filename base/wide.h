/* SPDX-License-Identifier: ISC */
/*
 * wide.h - 64 bits for times, inodes and offsets also where glibc's own have
 * 32: readdir() and stat() fail there at an inode of more, and time ends in
 * 2038. The compiler's first header, since each of libc's asks for it.
 */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

#if __SIZEOF_LONG__ == 4
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64
#endif

#endif
