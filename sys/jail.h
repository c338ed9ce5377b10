/* SPDX-License-Identifier: ISC */
/*
 * jail.h - drops every right that the engine does not need. The fork server
 * keeps only what it needs to fork an engine; the engine then drops that.
 * Runs in: any
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

/* The kernel's uid for a user that it cannot name; nobody on most systems
 * (/proc/sys/kernel/overflowuid). */
#define JAIL_NOBODY 65534

/**
 * jail_user - find the user the engine runs as.
 * @name: tried first; then "nobody"
 *
 * Call it before chroot(): it reads /etc/passwd. A small system may have
 * neither user, or not even that file; then it is JAIL_NOBODY.
 * Return: 0, 1 neither exists (@ret_* are JAIL_NOBODY), or -errno (@ret_*
 * unchanged)
 */
int jail_user(const char *name, uid_t *ret_uid, gid_t *ret_gid);

/**
 * jail_dir - make @dir, mode 0700, owned by @uid and @gid.
 *
 * An existing directory is taken over, unless root owns it and it is not empty
 * (-ENOTEMPTY). Plain files in it that another user than root owns, and that
 * have no other name, are given to @uid too: those of an engine that ran as
 * another user. A symbolic link, or anything else that is not a directory, is
 * refused. Parents are not created.
 * Return: 0 or -errno: -ENOENT no parent, -EROFS nothing can be kept there
 */
int jail_dir(const char *dir, uid_t uid, gid_t gid);

/** jail_dir_empty - is @dir empty? jail_dir() requires it if root owns @dir.
 * Return: 0 empty, -ENOTEMPTY, other -errno if it could not be read */
int jail_dir_empty(const char *dir);

/**
 * jail_enter - chroot, drop groups, uid and capabilities, set limits
 * (RLIMIT_NOFILE, RLIMIT_CORE 0, RLIMIT_FSIZE) and no_new_privs; then install
 * the fork server's system call filter, if there can be one. If a step fails,
 * the process cannot continue: the caller exits.
 *
 * The current directory is the jail's as well. An ordinary user may call it:
 * then it leaves out chroot and the uid change, and does the rest.
 * Return: 0 or -errno
 */
int jail_enter(const struct jail *);

/**
 * jail_shut - in a jail: set RLIMIT_NPROC 0 and the engine's filter.
 * @ret_filter: set once all else is done: 0 the filter is in force, -ENOSYS
 *              this kernel or machine has none, -ECANCELED built without one
 * Return: 0 or -errno; then the caller exits
 */
int jail_shut(int *ret_filter);

#endif
