/* SPDX-License-Identifier: ISC */
/*
 * unlisted_trap.c - logs the name of a call that is not on the list. Then the
 * call fails, or the process exits (UNLISTED_ENDS). Not in a release.
 *
 * Invariant: log.c makes listed calls only. Another one would trap in the
 * handler, where the kernel kills the process.
 * Runs in: any
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <asm/unistd.h>
#include <ucontext.h>
#include <unistd.h>
#include "base/log.h"
#include "sys/seccomp_arch.h"
#include "sys/unlisted.h"

#define ENDED_STATUS 99

static const struct {
	long nr;
	const char *name;
} calls[] = {
#include "sysname.h"	/* { number, "name" }, ... made by make */
};

static const char *name_of(int nr)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].nr == nr)
			return calls[i].name;
	return "?";
}

/* The signal is raised by the call itself, never between two instructions of
 * log.c, so log.c's state is consistent. */
static void on_sigsys(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	log_err("system call %s (%d) is not on the filter's list",
		name_of(info->si_syscall), info->si_syscall);
	if (UNLISTED_ENDS)
		_exit(ENDED_STATUS);
	SECCOMP_FAIL(uc, EPERM);
}

int unlisted_action(uint32_t *ret)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys,
				.sa_flags = SA_SIGINFO };

	if (sigaction(SIGSYS, &sa, NULL) < 0)
		return -errno;
	*ret = SECCOMP_RET_TRAP;
	return 0;
}
