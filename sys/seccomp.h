/* SPDX-License-Identifier: ISC */
/*
 * seccomp.h - the system call filters of the engine and of the fork server. A
 * call that is not on the list is refused; a call that only an intruder makes
 * kills the process.
 * Runs in: any
 */
#ifndef SYS_SECCOMP_H
#define SYS_SECCOMP_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* The fork server's filter stays in force for its engines, so it includes
 * theirs: a process is refused what any of its filters refuses. */
enum seccomp_role { SECCOMP_FORKSERVER, SECCOMP_ENGINE };

/* The length of the filter on the machine with the most calls. */
#define SECCOMP_PROGRAM_MAX 512

/**
 * seccomp_program - write a filter as a program of classic BPF.
 * @ret: room for SECCOMP_PROGRAM_MAX
 * @role: the process that it is for
 * @unlisted: the action for a call that is not on the list, SECCOMP_RET_*
 * @self: the pid that an engine may send signals to
 *
 * Pure. Return: the number of instructions, 0 if they do not fit
 */
size_t seccomp_program(struct sock_filter *ret, enum seccomp_role role,
		       uint32_t unlisted, uint32_t self);

/**
 * seccomp_enter - install the filter. It cannot be removed.
 *
 * Needs no_new_privs. The build chooses the action for a call that is not on
 * the list (unlisted.h).
 * Return: 0, -ENOSYS the kernel or this machine has no such filter,
 * -ECANCELED built without a filter, other -errno
 */
int seccomp_enter(enum seccomp_role);

#endif
