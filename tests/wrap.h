/* SPDX-License-Identifier: ISC */
/*
 * wrap.h - for a test that puts its own open(), openat(), fstat(), fstatat()
 * or readdir() in the place of libc's (--wrap): the names by which glibc's headers really
 * call these where offsets are made 64 bits wide (base/wide.h). The Makefile
 * names both to the linker.
 */
#ifndef TESTS_WRAP_H
#define TESTS_WRAP_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#ifdef __USE_FILE_OFFSET64
#define __wrap_readdir __wrap_readdir64
#define __real_readdir __real_readdir64
#define __wrap_open __wrap_open64
#define __wrap_openat __wrap_openat64
#define __real_openat __real_openat64
#define __wrap_fstat __wrap_fstat64
#define __real_fstat __real_fstat64
#define __wrap_fstatat __wrap_fstatat64
#define __real_fstatat __real_fstatat64
#endif

#endif
