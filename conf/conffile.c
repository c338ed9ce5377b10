/* SPDX-License-Identifier: ISC */
/*
 * conffile.c - the configuration file: lock, read, replace as a whole.
 *
 * Owns: the lock on the directory, and .NAME.new in it. The holder of the lock
 * is the only user of that name, so the name can be fixed: if the file exists,
 * a process was killed while it wrote.
 * Never does: write into the file itself, follow a link when it writes.
 * Runs in: upnpctl
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>	/* renameat() */
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "base/wr.h"
#include "conf/conffile.h"
#include "sys/fileio.h"

#define LINKS_MAX 40	/* the kernel's limit, path_resolution(7) */
#define NEW_MODE 0644	/* it holds no secret; upnpctl print needs no root */

/* ---- the path -------------------------------------------------------- */

/* The name after the last slash. */
static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The directory, with its slash; "" for the current one. */
static struct str dir_of(const char *path)
{
	return (struct str){ path, (size_t)(name_of(path) - path) };
}

/* Write @dir and @name as one path. */
static int join(char ret[PATH_MAX], struct str dir, const char *name)
{
	char path[PATH_MAX];
	struct wr w = wr_init(path, sizeof(path));

	wr_str(&w, dir);
	wr_z(&w, name);
	wr_cstr(&w);
	if (w.over)
		return -ENAMETOOLONG;
	memcpy(ret, path, w.len + 1);
	return 0;
}

/* Follow a link once. Return: 1, 0 (it is not a link), -errno */
static int follow_link(char path[PATH_MAX])
{
	char to[PATH_MAX];
	ssize_t n = readlink(path, to, sizeof(to) - 1);
	int err;

	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno;
	to[n] = '\0';
	err = join(path, to[0] == '/' ? STR("") : dir_of(path), to);
	return err ? err : 1;
}

/* Resolve links. The file need not exist; its directory must. */
static int resolve(const char *path, char ret[PATH_MAX])
{
	char at[PATH_MAX], dir[PATH_MAX], whole[PATH_MAX];
	int err = join(at, STR(""), path), links = 0;

	while (!err && (err = follow_link(at)) == 1)
		err = ++links < LINKS_MAX ? 0 : -ELOOP;
	if (err)
		return err;
	if (!*name_of(at))
		return -EISDIR;
	err = join(dir, dir_of(at), ".");
	if (err)
		return err;
	if (!realpath(dir, whole))
		return -errno;
	/* "/" has its slash already */
	err = join(whole, str_z(whole), strcmp(whole, "/") ? "/" : "");
	return err ? err : join(ret, str_z(whole), name_of(at));
}

/* ---- the lock -------------------------------------------------------- */

static int lock(int fd)
{
	const struct timespec step = { .tv_nsec = CONF_LOCK_STEP_MS * 1000000 };

	for (unsigned ms = 0;; ms += CONF_LOCK_STEP_MS) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (ms >= CONF_LOCK_MS)
			return -ETIMEDOUT;
		nanosleep(&step, NULL);
	}
}

static int open_dir(struct conffile *f)
{
	char dir[PATH_MAX];
	int err = join(dir, dir_of(f->path), ".");

	if (err)
		return err;
	f->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->dir_fd < 0 ? -errno : lock(f->dir_fd);
}

void conffile_close(struct conffile *f)
{
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	f->dir_fd = -1;
}

/* ---- read ------------------------------------------------------------ */

static int read_file(struct conffile *f, int fd, struct confedit *ret_text)
{
	struct str whole;
	int err;

	if (fstat(fd, &f->was))
		return -errno;
	if (!S_ISREG(f->was.st_mode))
		return S_ISDIR(f->was.st_mode) ? -EISDIR : -EINVAL;
	f->exists = true;
	err = fileio_read_fd(fd, ret_text->text, sizeof(ret_text->text),
			     &whole);
	ret_text->len = whole.n;
	return err;
}

static int open_file(struct conffile *f, struct confedit *ret_text)
{
	/* if it is a FIFO, a blocking open would wait for a writer */
	int fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int err;

	f->exists = false;
	ret_text->len = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = read_file(f, fd, ret_text);
	close(fd);
	return err;
}

int conffile_open(struct conffile *f, const char *path, bool change,
		  struct confedit *ret_text)
{
	int err = resolve(path, f->path);

	f->dir_fd = -1;
	if (!err && change)
		err = open_dir(f);
	if (!err)
		err = open_file(f, ret_text);
	if (err)
		conffile_close(f);
	return err;
}

/* ---- write ----------------------------------------------------------- */

/* Set the owner first, because chown() clears bits of the mode. Until then
 * nobody else can read the file. */
static int copy_owner(const struct conffile *f, int fd)
{
	struct stat is;

	if (!f->exists)
		return fchmod(fd, NEW_MODE) ? -errno : 0;
	if (fstat(fd, &is))
		return -errno;
	if ((is.st_uid != f->was.st_uid || is.st_gid != f->was.st_gid) &&
	    fchown(fd, f->was.st_uid, f->was.st_gid))
		return -errno;
	return fchmod(fd, f->was.st_mode & 07777) ? -errno : 0;
}

static int write_new(const struct conffile *f, int fd, const struct confedit *e,
		struct stat *ret_is)
{
	int err = copy_owner(f, fd);

	if (!err)
		err = fileio_write(fd, (struct str){ e->text, e->len });
	if (!err && (fsync(fd) || fstat(fd, ret_is)))
		err = -errno;
	return err;
}

/* Has the file changed since it was read? An editor does not use our lock. */
static int unchanged(const struct conffile *f)
{
	const struct stat *was = &f->was;
	struct stat is;

	if (fstatat(f->dir_fd, name_of(f->path), &is, AT_SYMLINK_NOFOLLOW))
		return errno != ENOENT || f->exists ? -errno : 0;
	return f->exists && is.st_ino == was->st_ino &&
	       is.st_dev == was->st_dev && is.st_size == was->st_size &&
	       is.st_mtim.tv_sec == was->st_mtim.tv_sec &&
	       is.st_mtim.tv_nsec == was->st_mtim.tv_nsec ? 0 : -ESTALE;
}

/* Write the new file to @temp, then rename it. */
static int replace(struct conffile *f, const char *temp,
		   const struct confedit *e)
{
	struct stat is;
	int err, fd = openat(f->dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL |
			     O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	err = write_new(f, fd, e, &is);
	if (close(fd) && !err)
		err = -errno;
	if (!err)
		err = unchanged(f);
	if (!err && renameat(f->dir_fd, temp, f->dir_fd, name_of(f->path)))
		err = -errno;
	if (err) {
		unlinkat(f->dir_fd, temp, 0);
		return err;
	}
	f->exists = true;
	f->was = is;
	return 0;
}

int conffile_write(struct conffile *f, const struct confedit *e)
{
	char temp[NAME_MAX + 1];
	struct wr w = wr_init(temp, sizeof(temp));
	int err;

	if (f->dir_fd < 0)
		return -EBADF;
	wr_fmt(&w, ".%s.new", name_of(f->path));
	wr_cstr(&w);
	if (w.over)
		return -ENAMETOOLONG;
	if (unlinkat(f->dir_fd, temp, 0) && errno != ENOENT)
		return -errno;
	err = replace(f, temp, e);
	/* The new file is in place. An error of this fsync(), which some file
	 * systems report for every directory, must not be reported as a failed
	 * change. */
	if (!err)
		fsync(f->dir_fd);
	return err;
}
