/* SPDX-License-Identifier: ISC */
/*
 * seccomp_arch.h - what the filter has to know of the machine: how the kernel
 * names it, where other numbers begin that it takes as well, and how a system
 * call fails with an error number in a signal's context.
 *
 * A machine that is not here gets no filter (-ENOSYS).
 */
#ifndef SYS_SECCOMP_ARCH_H
#define SYS_SECCOMP_ARCH_H

#include <asm/unistd.h>
#include <endian.h>
#include <linux/audit.h>

/* x32 calls come as x86-64 with this bit set: the same calls by other numbers,
 * which a list of numbers does not see. */
#define SECCOMP_FOREIGN_NR 0x40000000

/* The number in v0, and a3 says that it is one. */
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

/* Stands in a list for a call that this machine has not: no machine of ours
 * counts so far. */
#define NR_NONE 0xffff

/* mmap() of every libc. Of two, the older one of i386 takes its arguments by a
 * pointer, which can not be looked through. */
#ifdef __NR_mmap2
#define SECCOMP_MMAP __NR_mmap2
#else
#define SECCOMP_MMAP __NR_mmap
#endif

/* Only i386 glibc needs it; others have a call for each. */
#if defined(__i386__) && defined(__GLIBC__)
#define SECCOMP_SOCKETCALL __NR_socketcall
#else
#define SECCOMP_SOCKETCALL NR_NONE
#endif

/* The low half of an argument: all that an int has. */
#define SECCOMP_LOW_HALF (BYTE_ORDER == BIG_ENDIAN ? 4 : 0)

#endif
