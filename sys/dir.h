/* SPDX-License-Identifier: ISC */
/*
 * dir.h - the names in a directory, and where we are, by the kernel into the
 * caller's memory: opendir() takes libc's, and musl's getcwd() could.
 */
#ifndef SYS_DIR_H
#define SYS_DIR_H

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

/**
 * dir_here - the whole path of the directory that the process is in.
 *
 * Return: 0; -ERANGE, -ENOENT (it has none: removed, or outside of our root),
 * -errno
 */
int dir_here(char *ret, size_t cap);

/** dir_close - once, after a dir_open() that returned 0. */
void dir_close(struct dir *);

#endif
