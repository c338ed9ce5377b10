/* SPDX-License-Identifier: ISC */
/* fileio.c - reads and writes small files as a whole. Runs in: any */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>	/* renameat() */
#include <unistd.h>
#include "sys/fileio.h"

int fileio_read_fd(int fd, char *buf, size_t cap, struct str *ret)
{
	size_t len = 0;
	ssize_t n;
	char more;

	*ret = (struct str){ buf, 0 };
	do {
		bool full = len == cap;

		n = read(fd, full ? &more : buf + len, full ? 1 : cap - len);
		if (n > 0 && full) {
			ret->n = len;
			return -EFBIG;
		}
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	ret->n = len;
	return 0;
}

int fileio_read(int dir_fd, const char *path, int flags, char *buf, size_t cap,
	      struct str *ret)
{
	int err, fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | flags);

	*ret = (struct str){ buf, 0 };
	if (fd < 0)
		return -errno;
	err = fileio_read_fd(fd, buf, cap, ret);
	close(fd);
	return err;
}

int fileio_write(int fd, struct str s)
{
	ssize_t n;

	while (s.n) {
		n = write(fd, s.p, s.n);
		if (!n)
			return -EIO;	/* else this would loop for ever */
		if (n < 0 && errno != EINTR)
			return -errno;
		s = str_skip(s, n > 0 ? (size_t)n : 0);
	}
	return 0;
}

int fileio_replace(int dir_fd, const char *path, const char *temp, mode_t mode,
		 bool durable, struct str text)
{
	int err, fd;

	unlinkat(dir_fd, temp, 0);
	fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	err = fileio_write(fd, text);
	if (!err && durable && fsync(fd))
		err = -errno;
	close(fd);
	if (!err && renameat(dir_fd, temp, dir_fd, path))
		err = -errno;
	if (err)
		unlinkat(dir_fd, temp, 0);
	return err;
}
