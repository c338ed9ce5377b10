/* SPDX-License-Identifier: ISC */
/* ctllisten.c - creates the control socket. Runs in: monitor */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/limits.h"
#include "base/str.h"
#include "monitor/ctllisten.h"

#define BACKLOG	CTL_CLIENTS_MAX

/* Remove a socket on which nobody listens: a killed daemon has left it.
 * Return: 0 the name is free now, -EADDRINUSE, other -errno */
static int clear(const struct sockaddr_un *at)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(at->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)at, sizeof(*at)) ||
	    errno != ECONNREFUSED)
		err = -EADDRINUSE;
	close(fd);
	if (!err && unlink(at->sun_path) && errno != ENOENT)
		err = -errno;
	return err;
}

int ctllisten_open(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, err;

	if (!str_copy(at.sun_path, sizeof(at.sun_path), str_z(path)))
		return -ENAMETOOLONG;
	err = clear(&at);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);	/* mode 0600 from the moment the name exists */
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) ||
	    listen(fd, BACKLOG))
		err = -errno;
	umask(mask);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* A process that holds a listening socket can shut it down for all holders, or
 * leave the waiting connections unaccepted. */
bool ctllisten_repair(int fd)
{
	struct pollfd p = { fd, POLLRDHUP };

	return !listen(fd, BACKLOG) && !poll(&p, 1, 0);
}
