/* SPDX-License-Identifier: ISC */
/*
 * jail.h - give up every right the engine does not need: first the fork server
 * all but what it takes to fork one, then the engine that, too.
 */
#ifndef SYS_JAIL_H
#define SYS_JAIL_H

#include <sys/types.h>

struct jail {
	const char *dir;	/* becomes the root directory */
	uid_t uid;
	gid_t gid;
	unsigned files_max;	/* RLIMIT_NOFILE */
};

/* Whom the kernel itself takes for a user it can not name; nobody on most
 * systems (/proc/sys/kernel/overflowuid). */
#define JAIL_NOBODY 65534

/**
 * jail_user - find the user the engine runs as.
 * @name: tried first; where there is none, "nobody"
 *
 * Call before chroot(): it reads /etc/passwd. A system so small that it has
 * neither user, nor perhaps that file, has JAIL_NOBODY.
 *
 * Return: 0, 1 when neither exists (@ret_* are JAIL_NOBODY), or -errno (@ret_*
 * untouched)
 */
int jail_user(const char *name, uid_t *ret_uid, gid_t *ret_gid);

/**
 * jail_dir - make @dir, mode 0700, owned by @uid and @gid.
 *
 * An existing directory is taken over, unless root owns it and something is in
 * it (-ENOTEMPTY); a symbolic link or anything else that is not a directory is
 * refused. Parents are not made.
 *
 * Return: 0 or -errno: -ENOENT no parent, -EROFS nothing can be kept there
 */
int jail_dir(const char *dir, uid_t uid, gid_t gid);

/**
 * jail_dir_empty - is nothing in @dir? What jail_dir() asks of root's.
 *
 * Return: 0 nothing, -ENOTEMPTY, other -errno where it could not be read
 */
int jail_dir_empty(const char *dir);

/**
 * jail_enter - chroot, drop groups, uid and capabilities, set limits
 * (RLIMIT_NOFILE, RLIMIT_CORE 0, RLIMIT_FSIZE), and no_new_privs; then the
 * fork server's system call filter, where there can be one. Any step that fails
 * leaves the process unfit to go on: the caller exits.
 *
 * The current directory is the jail's, too. Also run by an ordinary user (not
 * root): then chroot and the uid change are left out, the rest is done.
 * Return: 0 or -errno
 */
int jail_enter(const struct jail *);

/**
 * jail_shut - in a jail: RLIMIT_NPROC 0 and the engine's filter.
 * @ret_filter: set when all else is done: 0 the filter is in force, -ENOSYS
 *              this kernel or machine has none, -ECANCELED built without
 *
 * Return: 0 or -errno, with which the caller exits
 */
int jail_shut(int *ret_filter);

#endif
