/* SPDX-License-Identifier: ISC */
/*
 * dir.h - the names in a directory, read by getdents64(2) into the caller's
 * memory: opendir() takes memory of libc's.
 */
#ifndef BASE_DIR_H
#define BASE_DIR_H

#include <stddef.h>
#include <stdint.h>

struct dir {
	int fd;
	size_t at, n;			/* of what was read last */
	uint64_t buf[256];		/* aligned as its records are */
};

/** dir_open - the caller closes it with dir_close(). Return: 0, -errno */
int dir_open(struct dir *, const char *path);

/**
 * dir_next - the next name but "." and "..".
 * @ret: valid until the next call
 *
 * Return: 1, 0 (there are no more), -errno
 */
int dir_next(struct dir *, const char **ret);

/** dir_close - once, after a dir_open() that returned 0. */
void dir_close(struct dir *);

#endif
