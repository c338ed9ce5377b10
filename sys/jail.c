/* SPDX-License-Identifier: ISC */
/*
 * jail.c - drops every right that the engine does not need.
 *
 * The order matters. The bounding set needs a capability, and chroot() needs
 * root. Groups are dropped before the uid, because the right to change them is
 * lost with it. Then follow capabilities and limits, and the filter comes last,
 * because it forbids all of these calls. At the end a dropped uid is requested
 * again, and it is an error if that succeeds.
 * Runs in: any
 */
#include "sys/jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/limits.h"
#include "base/log.h"
#include "sys/caps.h"
#include "sys/seccomp.h"

#define PASSWD		"/etc/passwd"

/* Does not use getpwnam(), because glibc's would load the libraries that
 * nsswitch.conf names into a process of root. The daemon's user is in the file.
 * Return: 1 found, 0 not found, -errno */
static int find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	FILE *f = fopen(PASSWD, "re");
	const struct passwd *p;
	int found = 0;

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while ((p = fgetpwent(f)) && strcmp(p->pw_name, name))
		;
	if (p) {
		*ret_uid = p->pw_uid;
		*ret_gid = p->pw_gid;
		found = 1;
	} else if (ferror(f)) {
		found = -errno;
	}
	fclose(f);
	return found;
}

int jail_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	int found = name ? find_user(name, ret_uid, ret_gid) : 0;

	if (!found)
		found = find_user("nobody", ret_uid, ret_gid);
	if (found)
		return found < 0 ? found : 0;
	*ret_uid = *ret_gid = JAIL_NOBODY;
	return 1;
}

/* Remove slashes at the end, because O_NOFOLLOW follows a link before one. */
static int trim_path(const char *dir, char *ret, size_t cap)
{
	size_t n = strlen(dir);

	while (n > 0 && dir[n - 1] == '/')
		n--;
	/* Nothing left: the root directory. It must keep its owner. */
	if (n == 0)
		return -EINVAL;
	if (n >= cap)
		return -ENAMETOOLONG;
	memcpy(ret, dir, n);
	ret[n] = '\0';
	return 0;
}

int jail_dir_empty(const char *dir)
{
	const struct dirent *e;
	DIR *d = opendir(dir);
	int err;

	if (!d)
		return -errno;
	do {
		errno = 0;
		e = readdir(d);
	} while (e && (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")));
	err = e ? -ENOTEMPTY : -errno;
	closedir(d);
	return err;
}

/* The files that the engine of another user has written, as before the package
 * gave it a user of its own. root's stay, and so does a file that has a name
 * elsewhere too. O_PATH, because nothing is read, and a FIFO must not block. */
static void own_file(int dir_fd, const char *name, uid_t uid, gid_t gid)
{
	struct stat st;
	int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    st.st_uid != 0 && st.st_uid != uid &&
	    fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		log_warn("state-dir: %s keeps its owner: %s", name,
			 strerror(errno));
	close(fd);
}

static void own_files(int dir_fd, uid_t uid, gid_t gid)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		own_file(fd, e->d_name, uid, gid);
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

/* Works on the descriptor, because the name may be replaced meanwhile. */
static int own_dir(int fd, const char *path, uid_t uid, gid_t gid)
{
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* root's directory, not empty: perhaps /etc by a typing error */
	if (st.st_uid == 0 && uid != 0)
		err = jail_dir_empty(path);
	if (err)
		return err;
	if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) < 0)
		return -errno;
	if (fchmod(fd, 0700) < 0)
		return -errno;
	own_files(fd, uid, gid);
	return 0;
}

int jail_dir(const char *dir, uid_t uid, gid_t gid)
{
	char path[PATH_MAX];
	int fd;
	int err = trim_path(dir, path, sizeof(path));

	if (err < 0)
		return err;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = own_dir(fd, path, uid, gid);
	close(fd);
	return err;
}

/* ---- the steps of jail_enter() ------------------------------------- */

static int drop_to_user(const struct jail *j)
{
	if (chroot(".") < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(j->gid, j->gid, j->gid) < 0 ||
	    setresuid(j->uid, j->uid, j->uid) < 0)
		return -errno;
	if (setresgid((gid_t)-1, 0, (gid_t)-1) == 0 ||
	    setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		return -EPERM;
	return 0;
}

/* Set both the soft and the hard limit, so that nothing can raise it. The fork
 * server's filter permits prlimit(), not setrlimit(). */
static int set_limit(int what, rlim_t max)
{
	const struct rlimit rl = { max, max };

	return prlimit(0, what, &rl, NULL) < 0 ? -errno : 0;
}

static int set_limits(const struct jail *j)
{
	int err = set_limit(RLIMIT_NOFILE, j->files_max);

	if (!err)
		err = set_limit(RLIMIT_CORE, 0);
	if (!err)
		err = set_limit(RLIMIT_FSIZE, ENGINE_FILE_BYTES);
	/* At the limit write() must fail, without a signal that kills us. */
	if (!err && signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		err = -errno;
	return err;
}

/* Without a filter in the kernel or in the build, the rest of the jail is in
 * force. */
static int set_filter(enum seccomp_role role, int *ret_filter)
{
	int err = seccomp_enter(role);

	*ret_filter = err;
	return err == -ENOSYS || err == -ECANCELED ? 0 : err;
}

int jail_enter(const struct jail *j)
{
	bool root = geteuid() == 0;
	int err, filter;

	if (root && (j->uid == 0 || j->gid == 0))
		return -EINVAL;
	if (chdir(j->dir) < 0)
		return -errno;
	err = caps_bar();
	if (err == 0 && root)
		err = drop_to_user(j);
	/* Capabilities end with uid 0, unless somebody has set securebits
	 * before, and an ordinary user may have been given ambient ones. */
	if (err == 0)
		err = caps_drop();
	if (err == 0)
		err = set_limits(j);
	if (err == 0 && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
			 prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
		err = -errno;
	if (err == 0)
		err = set_filter(SECCOMP_FORKSERVER, &filter);
	return err;
}

int jail_shut(int *ret_filter)
{
	int err = set_limit(RLIMIT_NPROC, 0);

	return err ? err : set_filter(SECCOMP_ENGINE, ret_filter);
}
