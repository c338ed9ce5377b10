/* SPDX-License-Identifier: ISC */
/*
 * ids_nr.h - the calls that change who a process is, of the thread that makes
 * them. libc's take them to every thread: of no use in a program without
 * threads, and 2 KiB of musl.
 */
#ifndef SYS_IDS_NR_H
#define SYS_IDS_NR_H

#include <sys/syscall.h>

/* Older machines' first ones take 16 bits. */
#ifdef SYS_setresuid32
#define NR_SETGROUPS	SYS_setgroups32
#define NR_SETRESGID	SYS_setresgid32
#define NR_SETRESUID	SYS_setresuid32
#else
#define NR_SETGROUPS	SYS_setgroups
#define NR_SETRESGID	SYS_setresgid
#define NR_SETRESUID	SYS_setresuid
#endif

#endif
