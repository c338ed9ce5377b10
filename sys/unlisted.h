/* SPDX-License-Identifier: ISC */
/*
 * unlisted.h - the action for a system call that is not on the filter's list.
 * One of these is built in, by make's FILTER:
 *
 *   deny  unlisted_deny.c  it fails with EPERM
 *   log   unlisted_trap.c  the same, and a log line names it
 *   end   unlisted_trap.c  a log line names it, the process exits: for tests
 *   none  unlisted_none.c  there is no filter: for tools that add system calls
 *                          of their own (sanitizers, valgrind)
 * Runs in: any
 */
#ifndef SYS_UNLISTED_H
#define SYS_UNLISTED_H

#include <stdint.h>

/**
 * unlisted_action - install a signal handler if the action needs one, and
 * return the action.
 * @ret: a SECCOMP_RET_*
 * Return: 0, -ECANCELED install no filter, other -errno
 */
int unlisted_action(uint32_t *ret);

#endif
