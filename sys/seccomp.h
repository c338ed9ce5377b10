/* SPDX-License-Identifier: ISC */
/*
 * seccomp.h - the engine's system call filter, and the fork server's: what is
 * not on the list is refused, what could only serve an intruder ends the
 * process.
 */
#ifndef SYS_SECCOMP_H
#define SYS_SECCOMP_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* The fork server's holds for the engines that are born there, too, so that it
 * has theirs in it: a process is refused what any of its filters refuses. */
enum seccomp_who { SECCOMP_NURSERY, SECCOMP_ENGINE };

/* Instructions that the list comes to, on the machine with the most calls. */
#define SECCOMP_PROGRAM_MAX 512

/**
 * seccomp_program - the list as a program of classic BPF.
 * @ret: room for SECCOMP_PROGRAM_MAX
 * @who: it is for
 * @unlisted: what becomes of a call that is not on the list, SECCOMP_RET_*
 * @self: the pid that an engine may send signals to
 *
 * Pure. Return: how many instructions, 0 when there is no room
 */
size_t seccomp_program(struct sock_filter *ret, enum seccomp_who who,
		       uint32_t unlisted, uint32_t self);

/**
 * seccomp_enter - put the filter in force, for good.
 *
 * Wants no_new_privs. What becomes of a call that is not on the list is the
 * build's choice (unlisted.h).
 *
 * Return: 0, -ENOSYS the kernel or this machine has no such filter,
 * -ECANCELED built without, other -errno
 */
int seccomp_enter(enum seccomp_who);

#endif
