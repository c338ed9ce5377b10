/* SPDX-License-Identifier: ISC */
/*
 * leasekeep.c - the files that the lease file has replaced.
 *
 * Owns: the files `mappings.before` and `mappings.old`.
 * Never does: wait for the disk, follow a link, log.
 * Invariant: `mappings.old` is replaced only by a file that is on the disk.
 * Runs in: engine
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>	/* renameat() */
#include <sys/stat.h>
#include <unistd.h>
#include "engine/leasekeep.h"
#include "engine/leaseread.h"

#define BEFORE_NAME	"mappings.before"
#define OLD_NAME	"mappings.old"

/* Without O_NONBLOCK, opening a FIFO would wait. */
int leasekeep_open(int dir_fd, const char *name, int flags)
{
	struct stat st;
	int fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK |
			O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) != 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* If the file that waits is on the disk now, it becomes the old one. */
static void end_wait(struct leasekeep *k, int dir_fd, uint64_t now_ms)
{
	if (!k->waiting || now_ms < k->before_ms)
		return;
	k->waiting = false;
	renameat(dir_fd, BEFORE_NAME, dir_fd, OLD_NAME);
}

void leasekeep_keep(struct leasekeep *k, int dir_fd, uint64_t now_ms)
{
	end_wait(k, dir_fd, now_ms);
	if (!k->waiting) {
		unlinkat(dir_fd, BEFORE_NAME, 0);
		k->waiting = linkat(dir_fd, LEASES_FILE, dir_fd, BEFORE_NAME,
				    0) == 0;
		k->before_ms = k->disk_ms;
	}
	end_wait(k, dir_fd, now_ms);
}

void leasekeep_forget(struct leasekeep *k, int dir_fd)
{
	k->waiting = false;
	unlinkat(dir_fd, BEFORE_NAME, 0);
	unlinkat(dir_fd, OLD_NAME, 0);
}

static int scan(int dir_fd, struct leaseread *rd, const char *name)
{
	int fd = leasekeep_open(dir_fd, name, O_RDONLY), err;

	if (fd < 0)
		return fd;
	err = leaseread_scan(rd, fd);
	close(fd);
	return err;
}

bool leasekeep_choose(int dir_fd, struct leaseread *rd)
{
	static const char *const earlier[] = { BEFORE_NAME, OLD_NAME };

	if (scan(dir_fd, rd, LEASES_FILE) != 0 || rd->whole || rd->foreign)
		return false;
	for (size_t i = 0; i < sizeof(earlier) / sizeof(*earlier); i++)
		if (scan(dir_fd, rd, earlier[i]) == 0 && rd->whole &&
		    renameat(dir_fd, earlier[i], dir_fd, LEASES_FILE) == 0)
			return true;
	scan(dir_fd, rd, LEASES_FILE);
	return false;
}
