/* SPDX-License-Identifier: ISC */
/*
 * seccomp_arch.h - the differences between machine types that matter to the
 * filter: the kernel's name of the type, a second range of call numbers that
 * the kernel accepts, and how a signal handler makes a system call fail.
 *
 * A machine type that is not listed here gets no filter (-ENOSYS).
 * Runs in: any
 */
#ifndef SYS_SECCOMP_ARCH_H
#define SYS_SECCOMP_ARCH_H

#include <asm/unistd.h>
#include <endian.h>
#include <linux/audit.h>

/* x32 calls come as x86-64 with this bit set: the same calls under other
 * numbers, which are not on the list. */
#define SECCOMP_FOREIGN_NR 0x40000000

/* v0 holds the error number, and a3 marks it as an error. */
#define SECCOMP_FAIL_MIPS(gregs, err) ((gregs)[2] = (err), (gregs)[7] = 1)

#if defined(__x86_64__) && !defined(__ILP32__)
#define SECCOMP_ARCH AUDIT_ARCH_X86_64
#define SECCOMP_FAIL(uc, err) (((uc)->uc_mcontext.gregs[REG_RAX]) = -(err))
#elif defined(__i386__)
#define SECCOMP_ARCH AUDIT_ARCH_I386
#define SECCOMP_FAIL(uc, err) (((uc)->uc_mcontext.gregs[REG_EAX]) = -(err))
#elif defined(__aarch64__)
#define SECCOMP_ARCH \
	(BYTE_ORDER == BIG_ENDIAN ? AUDIT_ARCH_AARCH64 & ~__AUDIT_ARCH_LE : \
				    AUDIT_ARCH_AARCH64)
#define SECCOMP_FAIL(uc, err) (((uc)->uc_mcontext.regs[0]) = -(err))
#elif defined(__arm__) && defined(__ARM_EABI__)
#define SECCOMP_ARCH \
	(BYTE_ORDER == BIG_ENDIAN ? AUDIT_ARCH_ARMEB : AUDIT_ARCH_ARM)
#define SECCOMP_FAIL(uc, err) (((uc)->uc_mcontext.arm_r0) = -(err))
#elif defined(__mips__) && _MIPS_SIM == _ABIO32
#define SECCOMP_ARCH \
	(BYTE_ORDER == BIG_ENDIAN ? AUDIT_ARCH_MIPS : AUDIT_ARCH_MIPSEL)
#define SECCOMP_FAIL(uc, err) SECCOMP_FAIL_MIPS((uc)->uc_mcontext.gregs, err)
#elif defined(__mips__) && _MIPS_SIM == _ABI64
#define SECCOMP_ARCH \
	(BYTE_ORDER == BIG_ENDIAN ? AUDIT_ARCH_MIPS64 : AUDIT_ARCH_MIPSEL64)
#define SECCOMP_FAIL(uc, err) SECCOMP_FAIL_MIPS((uc)->uc_mcontext.gregs, err)
#elif defined(__riscv) && __riscv_xlen == 64
#define SECCOMP_ARCH AUDIT_ARCH_RISCV64
#define SECCOMP_FAIL(uc, err) (((uc)->uc_mcontext.__gregs[10]) = -(err))
#elif defined(__loongarch64)
#define SECCOMP_ARCH AUDIT_ARCH_LOONGARCH64
#define SECCOMP_FAIL(uc, err) (((uc)->uc_mcontext.__gregs[4]) = -(err))
#else
#define SECCOMP_ARCH 0
#define SECCOMP_FAIL(uc, err) ((*(long *)(uc)) = -(err))
#endif

/* The number of a call that this machine lacks. No machine's numbers are as
 * high. */
#define NR_NONE 0xffff

/* The mmap() of every libc. On i386 it is mmap2, because the older call takes
 * its arguments by a pointer, which a filter cannot read. */
#ifdef __NR_mmap2
#define SECCOMP_MMAP __NR_mmap2
#else
#define SECCOMP_MMAP __NR_mmap
#endif

/* Only i386 glibc needs it; others have a call for each function. */
#if defined(__i386__) && defined(__GLIBC__)
#define SECCOMP_SOCKETCALL __NR_socketcall
#else
#define SECCOMP_SOCKETCALL NR_NONE
#endif

/* The low half of an argument: all of an int. */
#define SECCOMP_LOW_HALF (BYTE_ORDER == BIG_ENDIAN ? 4 : 0)

#endif
