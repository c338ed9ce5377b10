/* SPDX-License-Identifier: ISC */
/*
 * fileio.h - small files, read and written whole.
 *
 * For what fits a buffer: configuration, state, /proc, /sys. A file of any
 * length that is read in parts (lease file, list of sockets, output of a
 * program) has a loop of its own.
 *
 * Runs in: any
 */
#ifndef SYS_FILEIO_H
#define SYS_FILEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/str.h"

/**
 * fileio_read_fd - read from @fd to its end; an interrupted read goes on.
 * @ret: always set: what was read, in @buf
 *
 * Return: 0; -EFBIG: there are more than @cap bytes, @ret has the first of
 * them; other -errno: @ret is empty
 */
int fileio_read_fd(int fd, char *buf, size_t cap, struct str *ret);

/**
 * fileio_read - the same for a path.
 * @dir_fd: as of openat(), AT_FDCWD
 * @flags: more than O_RDONLY and O_CLOEXEC: O_NOFOLLOW where others may write
 *         the directory, O_NONBLOCK where it may be a FIFO
 */
int fileio_read(int dir_fd, const char *path, int flags, char *buf, size_t cap,
	      struct str *ret);

/** fileio_write - write all of @s to @fd, which blocks. Return: 0 or -errno; a
 * part may have been written then. */
int fileio_write(int fd, struct str s);

/**
 * fileio_replace - put a file in the place of @path, whole or not at all.
 * @temp: a name in the same directory that is the caller's alone: what a
 *        killed process left there is removed
 * @mode: of the new file, less umask
 * @durable: fsync() it first, so that no loss of power leaves an empty file
 *
 * Return: 0, or -errno: @path is what it was, @temp is gone
 */
int fileio_replace(int dir_fd, const char *path, const char *temp, mode_t mode,
		 bool durable, struct str text);

#endif
