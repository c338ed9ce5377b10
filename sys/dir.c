/* SPDX-License-Identifier: ISC */
/* dir.c - the names in a directory. */
#include "sys/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's struct linux_dirent64, which stands in no header of its. */
struct record {
	uint64_t ino;
	int64_t off;
	uint16_t len;		/* of the whole record */
	uint8_t type;
	char name[];
};

int dir_open(struct dir *d, const char *path)
{
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d->at = d->n = 0;
	return d->fd < 0 ? -errno : 0;
}

void dir_close(struct dir *d)
{
	close(d->fd);
}

int dir_here(char *ret, size_t cap)
{
	if (syscall(SYS_getcwd, ret, cap) < 0)
		return -errno;
	/* "(unreachable)/..." */
	return *ret == '/' ? 0 : -ENOENT;
}

/* Return: 1, 0 at the end, -errno */
static int read_more(struct dir *d)
{
	long n = syscall(SYS_getdents64, d->fd, d->buf, sizeof(d->buf));

	d->at = 0;
	d->n = n > 0 ? (size_t)n : 0;
	return n < 0 ? -errno : n > 0;
}

int dir_next(struct dir *d, const char **ret)
{
	const struct record *r;
	int more;

	do {
		more = d->at < d->n ? 1 : read_more(d);
		if (more <= 0)
			return more;
		r = (const void *)((const char *)d->buf + d->at);
		d->at += r->len;
	} while (!strcmp(r->name, ".") || !strcmp(r->name, ".."));
	*ret = r->name;
	return 1;
}
