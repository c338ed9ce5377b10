/* SPDX-License-Identifier: ISC */
/*
 * seccomp_nr.h - calls that not every machine has, or whose number the headers
 * that we are built with do not know: NR_NONE there. Such a call is left out
 * of the list.
 */
#ifndef SYS_SECCOMP_NR_H
#define SYS_SECCOMP_NR_H

#include <asm/unistd.h>

#define NR_NONE 0xffff		/* no machine of ours counts so far */

/* mmap() of every libc, where there are two; the older one of i386 takes its
 * arguments by a pointer. */
#ifdef __NR_mmap2
#define NR_mmap __NR_mmap2
#else
#define NR_mmap __NR_mmap
#endif

/* Only i386 glibc needs it; others have a call for each. */
#if defined(__i386__) && defined(__GLIBC__)
#define NR_socketcall __NR_socketcall
#else
#define NR_socketcall NR_NONE
#endif

#ifdef __NR_bpf
#define NR_bpf __NR_bpf
#else
#define NR_bpf NR_NONE
#endif

#ifdef __NR_clock_gettime
#define NR_clock_gettime __NR_clock_gettime
#else
#define NR_clock_gettime NR_NONE
#endif

#ifdef __NR_clock_gettime64
#define NR_clock_gettime64 __NR_clock_gettime64
#else
#define NR_clock_gettime64 NR_NONE
#endif

#ifdef __NR_clone3
#define NR_clone3 __NR_clone3
#else
#define NR_clone3 NR_NONE
#endif

#ifdef __NR_execveat
#define NR_execveat __NR_execveat
#else
#define NR_execveat NR_NONE
#endif

#ifdef __NR_fcntl
#define NR_fcntl __NR_fcntl
#else
#define NR_fcntl NR_NONE
#endif

#ifdef __NR_fcntl64
#define NR_fcntl64 __NR_fcntl64
#else
#define NR_fcntl64 NR_NONE
#endif

#ifdef __NR_finit_module
#define NR_finit_module __NR_finit_module
#else
#define NR_finit_module NR_NONE
#endif

#ifdef __NR_fork
#define NR_fork __NR_fork
#else
#define NR_fork NR_NONE
#endif

#ifdef __NR_fsmount
#define NR_fsmount __NR_fsmount
#else
#define NR_fsmount NR_NONE
#endif

#ifdef __NR_fsopen
#define NR_fsopen __NR_fsopen
#else
#define NR_fsopen NR_NONE
#endif

#ifdef __NR_fspick
#define NR_fspick __NR_fspick
#else
#define NR_fspick NR_NONE
#endif

#ifdef __NR_fstat
#define NR_fstat __NR_fstat
#else
#define NR_fstat NR_NONE
#endif

#ifdef __NR_fstat64
#define NR_fstat64 __NR_fstat64
#else
#define NR_fstat64 NR_NONE
#endif

#ifdef __NR_fstatat64
#define NR_fstatat64 __NR_fstatat64
#else
#define NR_fstatat64 NR_NONE
#endif

#ifdef __NR_getrandom
#define NR_getrandom __NR_getrandom
#else
#define NR_getrandom NR_NONE
#endif

#ifdef __NR_gettimeofday
#define NR_gettimeofday __NR_gettimeofday
#else
#define NR_gettimeofday NR_NONE
#endif

#ifdef __NR_io_uring_setup
#define NR_io_uring_setup __NR_io_uring_setup
#else
#define NR_io_uring_setup NR_NONE
#endif

#ifdef __NR_kexec_file_load
#define NR_kexec_file_load __NR_kexec_file_load
#else
#define NR_kexec_file_load NR_NONE
#endif

#ifdef __NR_kexec_load
#define NR_kexec_load __NR_kexec_load
#else
#define NR_kexec_load NR_NONE
#endif

#ifdef __NR_mount_setattr
#define NR_mount_setattr __NR_mount_setattr
#else
#define NR_mount_setattr NR_NONE
#endif

#ifdef __NR_move_mount
#define NR_move_mount __NR_move_mount
#else
#define NR_move_mount NR_NONE
#endif

#ifdef __NR_newfstatat
#define NR_newfstatat __NR_newfstatat
#else
#define NR_newfstatat NR_NONE
#endif

#ifdef __NR_open_by_handle_at
#define NR_open_by_handle_at __NR_open_by_handle_at
#else
#define NR_open_by_handle_at NR_NONE
#endif

#ifdef __NR_open_tree
#define NR_open_tree __NR_open_tree
#else
#define NR_open_tree NR_NONE
#endif

#ifdef __NR_pidfd_getfd
#define NR_pidfd_getfd __NR_pidfd_getfd
#else
#define NR_pidfd_getfd NR_NONE
#endif

#ifdef __NR_ppoll_time64
#define NR_ppoll_time64 __NR_ppoll_time64
#else
#define NR_ppoll_time64 NR_NONE
#endif

#ifdef __NR_recv
#define NR_recv __NR_recv
#else
#define NR_recv NR_NONE
#endif

#ifdef __NR_renameat
#define NR_renameat __NR_renameat
#else
#define NR_renameat NR_NONE
#endif

#ifdef __NR_renameat2
#define NR_renameat2 __NR_renameat2
#else
#define NR_renameat2 NR_NONE
#endif

#ifdef __NR_send
#define NR_send __NR_send
#else
#define NR_send NR_NONE
#endif

#ifdef __NR_sigreturn
#define NR_sigreturn __NR_sigreturn
#else
#define NR_sigreturn NR_NONE
#endif

#ifdef __NR_statx
#define NR_statx __NR_statx
#else
#define NR_statx NR_NONE
#endif

#ifdef __NR_time
#define NR_time __NR_time
#else
#define NR_time NR_NONE
#endif

#ifdef __NR_userfaultfd
#define NR_userfaultfd __NR_userfaultfd
#else
#define NR_userfaultfd NR_NONE
#endif

#ifdef __NR_vfork
#define NR_vfork __NR_vfork
#else
#define NR_vfork NR_NONE
#endif

#endif
