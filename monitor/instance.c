/* SPDX-License-Identifier: ISC */
/*
 * instance.c - one enabled upnpd for each network namespace.
 *
 * Owns: the socket with the name. Every user may connect to it, so nothing is
 * read from a connection. It must be accepted, because the next daemon learns
 * who has the name only if the queue has room for it.
 * Runs in: monitor
 */
#include "monitor/instance.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

/* Every version of upnpd must use this name, and this type of socket: each
 * type has names of its own. The first byte is NUL. */
static const char name[] = "\0upnpd";

static socklen_t address(struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, name, sizeof(name) - 1);
	return offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1;
}

static int make_socket(int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	return fd < 0 ? -errno : fd;
}

/* Return: the socket that listens on the name, or -errno: -EADDRINUSE */
static int take(void)
{
	struct sockaddr_un at;
	socklen_t len = address(&at);
	int err, fd = make_socket(SOCK_NONBLOCK);

	if (fd < 0)
		return fd;
	if (!bind(fd, (const struct sockaddr *)&at, len) &&
	    !listen(fd, INSTANCE_QUEUE))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The process that called listen() on the name. Waits INSTANCE_STEP_MS at most
 * for room in the queue. Return: 0, or -errno: it is not known */
static int find_holder(struct ucred *ret)
{
	const struct timeval wait = { .tv_usec = INSTANCE_STEP_MS * 1000 };
	struct sockaddr_un at;
	socklen_t at_len = address(&at), len = sizeof(*ret);
	int fd = make_socket(0), err = 0;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) ||
	    connect(fd, (const struct sockaddr *)&at, at_len) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len))
		err = -errno;
	close(fd);
	return err;
}

static void on_connection(struct loop_fd *w, short revents)
{
	struct instance *i = LOOP_OWNER(w, struct instance, name);
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		close(fd);
	else if (errno == EMFILE || errno == ENFILE)
		loop_fd_del(i->loop, w);	/* it would be called forever */
}

void instance_init(struct instance *i, struct loop *loop)
{
	i->loop = loop;
	loop_fd_init(&i->name, -1, on_connection);
}

/* Log a holder that is no daemon: upnpd never runs as an ordinary user. */
static void warn(const struct ucred *c, int err)
{
	if (err)
		log_warn("another process has upnpd's name @upnpd (%s), so "
			 "upnpd cannot notice another upnpd: see ss -xlp, and "
			 "end it", strerror(-err));
	else
		log_warn("process %d of user %u has upnpd's name @upnpd, so "
			 "upnpd cannot notice another upnpd: end it",
			 (int)c->pid, (unsigned)c->uid);
}

int instance_hold(struct instance *i, unsigned wait_ms)
{
	const struct timespec step = { .tv_nsec = INSTANCE_STEP_MS * 1000000 };
	const uint64_t end_ms = clock_mono_ms() + wait_ms;
	struct ucred c = { 0 };
	int fd, err = 0;

	if (i->name.fd >= 0)
		return 0;
	for (;;) {
		fd = take();
		if (fd >= 0)
			break;
		if (fd != -EADDRINUSE)
			return fd;
		err = find_holder(&c);
		i->other = c.pid;
		if (!err && c.uid)
			break;
		if (clock_mono_ms() >= end_ms) {
			if (!err)
				return -EBUSY;
			break;
		}
		nanosleep(&step, NULL);
	}
	if (fd < 0) {
		warn(&c, err);
		return 0;
	}
	i->name.fd = fd;
	return loop_fd_add(i->loop, &i->name, POLLIN);
}

int instance_report(const struct instance *i, int err)
{
	if (err != -EBUSY)
		log_err("upnpd's name @upnpd: %s", strerror(-err));
	else if (i->other)
		log_err("another upnpd (process %d) is enabled in this network "
			"namespace: stop it, or set enabled = no for one of "
			"the two", (int)i->other);
	else
		log_err("another upnpd, in a container, is enabled in this "
			"network namespace: stop it, or set enabled = no for "
			"one of the two");
	return err;
}

void instance_release(struct instance *i)
{
	if (i->name.fd < 0)
		return;
	loop_fd_del(i->loop, &i->name);
	close(i->name.fd);
	i->name.fd = -1;
}
