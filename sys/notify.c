/* SPDX-License-Identifier: ISC */
/* notify.c - sends a datagram to the service manager. Runs in: monitor */
#include "sys/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/limits.h"

#define VARIABLE "NOTIFY_SOCKET"

/* An abstract name starts with a NUL and has none at its end. */
static int parse_address(struct notify *n, struct str name)
{
	bool abstract = str_starts(name, STR("@"));
	size_t len = abstract ? name.n : name.n + 1;

	if (name.n < 2 || (!abstract && !str_starts(name, STR("/"))))
		return -EINVAL;
	if (len > sizeof(n->to.sun_path))
		return -ENAMETOOLONG;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, name.p, name.n);
	if (abstract)
		n->to.sun_path[0] = '\0';
	n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

int notify_open(struct notify *ret)
{
	const char *name = getenv(VARIABLE);
	int err = 0;

	memset(ret, 0, sizeof(*ret));
	if (name && *name)
		err = parse_address(ret, str_z(name));
	unsetenv(VARIABLE);	/* no child of ours may use it */
	return err;
}

/* Wait, because a lost READY makes the manager kill us; but not for ever, in
 * case the manager does not read. */
static int open_socket(void)
{
	const struct timeval wait = {
		NOTIFY_WAIT_MS / 1000, NOTIFY_WAIT_MS % 1000 * 1000,
	};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	return fd;
}

int notify_send(const struct notify *n, struct str text)
{
	int fd, err = 0;

	if (!n->len)
		return 0;
	fd = open_socket();
	if (fd < 0)
		return fd;
	if (sendto(fd, text.p, text.n, MSG_NOSIGNAL,
		   (const struct sockaddr *)&n->to, n->len) < 0)
		err = -errno;
	close(fd);
	return err;
}
