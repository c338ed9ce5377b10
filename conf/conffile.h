/* SPDX-License-Identifier: ISC */
/*
 * conffile.h - the configuration as a file that several may change: locked,
 * read, replaced as a whole. upnpctl's; the daemon only reads.
 */
#ifndef CONF_CONFFILE_H
#define CONF_CONFFILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "conf/confedit.h"

struct conffile {
	char path[PATH_MAX];	/* absolute, symbolic links resolved */
	int dir_fd;		/* locked; -1 where it was opened to read */
	bool exists;
	struct stat was;	/* when it was read; where it exists */
};

/**
 * conffile_open - read it; for a change, hold a lock on its directory.
 * @change: others that want to change wait, CONF_LOCK_MS at most (-ETIMEDOUT)
 * @ret_text: empty where there is no file
 *
 * A link that leads nowhere yet is no error: the file will stand where it
 * leads to. The lock is flock()'s and goes with the process.
 * Return: 0, -EFBIG, -EISDIR, -EINVAL (no regular file), -errno; then nothing
 * is held
 */
int conffile_open(struct conffile *, const char *path, bool change,
		  struct confedit *ret_text);

/**
 * conffile_write - replace it: a new file beside it, fsync, rename, fsync of
 * the directory. Whoever is killed meanwhile leaves the old one or the new one,
 * and at most a temporary file, which the next write takes away.
 *
 * Mode and owner stay; a new file is its maker's, 0644.
 * Return: 0; -EBADF (opened to read), -ENOENT (the file was there and is gone),
 * -ESTALE (somebody without our lock has changed it since it was read), -errno:
 * nothing has changed
 */
int conffile_write(struct conffile *, const struct confedit *);

/** conffile_close - let go of the lock. A second time does nothing. */
void conffile_close(struct conffile *);

#endif
