/* SPDX-License-Identifier: ISC */
/*
 * seccomp.c - the system calls of the engine and of the fork server, each with
 * its reason, and the filters made from them.
 *
 * The list has the calls of our own code and those that glibc and musl make for
 * it, with 32 and 64 bits. A filter cannot read through pointers, so paths are
 * left to the chroot, and addresses to the network.
 *
 * A call that every machine has is written __NR_x, any other NR_x. The Makefile
 * makes seccomp_nr.h from these: a call that this machine lacks is NR_NONE
 * there and left out of the filter.
 * Runs in: any
 */
#include "sys/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>
#include "sys/seccomp_arch.h"
#include "seccomp_nr.h"
#include "sys/unlisted.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* Permitted with any arguments. Frequent calls come first, because an old
 * kernel walks the list for each call. */
static const uint16_t allowed[] = {
	__NR_ppoll,		/* the loop's wait */
	NR_ppoll_time64,	/* the same, 32 bits */
	__NR_recvfrom,		/* recv(): HTTP, GENA, monitor, control */
	NR_recv,		/* recv() of some 32-bit glibc */
	__NR_sendto,		/* send(): HTTP, GENA, monitor, control, netlink */
	NR_send,		/* send() of some 32-bit glibc */
	__NR_recvmsg,		/* SSDP: the interface of a search */
	__NR_sendmsg,		/* HTTP: head and body at once; SSDP; a probe */
	__NR_accept4,		/* HTTP, control */
	__NR_close,
	__NR_write,		/* leases, state, log pipe */
	__NR_read,		/* leases, state */
	NR_clock_gettime,	/* where the vDSO has none */
	NR_clock_gettime64,	/* the same, 32 bits */
	NR_gettimeofday,	/* time() of glibc without a vDSO */
	NR_time,		/* the same, older */
	NR_getrandom,		/* SIDs, UUID, SSDP's delays */
	__NR_fsync,		/* leases, state */
	__NR_bind,		/* listeners, SSDP, events, rtnetlink */
	__NR_connect,		/* events */
	__NR_listen,		/* HTTP */
	__NR_shutdown,		/* HTTP's end of a reply */
	__NR_getsockname,	/* http-port = 0; the address of a request */
	__NR_openat,		/* files of the state directory */
	__NR_unlinkat,		/* leases.new */
	__NR_linkat,		/* mappings.before */
	NR_renameat,		/* to replace a file */
	NR_renameat2,		/* renameat() on machines without renameat */
	NR_fstat,		/* is the lease file a file? */
	NR_fstat64,		/* the same, 32 bits */
	NR_newfstatat,		/* the same, glibc since 2.33 */
	NR_fstatat64,		/* the same, 32 bits */
	NR_statx,		/* the same, 32 bits with 64-bit time */
	__NR_uname,		/* the SERVER header */
	__NR_munmap,		/* memory that only the start needed */
	__NR_rt_sigprocmask,	/* abort() */
	__NR_rt_sigaction,	/* abort() */
	__NR_getpid,		/* abort() */
	__NR_gettid,		/* abort() */
	__NR_writev,		/* glibc's message before abort() */
	__NR_rt_sigreturn,	/* end of a signal handler */
	NR_sigreturn,		/* the same, 32 bits */
	__NR_restart_syscall,	/* the kernel's own, after SIGSTOP */
	__NR_exit_group,
	__NR_exit,
};

/* Calls of a fork server, and of an engine before its own filter. */
static const uint16_t forking[] = {
	NR_fork,		/* an engine, by musl */
	__NR_wait4,		/* an engine's exit */
	__NR_getppid,		/* does the fork server still run? */
	__NR_dup3,		/* an engine's stderr is its log */
	NR_dup2,		/* the same, by musl's dup3() without flags */
	__NR_set_tid_address,	/* musl's fork(), in the child */
	__NR_set_robust_list,	/* glibc's */
};

/* Permitted only with these arguments: from @first on they are @value. */
struct checked {
	uint16_t nr;
	uint8_t first, n;
	uint32_t value[3];
};

#define VALUE_SELF	UINT32_MAX	/* replaced by our own pid */
#define STREAM		(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
#define DGRAM		(SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
#define NETLINK		(SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC)
#define SOCKETCALL(n)	{ SECCOMP_SOCKETCALL, 0, 1, { n } }

static const struct checked checked[] = {
	/* Neither raw nor packet sockets, nor AF_UNIX: the engine inherits its
	 * sockets of that family, or gets them by accept4(). */
	{ __NR_socket, 0, 3, { AF_INET, STREAM, 0 } },	/* HTTP, events */
	{ __NR_socket, 0, 3, { AF_INET, DGRAM, 0 } },	/* SSDP */
	{ __NR_socket, 0, 3, { AF_INET6, STREAM, 0 } },
	{ __NR_socket, 0, 3, { AF_INET6, DGRAM, 0 } },
	/* to read a link's speed */
	{ __NR_socket, 0, 3, { AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0 } },
	{ __NR_socket, 0, 3, { AF_NETLINK, NETLINK, NETLINK_ROUTE } },
	{ __NR_ioctl, 1, 1, { SIOCETHTOOL } },		/* a link's speed */
	{ __NR_ioctl, 1, 1, { SIOCOUTQ } },	/* SSDP: did an answer leave? */

	/* kernel bugs are often in socket options, so only these */
	{ __NR_setsockopt, 1, 2, { SOL_SOCKET, SO_REUSEADDR } },
	{ __NR_setsockopt, 1, 2, { SOL_SOCKET, SO_BINDTODEVICE } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_TCP, TCP_NODELAY } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IP, IP_ADD_MEMBERSHIP } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IP, IP_DROP_MEMBERSHIP } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IP, IP_MULTICAST_ALL } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IP, IP_MULTICAST_IF } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IP, IP_MULTICAST_LOOP } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IP, IP_MULTICAST_TTL } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IP, IP_PKTINFO } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IPV6, IPV6_V6ONLY } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IPV6, IPV6_JOIN_GROUP } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IPV6, IPV6_LEAVE_GROUP } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IPV6, IPV6_MULTICAST_ALL } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IPV6, IPV6_MULTICAST_IF } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IPV6, IPV6_MULTICAST_LOOP } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IPV6, IPV6_MULTICAST_HOPS } },
	{ __NR_setsockopt, 1, 2, { IPPROTO_IPV6, IPV6_RECVPKTINFO } },
	{ __NR_getsockopt, 1, 2, { SOL_SOCKET, SO_ERROR } },    /* events */
	{ __NR_getsockopt, 1, 2, { SOL_SOCKET, SO_PEERCRED } }, /* control */

	/* base/mem.h, base/bufpool.c; never executable. The engine calls no
	 * malloc(), which would need brk() and mprotect(). */
	{ SECCOMP_MMAP, 2, 1, { PROT_READ | PROT_WRITE } },
	{ __NR_madvise, 2, 1, { MADV_DONTNEED } },

	/* musl's open() sets O_CLOEXEC once more */
	{ NR_fcntl, 1, 1, { F_SETFD } },
	{ NR_fcntl64, 1, 1, { F_SETFD } },

	/* i386 glibc calls sockets by this; a filter cannot check the arguments
	 * behind its pointer */
	SOCKETCALL(1),		/* socket() */
	SOCKETCALL(2),		/* bind() */
	SOCKETCALL(3),		/* connect() */
	SOCKETCALL(4),		/* listen() */
	SOCKETCALL(6),		/* getsockname() */
	SOCKETCALL(9),		/* send() */
	SOCKETCALL(10),		/* recv() */
	SOCKETCALL(11),		/* sendto() */
	SOCKETCALL(12),		/* recvfrom() */
	SOCKETCALL(13),		/* shutdown() */
	SOCKETCALL(14),		/* setsockopt() */
	SOCKETCALL(15),		/* getsockopt() */
	SOCKETCALL(16),		/* sendmsg() */
	SOCKETCALL(17),		/* recvmsg() */
	SOCKETCALL(18),		/* accept4() */
};

static const struct checked engine_checked[] = {
	/* abort(); not for another process */
	{ __NR_tgkill, 0, 1, { VALUE_SELF } },
	{ __NR_tkill, 0, 1, { VALUE_SELF } },
};

#define FORK_GLIBC (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)

static const struct checked forking_checked[] = {
	/* a fork, no thread, no namespace */
	{ __NR_clone, 0, 1, { FORK_GLIBC } },
	{ __NR_clone, 0, 1, { SIGCHLD } },	/* musl without fork() */
	{ __NR_kill, 1, 1, { SIGKILL } },	/* an engine that hangs */
	/* the engine's pid is not known yet */
	{ __NR_tgkill, 2, 1, { SIGABRT } },	/* abort() */
	{ __NR_tkill, 1, 1, { SIGABRT } },
	/* an engine installs its own filter */
	{ __NR_prctl, 0, 1, { PR_SET_PDEATHSIG } },
	{ __NR_prctl, 0, 1, { PR_SET_SECCOMP } },
	{ __NR_prlimit64, 0, 2, { 0, RLIMIT_NPROC } },
	/* an engine makes its log pipe non-blocking */
	{ NR_fcntl, 1, 1, { F_GETFL } },
	{ NR_fcntl, 1, 1, { F_SETFL } },
	{ NR_fcntl64, 1, 1, { F_GETFL } },
	{ NR_fcntl64, 1, 1, { F_SETFL } },
};

/* No bug of ours makes these calls, so an intruder does: kill the process. */
static const uint16_t fatal[] = {
	__NR_execve, NR_execveat,			/* another program */
	NR_fork, NR_vfork, __NR_clone, NR_clone3,	/* another process */
	__NR_ptrace, __NR_process_vm_readv,		/* another's memory */
	__NR_process_vm_writev, NR_pidfd_getfd,
	__NR_mount, __NR_umount2, NR_move_mount,	/* another root */
	NR_open_tree, NR_fsopen, NR_fsmount, NR_fspick, NR_mount_setattr,
	__NR_pivot_root, __NR_chroot, __NR_unshare, __NR_setns,
	NR_open_by_handle_at,
	__NR_init_module, NR_finit_module,	/* the kernel itself */
	__NR_delete_module, NR_kexec_load, NR_kexec_file_load, __NR_reboot,
	NR_bpf, __NR_perf_event_open, NR_userfaultfd,
	NR_io_uring_setup,			/* calls that no filter sees */
	__NR_add_key, __NR_request_key, __NR_keyctl, __NR_personality,
};

/* ---- the program --------------------------------------------------- */

struct program {
	struct sock_filter *f;
	size_t n;
	uint32_t self;
};

static void emit(struct program *p, uint16_t code, uint32_t k, size_t jt,
		 size_t jf)
{
	if (p->n < SECCOMP_PROGRAM_MAX)
		p->f[p->n] = (struct sock_filter){ code, (uint8_t)jt,
						   (uint8_t)jf, k };
	p->n++;
}

static void load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Continue with the next instruction if equal, else skip @skip of them. */
static void put_if_equal(struct program *p, uint32_t value, size_t skip)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

static void put_return(struct program *p, uint32_t action)
{
	emit(p, BPF_RET | BPF_K, action, 0, 0);
}

/* On another machine type the same numbers mean other calls. */
static void put_head(struct program *p)
{
	load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_ARCH, 1, 0);
	put_return(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
	emit(p, BPF_JMP | BPF_JGE | BPF_K, SECCOMP_FOREIGN_NR, 0, 1);
	put_return(p, SECCOMP_RET_KILL_PROCESS);
}

static void put_plain(struct program *p, const uint16_t *nr, size_t n,
		      uint32_t action)
{
	for (size_t i = 0; i < n; i++) {
		if (nr[i] == NR_NONE)
			continue;
		put_if_equal(p, nr[i], 1);
		put_return(p, action);
	}
}

/* Loads the number again at the end, because the check loads arguments. */
static void put_check(struct program *p, const struct checked *c)
{
	if (c->nr == NR_NONE)
		return;
	put_if_equal(p, c->nr, 2u * c->n + 2);
	for (size_t i = 0; i < c->n; i++) {
		uint32_t v = c->value[i] == VALUE_SELF ? p->self :
							 c->value[i];

		load(p, offsetof(struct seccomp_data, args) +
			8 * (c->first + i) + SECCOMP_LOW_HALF);
		put_if_equal(p, v, 2 * (c->n - 1 - i) + 1);
	}
	put_return(p, SECCOMP_RET_ALLOW);
	load(p, offsetof(struct seccomp_data, nr));
}

static void put_checked(struct program *p, const struct checked *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_check(p, &c[i]);
}

size_t seccomp_program(struct sock_filter *ret, enum seccomp_role role,
		       uint32_t unlisted, uint32_t self)
{
	struct program p = { ret, 0, self };

	put_head(&p);
	put_plain(&p, allowed, N(allowed), SECCOMP_RET_ALLOW);
	put_checked(&p, checked, N(checked));
	if (role == SECCOMP_ENGINE)
		put_checked(&p, engine_checked, N(engine_checked));
	else {
		put_plain(&p, forking, N(forking), SECCOMP_RET_ALLOW);
		put_checked(&p, forking_checked, N(forking_checked));
	}
	put_plain(&p, fatal, N(fatal), SECCOMP_RET_KILL_PROCESS);
	put_return(&p, unlisted);
	return p.n <= SECCOMP_PROGRAM_MAX ? p.n : 0;
}

/* A kernel with filters would read the program; NULL makes that EFAULT. */
static int kernel_can(void)
{
	if (!SECCOMP_ARCH)
		return -ENOSYS;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == 0 ||
	    errno == EFAULT)
		return 0;
	return errno == EINVAL ? -ENOSYS : -errno;
}

static int install(enum seccomp_role role, uint32_t unlisted)
{
	struct sock_filter f[SECCOMP_PROGRAM_MAX];
	struct sock_fprog prog = { .filter = f };

	prog.len = (unsigned short)seccomp_program(f, role, unlisted,
						   (uint32_t)getpid());
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		return -errno;
	return 0;
}

int seccomp_enter(enum seccomp_role role)
{
	uint32_t unlisted;
	int err = unlisted_action(&unlisted);

	if (!err)
		err = kernel_can();
	return err ? err : install(role, unlisted);
}
