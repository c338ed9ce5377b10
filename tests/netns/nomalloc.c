/* SPDX-License-Identifier: ISC */
/*
 * nomalloc.c - for LD_PRELOAD into the daemon: kills a process that allocates
 * memory after its first wait in ppoll(), and prints why.
 *
 * A forked process may allocate until its own first wait. A reload allocates
 * memory in the monitor, so this cannot test reloads.
 */
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t),
	*__libc_realloc(void *, size_t);

static pid_t begun;	/* the process that has waited */

static void check(void)
{
	static const char text[] = "memory allocated after the start\n";

	if (begun != getpid())
		return;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(99);
	raise(SIGKILL);
}

void *malloc(size_t n)
{
	check();
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	check();
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	check();
	return __libc_realloc(p, n);
}

/* Called by base/mem.h and base/bufpool.c; libc's own calls do not come through
 * here. */
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	static void *(*real)(void *, size_t, int, int, int, off_t);

	check();
	if (!real)
		real = (void *(*)(void *, size_t, int, int, int, off_t))
			dlsym(RTLD_NEXT, "mmap");
	return real(at, n, prot, flags, fd, off);
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	  const sigset_t *mask)
{
	static int (*real)(struct pollfd *, nfds_t, const struct timespec *,
			   const sigset_t *);

	if (!real)
		real = (int (*)(struct pollfd *, nfds_t,
				const struct timespec *, const sigset_t *))
			dlsym(RTLD_NEXT, "ppoll");
	begun = getpid();
	return real(fds, n, timeout, mask);
}
