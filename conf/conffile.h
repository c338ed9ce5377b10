/* SPDX-License-Identifier: ISC */
/*
 * conffile.h - the configuration as a file that several processes may change:
 * locked, read, replaced as a whole. The daemon only reads it, by conf_read().
 * Runs in: upnpctl
 */
#ifndef CONF_CONFFILE_H
#define CONF_CONFFILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "conf/confedit.h"

struct conffile {
	char path[PATH_MAX];	/* absolute, symbolic links resolved */
	int dir_fd;		/* locked; -1: opened to read */
	bool exists;
	struct stat was;	/* when it was read, if it exists */
};

/**
 * conffile_open - read the file; for a change, lock its directory first.
 * @change: lock the directory; waits up to CONF_LOCK_MS for another process
 *          that changes the file (-ETIMEDOUT)
 * @ret_text: empty if there is no file
 *
 * A link to a file that does not exist is not an error: a write creates that
 * file. The lock is a flock(2) lock and ends with the process.
 * Return: 0, -EFBIG, -EISDIR, -EINVAL (not a regular file), -errno. After an
 * error nothing is locked.
 */
int conffile_open(struct conffile *, const char *path, bool change,
		  struct confedit *ret_text);

/**
 * conffile_write - replace the file: write a new one beside it, fsync, rename,
 * fsync the directory. A process that is killed meanwhile leaves the old or the
 * new file, and at most a temporary file, which the next write removes.
 *
 * Mode and owner stay; a new file gets the caller's owner and 0644.
 * Return: 0; -EBADF (opened to read), -ENOENT (the file existed and is
 * deleted), -ESTALE (a process without our lock has changed it since it was
 * read), -errno: nothing has changed
 */
int conffile_write(struct conffile *, const struct confedit *);

/** conffile_close - release the lock. A second call does nothing. */
void conffile_close(struct conffile *);

#endif
