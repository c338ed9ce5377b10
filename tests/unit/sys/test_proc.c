/* SPDX-License-Identifier: ISC */
/*
 * test_proc.c - a program gets all of its input and its output is read, in time
 * and without leftovers, whatever the program does. The programs are real.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "sys/proc.h"
#include "sys/proc_why.h"

#define PATIENCE_MS 20000	/* only a defect makes a test wait that long */

/* The input and the output of a program. */
struct talk {
	const char *in;		/* repeated until in_left bytes are given */
	size_t in_n, in_at, in_left;
	size_t chunk;		/* at most this much at a time, 0: all */
	char out[8192];		/* the first lines, each followed by "|" */
	size_t out_n;
	size_t lines, bytes, longest;
	struct proc p;
};

static size_t give(void *arg, char *buf, size_t cap)
{
	struct talk *t = arg;
	size_t i, n = t->in_left < cap ? t->in_left : cap;

	if (t->chunk && n > t->chunk)
		n = t->chunk;
	for (i = 0; i < n; i++)
		buf[i] = t->in[t->in_at++ % t->in_n];
	t->in_left -= n;
	return n;
}

static void take(void *arg, struct str line)
{
	struct talk *t = arg;

	if (t->out_n + line.n + 1 <= sizeof(t->out)) {
		memcpy(t->out + t->out_n, line.p, line.n);
		t->out_n += line.n;
		t->out[t->out_n++] = '|';
	}
	t->lines++;
	t->bytes += line.n;
	if (line.n > t->longest)
		t->longest = line.n;
}

static void talk_init(struct talk *t)
{
	memset(t, 0, sizeof(*t));
	t->p = (struct proc){
		.line = take, .arg = t, .deadline_ms = PATIENCE_MS,
	};
	memset(t->p.err, 'x', sizeof(t->p.err));
}

static void talk_input(struct talk *t, const char *text, size_t n)
{
	t->in = text;
	t->in_n = strlen(text);
	t->in_left = n;
	t->p.fill = give;
}

static int talk_run(struct talk *t, const char *const *argv)
{
	t->p.argv = argv;
	return proc_run(&t->p);
}

#define RUN(t, ...) talk_run((t), (const char *const []){ __VA_ARGS__, NULL })
#define SH(t, script) RUN(t, "sh", "-c", script)

static void assert_out(const struct talk *t, const char *want)
{
	if (t->out_n != strlen(want) || memcmp(t->out, want, t->out_n))
		fail_msg("\"%.*s\" is not \"%s\"", (int)t->out_n, t->out, want);
}

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Each test leaves as many descriptors as it found, and no child. */
static int before(void **state)
{
	static unsigned fds;

	fds = open_fds();
	*state = &fds;
	return 0;
}

static int after(void **state)
{
	unsigned had = *(unsigned *)*state;

	if (open_fds() != had || waitpid(-1, NULL, WNOHANG) != -1) {
		print_error("a descriptor or a child was left behind\n");
		return -1;
	}
	return 0;
}

/* ---- how it ends ------------------------------------------------------- */

static void test_exit_status_is_returned(void **state)
{
	struct talk t;

	talk_init(&t);
	assert_int_equal(RUN(&t, "true"), 0);
	assert_string_equal(t.p.err, "");
	assert_int_equal(RUN(&t, "false"), 1);
	assert_int_equal(SH(&t, "exit 255"), 255);
	assert_int_equal(SH(&t, "exit 127"), 127);
	assert_int_equal(SH(&t, "kill -9 $$"), 128 + 9);
	assert_int_equal(SH(&t, "kill -TERM $$"), 128 + 15);
	assert_int_equal(t.lines, 0);
}

static void test_missing_program_is_an_error(void **state)
{
	struct talk t;

	talk_init(&t);
	assert_int_equal(RUN(&t, "no-such-program-here"), -ENOENT);
	assert_string_equal(t.p.err, "");
	assert_int_equal(RUN(&t, "/no/such/program"), -ENOENT);
	assert_int_equal(RUN(&t, ""), -ENOENT);
	assert_int_equal(RUN(&t, "/usr/bin"), -EACCES);
}

/* Run a file that is found but cannot be executed, with mode @mode. */
static int run_file(const char *text, mode_t mode)
{
	char path[] = "/tmp/test_proc.XXXXXX";
	int fd = mkstemp(path), ret;
	struct talk t;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	talk_init(&t);
	ret = RUN(&t, path);
	assert_int_equal(proc_exists(path), (mode & 0100) != 0);
	unlink(path);
	return ret;
}

static void test_failed_exec_is_an_error(void **state)
{
	assert_int_equal(run_file("#!/bin/sh\nexit 5\n", 0700), 5);
	assert_int_equal(run_file("#!/bin/sh\nexit 5\n", 0600), -EACCES);
	assert_int_equal(run_file("\1\2\3\4", 0700), -ENOEXEC);
	assert_int_equal(run_file("#!/no/such/interpreter\n", 0700), -ENOENT);
}

static void test_exists_searches_the_path(void **state)
{
	static char longer[1000];

	assert_true(proc_exists("sh"));
	assert_true(proc_exists("/bin/sh"));
	assert_false(proc_exists("no-such-program-here"));
	assert_false(proc_exists(""));
	assert_false(proc_exists("/usr/bin"));
	assert_false(proc_exists("../bin/no-such-program"));
	memset(longer, 'x', sizeof(longer) - 1);
	assert_false(proc_exists(longer));
	longer[0] = '/';
	assert_false(proc_exists(longer));
}

/* ---- input and output -------------------------------------------------- */

static void test_output_arrives_in_lines(void **state)
{
	struct talk t;

	talk_init(&t);
	assert_int_equal(SH(&t, "printf 'a\\n\\nbc\\n'"), 0);
	assert_out(&t, "a||bc|");
	talk_init(&t);
	assert_int_equal(SH(&t, "printf 'a\\nno end'; exit 3"), 3);
	assert_out(&t, "a|no end|");
	talk_init(&t);
	t.p.line = NULL;
	assert_int_equal(RUN(&t, "echo", "unheard"), 0);
}

static void test_long_lines_are_cut(void **state)
{
	static const struct { size_t n, lines, longest; } cases[] = {
		{ 4095, 1, 4095 }, { 4096, 1, 4096 }, { 4097, 2, 4096 },
		{ 8192, 2, 4096 }, { 8193, 3, 4096 },
	};
	char line[8195];
	struct talk t;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(line, 'x', sizeof(line));
		line[cases[i].n] = '\0';
		talk_init(&t);
		talk_input(&t, line, cases[i].n);
		assert_int_equal(RUN(&t, "cat"), 0);
		assert_int_equal(t.lines, cases[i].lines);
		assert_int_equal(t.bytes, cases[i].n);
		assert_int_equal(t.longest, cases[i].longest);
		/* the same with a newline, which makes no line of its own */
		talk_init(&t);
		line[cases[i].n] = '\n';
		line[cases[i].n + 1] = '\0';
		talk_input(&t, line, strlen(line));
		assert_int_equal(RUN(&t, "cat"), 0);
		assert_int_equal(t.lines, cases[i].lines);
		assert_int_equal(t.bytes, cases[i].n);
	}
	/* a line of the longest length, its newline in another read */
	talk_init(&t);
	assert_int_equal(SH(&t, "head -c 4096 /dev/zero; sleep .03; echo"), 0);
	assert_int_equal(t.lines, 1);
}

static void test_input_reaches_the_program(void **state)
{
	struct talk t;

	talk_init(&t);
	assert_int_equal(RUN(&t, "cat"), 0);	/* no input: end at once */
	assert_out(&t, "");
	talk_init(&t);
	talk_input(&t, "one\ntwo\n", 8);
	t.chunk = 1;
	assert_int_equal(RUN(&t, "cat"), 0);
	assert_out(&t, "one|two|");
}

static void test_much_input_and_output_pass_through(void **state)
{
	struct talk t;

	talk_init(&t);
	talk_input(&t, "0123456\n", 2 << 20);
	assert_int_equal(RUN(&t, "cat"), 0);
	assert_int_equal(t.lines, (2 << 20) / 8);
	assert_int_equal(t.bytes, (2 << 20) / 8 * 7);
	assert_int_equal(t.longest, 7);
}

/* The program writes more than pipes hold and never reads; or it exits without
 * reading. */
static void test_unread_input_does_not_block(void **state)
{
	struct talk t;

	talk_init(&t);
	talk_input(&t, "x\n", 1 << 20);
	assert_int_equal(SH(&t, "head -c 300000 /dev/zero;"
				"head -c 300000 /dev/zero >&2"), 0);
	assert_int_equal(t.bytes, 300000);
	talk_init(&t);
	talk_input(&t, "x\n", 1 << 20);
	assert_int_equal(RUN(&t, "true"), 0);
	talk_init(&t);
	talk_input(&t, "x\n", 1 << 20);
	assert_int_equal(SH(&t, "exec <&-; sleep .05; echo ok; exit 4"), 4);
	assert_out(&t, "ok|");
}

static void test_error_text_is_kept(void **state)
{
	struct talk t;

	talk_init(&t);
	SH(&t, "printf 'line one\\n\\nline\\ttwo\\n\\033x\\377\\n\\n' >&2");
	assert_string_equal(t.p.err, "line one; line two; ?x?");
	SH(&t, "printf '\\n\\n' >&2");
	assert_string_equal(t.p.err, "");
	SH(&t, "printf '%254s\\nlost' >&2");
	assert_int_equal(strlen(t.p.err), 254);
	SH(&t, "printf '%100000sx\\n' >&2");
	assert_int_equal(strlen(t.p.err), PROC_ERR_MAX - 1);
	assert_int_equal(strspn(t.p.err, " "), PROC_ERR_MAX - 1);
	/* two writes: the newline, and the text after it */
	SH(&t, "printf 'a' >&2; sleep .02; printf '\\n' >&2; sleep .02;"
	       "printf 'b' >&2");
	assert_string_equal(t.p.err, "a; b");
	SH(&t, "exit 0");
	assert_string_equal(t.p.err, "");
}

static const char *why(const struct talk *t, int rc)
{
	static char text[2 * PROC_ERR_MAX];
	struct wr w = wr_init(text, sizeof(text));

	proc_why(&t->p, rc, &w);
	return wr_cstr(&w);
}

static void test_reason_of_a_failure_has_a_text(void **state)
{
	struct talk t;

	talk_init(&t);
	assert_string_equal(why(&t, SH(&t, "exit 3")), "exit status 3");
	assert_string_equal(why(&t, SH(&t, "echo no >&2; exit 3")), "no");
	t.p.err[0] = '\0';
	assert_string_equal(why(&t, -ENOENT), strerror(ENOENT));
	/* it was "Connection timed out" */
	t.p.deadline_ms = 70;
	assert_string_equal(why(&t, -ETIMEDOUT),
			    "it took longer than 70 ms and was killed");
	memcpy(t.p.err, "lock", 5);
	assert_string_equal(why(&t, -ETIMEDOUT),
			    "lock; it took longer than 70 ms and was killed");
}

/* ---- deadlines --------------------------------------------------------- */

static int timed(struct talk *t, const char *script, int deadline_ms)
{
	uint64_t start = clock_mono_ms();
	int ret;

	t->p.deadline_ms = deadline_ms;
	ret = SH(t, script);
	assert_true(clock_mono_ms() - start < 25000);	/* programs take 30 s */
	return ret;
}

/* Run a script that is killed after it has printed something. Double the
 * deadline until it has, so that the test works on any machine. */
static void timed_out(struct talk *t, const char *script)
{
	int ms = 60;

	for (;;) {
		talk_init(t);
		assert_int_equal(timed(t, script, ms), -ETIMEDOUT);
		if (t->lines || ms > 10000)
			break;
		while (waitpid(-1, NULL, 0) > 0)
			;	/* its children, which printed nothing */
		ms *= 2;
	}
	assert_true(t->lines);
}

/* Wait for an orphan that we have inherited. Return: the signal that ended it,
 * or 0 */
static int orphan_signal(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_hung_program_is_killed(void **state)
{
	struct talk t;

	timed_out(&t, "echo why >&2; echo first; while :; do :; done");
	assert_out(&t, "first|");
	assert_string_equal(t.p.err, "why");
	talk_init(&t);
	assert_int_equal(timed(&t, "exec sleep 30 <&- >&- 2>&-", 60),
			 -ETIMEDOUT);
	assert_int_equal(timed(&t, "trap '' TERM INT HUP; while :; do :; done",
			       60), -ETIMEDOUT);
	assert_int_equal(timed(&t, "kill -STOP $$", 60), -ETIMEDOUT);
	assert_int_equal(timed(&t, "exec yes", 60), -ETIMEDOUT);
	assert_int_equal(timed(&t, "exec sleep 30", 0), -ETIMEDOUT);
	assert_int_equal(timed(&t, "exec sleep 30", -1), -ETIMEDOUT);
}

/* The program needs more time than its deadline, and gets it because this
 * process is stopped meanwhile. */
static void test_stopped_machine_extends_the_deadline(void **state)
{
	struct talk t;

	talk_init(&t);
	assert_int_equal(timed(&t, "kill -STOP $PPID; sleep 3;"
				   "kill -CONT $PPID; sleep .2; echo done",
			       3000), 0);
	assert_out(&t, "done|");
}

static void test_deadline_kills_the_whole_group(void **state)
{
	struct talk t;

	timed_out(&t, "sleep 30 & echo $!; wait");
	assert_int_equal(orphan_signal((pid_t)atol(t.out)), SIGKILL);
}

/* A daemon that the program leaves behind keeps the pipes open. */
static void test_daemon_left_behind_does_not_block(void **state)
{
	struct talk t;
	pid_t pid;

	talk_init(&t);
	assert_int_equal(timed(&t, "sleep 30 & echo $!; exit 6", PATIENCE_MS),
			 6);
	assert_int_equal(t.lines, 1);
	pid = (pid_t)atol(t.out);
	assert_int_equal(kill(pid, SIGKILL), 0);	/* proc_run() did not */
	orphan_signal(pid);
	/* a daemon that writes for ever: only what was there is read */
	talk_init(&t);
	assert_int_equal(timed(&t, "yes & echo $! >&2", PATIENCE_MS), 0);
	assert_int_equal(orphan_signal((pid_t)atol(t.p.err)), SIGPIPE);
}

/* ---- what a program inherits ------------------------------------------- */

static void test_program_has_its_own_environment(void **state)
{
	struct talk t;

	setenv("UPNPD_SECRET", "x", 1);
	talk_init(&t);
	assert_int_equal(RUN(&t, "env"), 0);
	assert_out(&t, "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:"
		       "/usr/local/bin|LC_ALL=C|");
	unsetenv("UPNPD_SECRET");
}

static void test_program_has_only_standard_descriptors(void **state)
{
	static const int leak[] = { 9, 20, 300 };
	struct talk t;
	size_t i;

	for (i = 0; i < 3; i++)
		assert_int_equal(dup2(0, leak[i]), leak[i]);
	talk_init(&t);
	SH(&t, "for f in 0 1 2 3 4 5 6 7 8 9 11 12 13 20 300; do "
	       "[ -e /proc/$$/fd/$f ] && echo $f; done; :");
	assert_out(&t, "0|1|2|");
	for (i = 0; i < 3; i++)
		close(leak[i]);
}

static void test_program_has_default_signals(void **state)
{
	unsigned long long blocked, ignored;
	struct sigaction ign = { .sa_handler = SIG_IGN }, old;
	struct talk t;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTERM, &ign, &old);
	talk_init(&t);
	assert_int_equal(RUN(&t, "grep", "-E", "Sig(Blk|Ign)",
			     "/proc/self/status"), 0);
	assert_int_equal(sscanf(t.out, "SigBlk: %llx|SigIgn: %llx|", &blocked,
				&ignored), 2);
	assert_true(blocked == 0);
	/* 32 and 33 are libc's own: no program can reset them, and a make that
	 * ignores them passes that on to all of us */
	assert_true((ignored & ~(3ull << 31)) == 0);
	sigaction(SIGTERM, &old, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_program_has_its_own_group(void **state)
{
	char want[64];
	struct talk t;

	talk_init(&t);
	SH(&t, "cut -d' ' -f5 /proc/self/stat; echo $$");
	snprintf(want, sizeof(want), "%ld|%ld|", atol(t.out), atol(t.out));
	assert_true(atol(t.out) > 1 && atol(t.out) != getpgrp());
	assert_out(&t, want);
}

/* ---- the caller's own state -------------------------------------------- */

static void on_signal(int signo)
{
}

static void test_signals_of_the_caller_are_kept(void **state)
{
	struct sigaction mine = { .sa_handler = on_signal }, old, now;
	struct talk t;
	sigset_t mask;

	sigaction(SIGPIPE, &mine, &old);
	talk_init(&t);
	talk_input(&t, "x", 1 << 20);
	assert_int_equal(RUN(&t, "true"), 0);
	assert_int_equal(RUN(&t, "no-such-program-here"), -ENOENT);
	sigaction(SIGPIPE, &old, &now);
	assert_true(now.sa_handler == on_signal);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGTERM));
}

/* As in the monitor: SIGCHLD is watched and blocked, and another child exits
 * meanwhile, which proc_run() must not reap. */
static void test_other_child_is_not_reaped(void **state)
{
	struct sigaction mine = { .sa_handler = on_signal }, old;
	struct talk t;
	sigset_t set;
	int status;
	pid_t other;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGCHLD, &mine, &old);
	other = fork();
	if (other == 0)
		_exit(42);
	talk_init(&t);
	assert_int_equal(SH(&t, "sleep .02; exit 2"), 2);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(WEXITSTATUS(status), 42);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* handlers interrupt nothing */
	assert_int_equal(SH(&t, "sleep .02; exit 3"), 3);
	/* if SIGCHLD is ignored, the status is lost, and reported so */
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(RUN(&t, "true"), -ECHILD);
	sigaction(SIGCHLD, &old, NULL);
}

/* A caller without 0 to 3 gets pipes of those numbers. */
static void test_caller_may_lack_standard_descriptors(void **state)
{
	unsigned closed;
	struct talk t;
	int status, i;
	pid_t pid;

	for (closed = 0; closed < 16; closed++) {
		pid = fork();
		if (pid == 0) {
			for (i = 0; i < 4; i++)
				if (closed >> i & 1)
					close(i);
			talk_init(&t);
			talk_input(&t, "in\n", 3);
			if (SH(&t, "cat; echo err >&2; exit 8") != 8)
				_exit(1);
			if (t.out_n != 3 || memcmp(t.out, "in|", 3))
				_exit(2);
			_exit(strcmp(t.p.err, "err") ? 3 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* Block the calls that kernels before 5.3 and 5.9 lack. */
static bool simulate_old_kernel(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	struct rlimit few = { 64, 64 };

	return !setrlimit(RLIMIT_NOFILE, &few) &&
	       !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) &&
	       syscall(SYS_pidfd_open, getpid(), 0) < 0;
}

static void test_old_kernel_is_enough(void **state)
{
	struct talk t;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (!simulate_old_kernel() || dup2(0, 20) != 20)
			_exit(1);
		talk_init(&t);
		if (SH(&t, "[ -e /proc/$$/fd/20 ]; echo $?; exit 3") != 3)
			_exit(2);
		if (t.out_n != 2 || t.out[0] != '1')
			_exit(3);
		/* only the tick shows that this program has exited */
		if (timed(&t, "exec <&- >&- 2>&-; sleep .02; exit 9",
			  PATIENCE_MS) != 9)
			_exit(4);
		_exit(timed(&t, "exec sleep 30", 60) == -ETIMEDOUT ? 0 : 5);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define proc_test(f) cmocka_unit_test_setup_teardown(f, before, after)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		proc_test(test_exit_status_is_returned),
		proc_test(test_missing_program_is_an_error),
		proc_test(test_failed_exec_is_an_error),
		proc_test(test_exists_searches_the_path),
		proc_test(test_output_arrives_in_lines),
		proc_test(test_long_lines_are_cut),
		proc_test(test_input_reaches_the_program),
		proc_test(test_much_input_and_output_pass_through),
		proc_test(test_unread_input_does_not_block),
		proc_test(test_error_text_is_kept),
		proc_test(test_reason_of_a_failure_has_a_text),
		proc_test(test_hung_program_is_killed),
		proc_test(test_stopped_machine_extends_the_deadline),
		proc_test(test_deadline_kills_the_whole_group),
		proc_test(test_daemon_left_behind_does_not_block),
		proc_test(test_program_has_its_own_environment),
		proc_test(test_program_has_only_standard_descriptors),
		proc_test(test_program_has_default_signals),
		proc_test(test_program_has_its_own_group),
		proc_test(test_signals_of_the_caller_are_kept),
		proc_test(test_other_child_is_not_reaped),
		proc_test(test_caller_may_lack_standard_descriptors),
		proc_test(test_old_kernel_is_enough),
	};

	/* inherit the processes that the programs leave behind */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
