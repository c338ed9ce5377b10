/* SPDX-License-Identifier: ISC */
/*
 * fileio.h - reads and writes small files as a whole.
 *
 * For files that fit into a buffer: configuration, state, /proc, /sys. Files of
 * any length (lease file, list of sockets, output of a program) are read in
 * parts by their own code.
 * Runs in: any
 */
#ifndef SYS_FILEIO_H
#define SYS_FILEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/str.h"

/**
 * fileio_read_fd - read from @fd to its end; continue after a signal.
 * @ret: always set: the bytes that were read, in @buf
 * Return: 0; -EFBIG: there are more than @cap bytes, @ret has the first of
 * them; other -errno: @ret is empty
 */
int fileio_read_fd(int fd, char *buf, size_t cap, struct str *ret);

/**
 * fileio_read - the same for a path.
 * @dir_fd: as in openat(), AT_FDCWD
 * @flags: added to O_RDONLY and O_CLOEXEC: O_NOFOLLOW if others may write the
 *         directory, O_NONBLOCK if it may be a FIFO
 */
int fileio_read(int dir_fd, const char *path, int flags, char *buf, size_t cap,
	      struct str *ret);

/** fileio_write - write all of @s to @fd, which blocks. Return: 0 or -errno; a
 * part may be written then. */
int fileio_write(int fd, struct str s);

/**
 * fileio_replace - replace the file @path, as a whole or not at all.
 * @temp: a name in the same directory that only the caller uses; a file that a
 *        killed process left there is removed
 * @mode: of the new file, less umask
 * @durable: fsync() it first, so that no loss of power leaves an empty file
 * Return: 0, or -errno: @path is unchanged, @temp is removed
 */
int fileio_replace(int dir_fd, const char *path, const char *temp, mode_t mode,
		 bool durable, struct str text);

#endif
