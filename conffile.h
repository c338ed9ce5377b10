/* SPDX-License-Identifier: ISC */
/*
 * conffile.h - the configuration as a file that several may change: locked,
 * read, replaced as a whole. upnpctl's; the daemon only reads.
 */
#ifndef CONFFILE_H
#define CONFFILE_H

#include <limits.h>
#include <sys/types.h>
#include "confedit.h"

struct conffile {
	char path[PATH_MAX];	/* symbolic links resolved */
	int dir_fd;		/* locked (flock) where it was opened to change */
	bool exists;
	mode_t mode;		/* of the file there, kept by the next one */
	uid_t uid;
	gid_t gid;
};

/**
 * conffile_open - read it; for a change, hold a lock on its directory.
 * @change: others that want to change wait, 10 s at most (-ETIMEDOUT)
 * @ret_text: empty where there is no file
 *
 * Return: 0, -EFBIG, -errno
 */
int conffile_open(struct conffile *, const char *path, bool change,
		  struct confedit *ret_text);

/**
 * conffile_write - replace it: a new file beside it, fsync, rename, fsync of
 * the directory. Whoever is killed meanwhile leaves the old one or the new one.
 * Mode and owner stay; a new file is root's, 0644.
 */
int conffile_write(struct conffile *, const struct confedit *);

/** conffile_close - let go of the lock. */
void conffile_close(struct conffile *);

#endif
