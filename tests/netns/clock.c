/* SPDX-License-Identifier: ISC */
/*
 * clock.c - for LD_PRELOAD into a daemon: clocks that a test sets.
 *
 * UPNPD_CLOCK names a file with two signed 64-bit numbers, the seconds by which
 * the wall clock and the monotonic clock are ahead; the second may be missing.
 * The file is mapped before the daemon drops its rights, so the engine sees
 * changes as well. A wait that has begun is not changed.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead_s;

__attribute__((constructor)) static void look(void)
{
	const char *path = getenv("UPNPD_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 2 * sizeof(*ahead_s),
					     PROT_READ, MAP_SHARED, fd, 0);

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
		ret->tv_sec += ahead_s[0];
	else if (!err && (id == CLOCK_MONOTONIC || id == CLOCK_BOOTTIME))
		ret->tv_sec += ahead_s[1];
	return err;
}

int gettimeofday(struct timeval *ret, void *zone)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	*ret = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (ret)
		*ret = t.tv_sec;
	return t.tv_sec;
}
