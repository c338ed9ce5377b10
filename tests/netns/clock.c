/* SPDX-License-Identifier: ISC */
/*
 * clock.c - for LD_PRELOAD into the daemon: a wall clock that a test sets.
 *
 * UPNPD_CLOCK names a file with a signed 64-bit number, the seconds by which
 * the wall clock is ahead. The file is mapped before the daemon drops its
 * rights, so the engine sees changes as well. Other clocks are not changed.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead_s;

__attribute__((constructor)) static void look(void)
{
	const char *path = getenv("UPNPD_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*ahead_s), PROT_READ,
					     MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		abort();
	ahead_s = p;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int err = (int)syscall(SYS_clock_gettime, id, ret);

	if (!err && id == CLOCK_REALTIME)
		ret->tv_sec += *ahead_s;
	return err;
}

time_t time(time_t *ret)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (ret)
		*ret = t.tv_sec;
	return t.tv_sec;
}
