/* SPDX-License-Identifier: ISC */
/*
 * unlisted.h - what becomes of a system call that is not on the filter's list.
 * One of these is built in, as make's FILTER says:
 *
 *   deny  unlisted_deny.c  it fails with EPERM
 *   log   unlisted_trap.c  the same, and one line in the log names it
 *   end   unlisted_trap.c  a line names it, and the process ends: for tests
 *   none  unlisted_none.c  there is no filter: for tools that bring calls of
 *                          their own (sanitizers, valgrind)
 */
#ifndef SYS_UNLISTED_H
#define SYS_UNLISTED_H

#include <stdint.h>

/**
 * unlisted_action - make ready for it, say what the filter shall answer.
 * @ret: a SECCOMP_RET_*
 *
 * Return: 0, -ECANCELED there is to be no filter, other -errno
 */
int unlisted_action(uint32_t *ret);

#endif
