/* SPDX-License-Identifier: ISC */
/*
 * test_seccomp.c - the filter allows what an engine needs and stops an
 * intruder. An interpreter in this file runs it, and the kernel runs it in
 * processes that try what an intruder would try.
 *
 * Each try runs in a child of its own, in the whole jail. Without root there is
 * no chroot.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <cmocka.h>
#include "sys/jail.h"
#include "sys/seccomp.h"
#include "sys/seccomp_arch.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define SOME_UID 12345
#define SELF	4711
#define DENY	(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW	SECCOMP_RET_ALLOW
#define KILL	SECCOMP_RET_KILL_PROCESS

/* ---- the filter, interpreted ----------------------------------------- */

static struct sock_filter program[SECCOMP_PROGRAM_MAX];
static size_t program_n;

static uint32_t word_at(const struct seccomp_data *d, uint32_t offset)
{
	uint32_t v;

	assert_in_range(offset, 0, sizeof(*d) - sizeof(v));
	assert_int_equal(offset % sizeof(v), 0);
	memcpy(&v, (const char *)d + offset, sizeof(v));
	return v;
}

/* An interpreter of classic BPF, of the instructions that the filter uses. */
static uint32_t run(const struct seccomp_data *d)
{
	const struct sock_filter *f;
	uint32_t a = 0;

	for (size_t at = 0; at < program_n; at++) {
		f = &program[at];
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = word_at(d, f->k);
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail();
		}
	}
	fail();
	return 0;
}

static uint32_t call(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	const struct seccomp_data d = {
		.nr = (int)nr, .arch = SECCOMP_ARCH, .args = { a, b, c },
	};

	return run(&d);
}

static int make_program(void **state)
{
	program_n = seccomp_program(program, SECCOMP_ENGINE, DENY, SELF);
	return program_n ? 0 : -1;
}

static int make_forkserver(void **state)
{
	program_n = seccomp_program(program, SECCOMP_FORKSERVER, DENY, SELF);
	return program_n ? 0 : -1;
}

static void test_calls_of_another_machine_type_kill(void **state)
{
	static const uint32_t arch[] = {
		AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_ARM,
		AUDIT_ARCH_AARCH64, AUDIT_ARCH_MIPSEL, 0,
	};

	for (size_t i = 0; i < N(arch); i++) {
		const struct seccomp_data d = { SYS_close, arch[i] };

		assert_int_equal(run(&d), arch[i] == SECCOMP_ARCH ? ALLOW :
								    KILL);
	}
	assert_int_equal(call(0x40000000 | SYS_close, 0, 0, 0), KILL);
	assert_int_equal(call(-1, 0, 0, 0), KILL);
}

static void test_each_call_has_its_action(void **state)
{
	static const long allowed[] = {
		SYS_ppoll, SYS_recvfrom, SYS_sendto, SYS_accept4, SYS_write,
		SYS_openat, SYS_exit_group,
	};
	static const long fatal[] = {
		SYS_execve, SYS_execveat, SYS_clone, SYS_ptrace, SYS_mount,
		SYS_unshare, SYS_setns, SYS_chroot, SYS_process_vm_writev,
		SYS_init_module, SYS_bpf, SYS_keyctl,
	};
	static const long refused[] = {
		SYS_getdents64, SYS_kill, SYS_setuid, SYS_capset, SYS_prctl,
		SYS_dup3, SYS_nanosleep, SYS_fchmod, SYS_symlinkat, 12345,
	};

	for (size_t i = 0; i < N(allowed); i++)
		assert_int_equal(call(allowed[i], ~0ull, ~0ull, ~0ull), ALLOW);
	for (size_t i = 0; i < N(fatal); i++)
		assert_int_equal(call(fatal[i], 0, 0, 0), KILL);
	for (size_t i = 0; i < N(refused); i++)
		assert_int_equal(call(refused[i], 0, 0, 0), DENY);
}

static void test_only_listed_sockets_are_allowed(void **state)
{
	const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
	const struct {
		int family, type, protocol;
		uint32_t want;
	} t[] = {
		{ AF_INET, SOCK_STREAM | flags, 0, ALLOW },
		{ AF_INET, SOCK_DGRAM | flags, 0, ALLOW },
		{ AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, ALLOW },
		{ AF_NETLINK, SOCK_RAW | flags, NETLINK_ROUTE, ALLOW },
		{ AF_INET, SOCK_RAW | flags, 0, DENY },
		{ AF_INET, SOCK_RAW, IPPROTO_RAW, DENY },
		{ AF_INET, SOCK_STREAM | flags, IPPROTO_SCTP, DENY },
		{ AF_INET, SOCK_DGRAM | flags, IPPROTO_ICMP, DENY },
		{ AF_NETLINK, SOCK_RAW | flags, NETLINK_NETFILTER, DENY },
		{ AF_NETLINK, SOCK_RAW | flags, NETLINK_SOCK_DIAG, DENY },
		{ AF_INET6, SOCK_STREAM | flags, 0, ALLOW },
		{ AF_INET6, SOCK_DGRAM | flags, 0, ALLOW },
		{ AF_INET6, SOCK_RAW | flags, 0, DENY },
		{ AF_INET6, SOCK_DGRAM | flags, IPPROTO_ICMPV6, DENY },
		{ AF_UNIX, SOCK_STREAM | flags, 0, DENY },
		{ AF_UNIX, SOCK_DGRAM | flags, 0, DENY },
		{ AF_PACKET, SOCK_RAW | flags, 0, DENY },
		{ AF_PACKET, SOCK_DGRAM | flags, 0, DENY },
	};

	for (size_t i = 0; i < N(t); i++)
		assert_int_equal(call(SYS_socket, (uint64_t)t[i].family,
				      (uint64_t)t[i].type,
				      (uint64_t)t[i].protocol), t[i].want);
	/* an int: neither the kernel nor the filter reads the upper half */
	assert_int_equal(call(SYS_socket, 0x700000000 | AF_UNIX,
			      SOCK_STREAM | (unsigned)flags, 0), DENY);
	assert_int_equal(call(SYS_socket, 0x700000000 | AF_INET,
			      SOCK_STREAM | (unsigned)flags, 0), ALLOW);
}

static void test_arguments_are_checked(void **state)
{
	const uint64_t rw = PROT_READ | PROT_WRITE;

	assert_int_equal(call(SECCOMP_MMAP, 0, 4096, rw), ALLOW);
	assert_int_equal(call(SECCOMP_MMAP, 0, 4096, rw | PROT_EXEC), DENY);
	assert_int_equal(call(SECCOMP_MMAP, 0, 4096, PROT_EXEC), DENY);
	assert_int_equal(call(SECCOMP_MMAP, 0, 4096, PROT_NONE), DENY);
	assert_int_equal(call(SYS_brk, 0, 0, 0), DENY);
	assert_int_equal(call(SYS_madvise, 0, 4096, MADV_DONTNEED), ALLOW);
	assert_int_equal(call(SYS_madvise, 0, 4096, MADV_FREE), DENY);
	assert_int_equal(call(SYS_mprotect, 0, 4096, rw), DENY);
	assert_int_equal(call(SYS_mprotect, 0, 4096, PROT_READ | PROT_EXEC),
			 DENY);
	assert_int_equal(call(SYS_tgkill, SELF, SELF, SIGABRT), ALLOW);
	assert_int_equal(call(SYS_tgkill, SELF + 1, SELF, SIGABRT), DENY);
	assert_int_equal(call(SYS_ioctl, 3, 0x8946, 0), ALLOW);
	assert_int_equal(call(SYS_ioctl, 3, SIOCOUTQ, 0), ALLOW);
	assert_int_equal(call(SYS_ioctl, 3, 0x5412, 0), DENY);	/* TIOCSTI */
	assert_int_equal(call(SYS_setsockopt, 3, SOL_SOCKET, SO_REUSEADDR),
			 ALLOW);
	assert_int_equal(call(SYS_setsockopt, 3, IPPROTO_IP, SO_REUSEADDR),
			 DENY);
	assert_int_equal(call(SYS_setsockopt, 3, IPPROTO_IP, 64), DENY);
	assert_int_equal(call(SYS_setsockopt, 3, IPPROTO_IPV6,
			      IPV6_JOIN_GROUP), ALLOW);
	assert_int_equal(call(SYS_setsockopt, 3, IPPROTO_IPV6, IPV6_RTHDR),
			 DENY);
	assert_int_equal(call(SYS_getsockopt, 3, SOL_SOCKET, SO_PEERCRED),
			 ALLOW);
}

static void test_unlisted_calls_have_the_chosen_action(void **state)
{
	program_n = seccomp_program(program, SECCOMP_ENGINE, SECCOMP_RET_TRAP,
				    SELF);
	assert_in_range(program_n, 100, SECCOMP_PROGRAM_MAX);
	assert_int_equal(call(SYS_getdents64, 0, 0, 0), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_execve, 0, 0, 0), KILL);
	assert_int_equal(call(SYS_close, 0, 0, 0), ALLOW);
}

/* The fork server's filter allows forking beside the engine's calls, and a new
 * engine all that its own filter allows. */
static void test_forkserver_has_few_more_calls(void **state)
{
	static const long fatal[] = {
		SYS_execve, SYS_execveat, SYS_ptrace, SYS_mount, SYS_unshare,
		SYS_chroot, SYS_process_vm_writev, SYS_bpf,
	};
	static const long refused[] = {
		SYS_setuid, SYS_capset, SYS_socketpair, SYS_fchmod,
		SYS_pidfd_open, 12345,
	};
	const uint64_t clone_glibc = 0x01200000 | SIGCHLD,
		       new_user = 0x10000000;

	for (size_t i = 0; i < N(fatal); i++)
		assert_int_equal(call(fatal[i], 0, 0, 0), KILL);
	for (size_t i = 0; i < N(refused); i++)
		assert_int_equal(call(refused[i], 0, 0, 0), DENY);
	assert_int_equal(call(SYS_clone, clone_glibc, 0, 0), ALLOW);
	assert_int_equal(call(SYS_clone, SIGCHLD, 0, 0), ALLOW);
	assert_int_equal(call(SYS_clone, SIGCHLD | new_user, 0, 0), KILL);
	assert_int_equal(call(SYS_clone, 0x10f00, 0, 0), KILL);	/* a thread */
	assert_int_equal(call(SYS_wait4, 1, 0, 0), ALLOW);
	assert_int_equal(call(SYS_dup3, 5, 2, 0), ALLOW);
#ifdef SYS_dup2
	assert_int_equal(call(SYS_dup2, 5, 2, 0), ALLOW);
#endif
	assert_int_equal(call(SYS_kill, 1, SIGKILL, 0), ALLOW);
	assert_int_equal(call(SYS_kill, 1, SIGSTOP, 0), DENY);
	assert_int_equal(call(SYS_tgkill, SELF + 1, SELF + 1, SIGABRT), ALLOW);
	assert_int_equal(call(SYS_tgkill, SELF, SELF, SIGSTOP), DENY);
	assert_int_equal(call(SYS_prctl, PR_SET_PDEATHSIG, 0, 0), ALLOW);
	assert_int_equal(call(SYS_prctl, PR_SET_DUMPABLE, 1, 0), DENY);
	assert_int_equal(call(SYS_prlimit64, 0, RLIMIT_NPROC, 0), ALLOW);
	assert_int_equal(call(SYS_prlimit64, 1, RLIMIT_NPROC, 0), DENY);
	assert_int_equal(call(SYS_prlimit64, 0, RLIMIT_CORE, 0), DENY);
	assert_int_equal(call(SYS_recvmsg, 3, 0, 0), ALLOW);
	assert_int_equal(call(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK |
			      SOCK_CLOEXEC, 0), ALLOW);
	assert_int_equal(call(SYS_socket, AF_PACKET, SOCK_RAW, 0), DENY);
}

/* ---- in the jail ------------------------------------------------------- */

static char dir[64];
static bool root;
static int dir_fd = -1;		/* the engine has such a descriptor */

static int set_up(void **state)
{
	snprintf(dir, sizeof(dir), "%s", "/tmp/upnpd-seccomp-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	root = geteuid() == 0;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	return root ? jail_dir(dir, SOME_UID, SOME_UID) : 0;
}

static int tear_down(void **state)
{
	unlinkat(dir_fd, "file", 0);
	close(dir_fd);
	return rmdir(dir);
}

/* Like _exit(), before which a sanitizer makes further calls. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

/* Return: the exit status, or 1000 + the signal. */
static int child_result(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 98;
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

/* Run @try as the fork server. */
static int in_forkserver(int (*try)(void))
{
	struct jail j = { dir, SOME_UID, SOME_UID, 64 };
	pid_t pid = fork();

	if (pid == 0)
		leave(jail_enter(&j) ? 99 : try());
	assert_true(pid > 0);
	return child_result(pid);
}

/* Run @try as an engine. */
static int in_jail(int (*try)(void))
{
	struct jail j = { dir, SOME_UID, SOME_UID, 64 };
	int filter = 1;
	pid_t pid = fork();

	if (pid == 0) {
		if (jail_enter(&j) || jail_shut(&filter) || filter)
			leave(99);
		leave(try());
	}
	assert_true(pid > 0);
	return child_result(pid);
}

/* Return: 0: refused as it should be */
static int refused(long got)
{
	return got == -1 && errno == EPERM ? 0 : 1;
}

static int try_exec(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	return (int)syscall(SYS_execve, "/bin/true", argv, NULL);
}

static int try_exec_fd(void)
{
	char *const argv[] = { (char[]){ "true" }, NULL };

	return (int)syscall(SYS_execveat, dir_fd, "", argv, NULL, 0x1000);
}

static int try_fork(void)
{
	return fork();
}

/* By the number of CLONE_VM: a thread. */
static int try_thread(void)
{
	return (int)syscall(SYS_clone, 0x10f00, NULL, NULL, NULL, NULL);
}

static int try_traced(void)
{
	return (int)syscall(SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL);
}

static int try_attach(void)
{
	return (int)syscall(SYS_ptrace, PTRACE_ATTACH, getpid() - 1, NULL,
			    NULL);
}

static int try_mount(void)
{
	return (int)syscall(SYS_mount, "none", "/", "proc", 0, NULL);
}

static int try_namespace(void)
{
	return (int)syscall(SYS_unshare, 0x10000000);	/* CLONE_NEWUSER */
}

static void test_an_intruder_is_killed(void **state)
{
	static int (*const try[])(void) = {
		try_exec, try_exec_fd, try_fork, try_thread, try_traced,
		try_attach, try_mount, try_namespace,
	};

	for (size_t i = 0; i < N(try); i++)
		assert_int_equal(in_jail(try[i]), 1000 + SIGSYS);
}

static int open_outside(void)
{
	static const char *const way[] = {
		"/etc/passwd", "../etc/passwd", "../../etc/passwd",
		"/proc/self/status", "/dev/null",
	};

	for (size_t i = 0; i < N(way); i++)
		if (openat(AT_FDCWD, way[i], O_RDONLY) >= 0 ||
		    openat(dir_fd, way[i], O_RDONLY) >= 0)
			return 1 + (int)i;
	return 0;
}

static int open_bad_sockets(void)
{
	int pair[2];

	return refused(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)) ||
	       refused(socket(AF_PACKET, SOCK_RAW, 0x0300)) ||
	       refused(socket(AF_PACKET, SOCK_DGRAM, 0x0300)) ||
	       refused(socket(AF_INET6, SOCK_STREAM, 0)) ||
	       refused(socket(AF_UNIX, SOCK_STREAM, 0)) ||
	       refused(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) ||
	       refused(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
}

static int run_own_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ||
	       refused(mprotect(p, 4096, PROT_READ | PROT_EXEC)) ||
	       mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int reach_others(void)
{
	return refused(kill(getpid() - 1, 0)) || refused(kill(-1, 0)) ||
	       refused(kill(1, 0)) ||
	       refused(syscall(SYS_tgkill, 1, 1, SIGKILL)) ||
	       refused(syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* Make files in the directory by calls that the engine does not use. */
static int make_odd_files(void)
{
	return refused(syscall(SYS_mknodat, AT_FDCWD, "file", S_IFIFO, 0)) ||
	       refused(syscall(SYS_symlinkat, "/etc", AT_FDCWD, "file")) ||
	       refused(syscall(SYS_fchmodat, AT_FDCWD, ".", 0777));
}

static void test_other_calls_are_refused(void **state)
{
	static int (*const try[])(void) = {
		open_bad_sockets, run_own_code, reach_others, make_odd_files,
	};

	for (size_t i = 0; i < N(try); i++)
		assert_int_equal(in_jail(try[i]), 0);
	if (root)
		assert_int_equal(in_jail(open_outside), 0);
}

/* ---- calls that the engine needs --------------------------------------- */

static int keep_files(void)
{
	struct stat st;
	int fd = openat(dir_fd, "new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			0600);

	return fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) ||
	       fstat(fd, &st) || st.st_size != 1 ||
	       renameat(dir_fd, "new", dir_fd, "file") ||
	       close(fd) || unlinkat(dir_fd, "file", 0);
}

static int serve(void)
{
	const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int err, one = 1, a = socket(AF_INET, SOCK_STREAM | flags, 0);
	int b = socket(AF_INET, SOCK_STREAM | flags, 0);
	struct pollfd pfd = { a, POLLIN };

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(a, (struct sockaddr *)&sin, sizeof(sin)) || listen(a, 1) ||
	    getsockname(a, (struct sockaddr *)&sin, &len) ||
	    (connect(b, (struct sockaddr *)&sin, len) && errno != EINPROGRESS))
		return 1;
	if (ppoll(&pfd, 1, &(struct timespec){ 10, 0 }, NULL) != 1)
		return 2;
	a = accept4(a, NULL, NULL, flags);
	len = sizeof(err);
	if (a < 0 || getsockopt(b, SOL_SOCKET, SO_ERROR, &err, &len) || err)
		return 3;
	return send(a, "x", 1, 0) != 1 || shutdown(a, SHUT_WR) || close(b);
}

static int use_libc(void)
{
	char *p = malloc(1 << 20), rnd[4];
	struct utsname u;

	if (!p)
		return 1;
	memset(p, 1, 1 << 20);
	free(p);
	return time(NULL) <= 0 || uname(&u) ||
	       getrandom(rnd, sizeof(rnd), 0) != sizeof(rnd);
}

static int give_up(void)
{
	void (*volatile end)(void) = abort;	/* see leave() */

	end();
	return 0;
}

static void test_the_engine_can_make_its_calls(void **state)
{
	assert_int_equal(in_jail(keep_files), 0);
	assert_int_equal(in_jail(serve), 0);
	assert_int_equal(in_jail(use_libc), 0);
	assert_int_equal(in_jail(give_up), 1000 + SIGABRT);
}

/* ---- in the fork server ------------------------------------------------ */

static void test_a_hostile_forkserver_is_killed(void **state)
{
	static int (*const kills[])(void) = {
		try_exec, try_exec_fd, try_thread, try_traced, try_attach,
		try_mount, try_namespace,
	};
	static int (*const refuses[])(void) = {
		open_bad_sockets, run_own_code, make_odd_files,
	};

	for (size_t i = 0; i < N(kills); i++)
		assert_int_equal(in_forkserver(kills[i]), 1000 + SIGSYS);
	for (size_t i = 0; i < N(refuses); i++)
		assert_int_equal(in_forkserver(refuses[i]), 0);
	if (root)
		assert_int_equal(in_forkserver(open_outside), 0);
}

/* Fork an engine, as a fork server does. Return: the result of @try in it. */
static int in_new_engine(int (*try)(void))
{
	pid_t self = getpid(), pid = fork();
	int filter = 1;

	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) ||
		    getppid() != self || jail_shut(&filter) || filter)
			leave(97);
		leave(try());
	}
	return child_result(pid) - 1000;
}

static int abort_in_engine(void)
{
	return in_new_engine(give_up) - SIGABRT;
}

static int exec_in_engine(void)
{
	return in_new_engine(try_exec) - SIGSYS;
}

static int fork_in_engine(void)
{
	return in_new_engine(try_fork) - SIGSYS;
}

static int serve_in_engine(void)
{
	return in_new_engine(serve) + 1000;
}

static int loiter(void)
{
	struct timespec ages = { 100, 0 };

	ppoll(NULL, 0, &ages, NULL);
	return 0;
}

static int kill_engine(void)
{
	pid_t pid = fork();

	if (pid == 0)
		leave(loiter());
	return kill(pid, SIGKILL) ? 1 : child_result(pid) - 1000 - SIGKILL;
}

static void test_forkserver_can_make_its_calls(void **state)
{
	assert_int_equal(in_forkserver(serve_in_engine), 0);
	assert_int_equal(in_forkserver(abort_in_engine), 0);
	assert_int_equal(in_forkserver(exec_in_engine), 0);
	assert_int_equal(in_forkserver(fork_in_engine), 0);
	assert_int_equal(in_forkserver(kill_engine), 0);
}

/* ---- a kernel without filters ----------------------------------------- */

/* Make prctl() with @first fail, as in a kernel without that part. */
static int simulate_missing(uint32_t first, int err)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args)
			 + SECCOMP_LOW_HALF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { N(f), f };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
}

/* Return: the jail's error, positive; without an error 100 + the reason why
 * there is no filter. */
static int jail_without(int err)
{
	struct jail j = { dir, SOME_UID, SOME_UID, 64 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int filter = 50, got;

		if (simulate_missing(PR_SET_SECCOMP, err))
			leave(255);
		got = jail_enter(&j);
		if (!got)
			got = jail_shut(&filter);
		leave(got ? -got : 100 - filter);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_jail_works_without_a_filter_in_the_kernel(void **state)
{
	/* the jail continues, and reports it */
	assert_int_equal(jail_without(EINVAL), 100 + ENOSYS);
	/* any other error is a fault */
	assert_int_equal(jail_without(EACCES), EACCES);
}

#define P(f) cmocka_unit_test_setup(f, make_program)
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		P(test_calls_of_another_machine_type_kill),
		P(test_each_call_has_its_action),
		P(test_only_listed_sockets_are_allowed),
		P(test_arguments_are_checked),
		P(test_unlisted_calls_have_the_chosen_action),
		cmocka_unit_test_setup(test_forkserver_has_few_more_calls,
				       make_forkserver),
		T(test_an_intruder_is_killed),
		T(test_other_calls_are_refused),
		T(test_the_engine_can_make_its_calls),
		T(test_a_hostile_forkserver_is_killed),
		T(test_forkserver_can_make_its_calls),
		T(test_jail_works_without_a_filter_in_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
