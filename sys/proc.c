/* SPDX-License-Identifier: ISC */
/*
 * proc.c - runs a program by argv, writes its input, reads its output, and
 * kills it at a deadline.
 *
 * Owns: the child and its pipes, between the start and the end of proc_run().
 * Never does: start a shell, take a path or a variable from its environment,
 * wait for another child than its own.
 * Invariant: whatever the program does, proc_run() returns at the deadline, or
 * at twice the deadline if the machine did not run meanwhile (unless the kernel
 * itself cannot kill the program).
 * Runs in: any
 */
#include "sys/proc.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/wr.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROC_PATH \
	"/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
#define PATH_LEN_MAX 256
#define LINE_LEN_MAX 4096	/* proc.h; longer lines come in pieces */
#define FILL_LEN 4096		/* PIPE_BUF: room of a writable pipe */
#define TICK_MS 5		/* poll for the end, without a pidfd */
#define SLICE_MS 200		/* longest wait, to notice a stopped machine */
#define STACK_LEN 16384		/* of the child until its exec */

/* The child's descriptors 0 to 2. */
enum { IN, OUT, ERR, PIPES };

struct run {
	struct proc *p;
	pid_t pid;
	int pidfd;		/* -1 on kernels before 5.3 */
	int ours[PIPES];	/* -1 once closed */
	uint64_t end_ms;
	uint64_t due_ms;	/* when poll() should return */
	uint64_t spare_ms;	/* by which end_ms may still be extended */
	bool reaped;		/* the child was waited for */
	int status;
	char in[FILL_LEN];	/* in_at..in_n is still to be written */
	size_t in_at, in_n;
	char out[LINE_LEN_MAX + 1];	/* a line and its newline */
	size_t out_n;
	struct wr err;
	bool err_newline;	/* read; becomes "; " if more follows */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- finding the program ----------------------------------------------- */

static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* @ret_path has PATH_LEN_MAX bytes. Take the first program that can be run. */
static int find_program(const char *name, char *ret_path)
{
	struct str dirs = STR(PROC_PATH), dir;
	struct wr w;

	if (strchr(name, '/')) {
		if (!str_copy(ret_path, PATH_LEN_MAX, str_z(name)))
			return -ENAMETOOLONG;
		return check_program(ret_path);
	}
	while (*name && str_cut(&dirs, ':', &dir)) {
		w = wr_init(ret_path, PATH_LEN_MAX - 1);
		wr_str(&w, dir);
		wr_ch(&w, '/');
		wr_z(&w, name);
		if (w.over)
			return -ENAMETOOLONG;
		ret_path[w.len] = '\0';
		if (!check_program(ret_path))
			return 0;
	}
	return -ENOENT;
}

bool proc_exists(const char *name)
{
	char path[PATH_LEN_MAX];

	return !find_program(name, path);
}

/* ---- the child --------------------------------------------------------- */

void proc_close_from(int low)
{
	struct rlimit most = { 0 };
	rlim_t fd;

	if (!syscall(SYS_close_range, low, ~0U, 0))
		return;
	/* a kernel before 5.9 */
	prlimit(0, RLIMIT_NOFILE, NULL, &most);
	for (fd = (rlim_t)low; fd < most.rlim_cur && fd < INT_MAX; fd++)
		close((int)fd);
}

/* What the child is to run. It shares our memory until its exec. */
struct child {
	const char *path;
	const char *const *argv;
	int fd[PIPES];
	int err;	/* why there was no exec */
};

/* Move the pipes away first: if the caller had closed one of 0 to 2, a pipe may
 * have its number. */
static int place_descriptors(int fd[PIPES])
{
	for (int i = 0; i < PIPES; i++) {
		fd[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, PIPES);
		if (fd[i] < 0)
			return -errno;
	}
	for (int i = 0; i < PIPES; i++)
		if (dup2(fd[i], i) < 0)
			return -errno;
	proc_close_from(PIPES);
	return 0;
}

/* exec() keeps ignored and blocked signals. All signals are blocked up to here,
 * so that no handler of the caller's runs in the child. */
static void default_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int signo = 1; signo < _NSIG; signo++)
		sigaction(signo, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int run_child(void *arg)
{
	static char env_path[] = "PATH=" PROC_PATH, env_lang[] = "LC_ALL=C";
	char *const env[] = { env_path, env_lang, NULL };
	struct child *c = arg;
	char *const *args;

	setpgid(0, 0);
	c->err = place_descriptors(c->fd);
	if (!c->err) {
		default_signals();
		/* execve() does not write to them, const or not */
		memcpy(&args, &c->argv, sizeof(args));
		execve(c->path, args, env);
		c->err = -errno;
	}
	_exit(127);
}

/* ---- starting it ------------------------------------------------------- */

static int open_pipes(int ours[PIPES], int theirs[PIPES])
{
	int pair[2];

	for (int i = 0; i < PIPES; i++) {
		if (pipe2(pair, O_CLOEXEC) < 0)
			return -errno;
		ours[i] = pair[i == IN];
		theirs[i] = pair[i != IN];
		if (fcntl(ours[i], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

/* A copy of our memory for the child would cost 8 % of a run of
 * iptables-restore, and more with more mappings. So this process waits until
 * the exec, as with vfork(), and the child has a stack of its own. (Not
 * posix_spawn(), which allocates memory.) */
static int spawn(struct run *r, struct child *c)
{
	_Alignas(16) char stack[STACK_LEN];
	sigset_t all, old;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	r->pid = clone(run_child, stack + sizeof(stack),
		       CLONE_VM | CLONE_VFORK | SIGCHLD, c);
	if (r->pid < 0)
		c->err = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (!c->err)
		r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	else if (r->pid > 0)
		while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
			;
	return c->err;
}

static int start(struct run *r)
{
	struct child c = { .argv = r->p->argv, .fd = { -1, -1, -1 } };
	int theirs[PIPES] = { -1, -1, -1 }, err;
	char path[PATH_LEN_MAX];

	err = find_program(r->p->argv[0], path);
	if (err)
		return err;
	err = open_pipes(r->ours, theirs);
	c.path = path;
	memcpy(c.fd, theirs, sizeof(theirs));
	if (!err)
		err = spawn(r, &c);
	for (int i = 0; i < PIPES; i++)
		close_fd(&theirs[i]);
	return err;
}

/* ---- its input --------------------------------------------------------- */

/* It is not an error if the program stops reading; its exit status decides. */
static void write_input(struct run *r)
{
	const struct proc *p = r->p;
	ssize_t n;

	if (r->in_at == r->in_n) {
		r->in_at = 0;
		r->in_n = p->fill ? p->fill(p->arg, r->in, sizeof(r->in)) : 0;
	}
	if (r->in_n == 0) {
		close_fd(&r->ours[IN]);
		return;
	}
	n = write(r->ours[IN], r->in + r->in_at, r->in_n - r->in_at);
	if (n >= 0)
		r->in_at += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		close_fd(&r->ours[IN]);
}

/* ---- its output -------------------------------------------------------- */

static void on_line(const struct run *r, struct str line)
{
	if (r->p->line)
		r->p->line(r->p->arg, line);
}

static void split_lines(struct run *r)
{
	struct str rest = { r->out, r->out_n };
	const char *nl;
	size_t n;

	while (rest.n && (nl = memchr(rest.p, '\n', rest.n))) {
		n = (size_t)(nl - rest.p);
		on_line(r, (struct str){ rest.p, n });
		rest = str_skip(rest, n + 1);
	}
	if (rest.n > LINE_LEN_MAX) {
		on_line(r, (struct str){ rest.p, LINE_LEN_MAX });
		rest = str_skip(rest, LINE_LEN_MAX);
	}
	memmove(r->out, rest.p, rest.n);
	r->out_n = rest.n;
}

/* Append a byte of stderr to the one line for the log. */
static void append_error(struct run *r, char c)
{
	if (c == '\n') {
		r->err_newline = true;
		return;
	}
	if (r->err_newline && r->err.len)
		wr_z(&r->err, "; ");
	r->err_newline = false;
	text_put(TEXT_ASCII, &r->err,
		 c == '\t' ? STR(" ") : (struct str){ &c, 1 });
}

/* Read once from OUT or ERR. Return: bytes, 0: none now */
static size_t read_pipe(struct run *r, int which)
{
	char buf[512];
	ssize_t n;

	if (which == OUT) {
		n = read(r->ours[OUT], r->out + r->out_n,
			 sizeof(r->out) - r->out_n);
		r->out_n += n > 0 ? (size_t)n : 0;
	} else {
		n = read(r->ours[ERR], buf, sizeof(buf));
		for (ssize_t i = 0; i < n; i++)
			append_error(r, buf[i]);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(&r->ours[which]);
	if (which == OUT && n > 0)
		split_lines(r);
	return n > 0 ? (size_t)n : 0;
}

/* Read only what is in the pipe now: a daemon that the program left behind may
 * hold it open and write to it for ever. */
static void drain(struct run *r, int which)
{
	int there = 0;
	size_t n, got = 0;

	if (r->ours[which] < 0 ||
	    ioctl(r->ours[which], FIONREAD, &there) < 0 || there < 0)
		return;
	while (got < (size_t)there && (n = read_pipe(r, which)))
		got += n;
}

/* ---- running it -------------------------------------------------------- */

/* If the caller ignores SIGCHLD, the kernel reaps the child and its status is
 * lost: -ECHILD. Another process may have the pid then, so never use it. */
static int reap(struct run *r, int options)
{
	pid_t pid;

	do {
		pid = waitpid(r->pid, &r->status, options);
	} while (pid < 0 && errno == EINTR);
	r->reaped = pid != 0;
	return pid < 0 ? -errno : 0;
}

static int wait_events(struct run *r, uint64_t left_ms)
{
	struct pollfd pfd[] = {
		{ .fd = r->ours[IN], .events = POLLOUT },
		{ .fd = r->ours[OUT], .events = POLLIN },
		{ .fd = r->ours[ERR], .events = POLLIN },
		{ .fd = r->pidfd, .events = POLLIN },
	};

	if (r->pidfd < 0 && left_ms > TICK_MS)
		left_ms = TICK_MS;
	if (poll(pfd, sizeof(pfd) / sizeof(pfd[0]), (int)left_ms) < 0)
		return errno == EINTR ? 0 : -errno;
	if (pfd[IN].revents)
		write_input(r);
	if (pfd[OUT].revents)
		read_pipe(r, OUT);
	if (pfd[ERR].revents)
		read_pipe(r, ERR);
	return 0;
}

/* If poll() returns late, this process did not run for that time: a guest
 * without its host, a suspended laptop, an overloaded machine. The program did
 * not run either, so extend its deadline by that time. */
static void extend_deadline(struct run *r, uint64_t now)
{
	uint64_t late = now > r->due_ms ? now - r->due_ms : 0;

	if (late > r->spare_ms)
		late = r->spare_ms;
	r->spare_ms -= late;
	r->end_ms += late;
}

/* Move bytes until the child has exited: 0, -ETIMEDOUT, other -errno. */
static int move_bytes(struct run *r)
{
	uint64_t now, slice;
	int err;

	for (;;) {
		err = reap(r, WNOHANG);
		if (r->reaped)
			return err;
		now = clock_mono_ms();
		extend_deadline(r, now);
		if (now >= r->end_ms)
			return -ETIMEDOUT;
		slice = r->end_ms - now;
		if (slice > SLICE_MS)
			slice = SLICE_MS;
		r->due_ms = now + slice;
		err = wait_events(r, slice);
		if (err)
			return err;
	}
}

/* Read the rest of the output, or kill the group if the child still runs. */
static int finish(struct run *r, int err)
{
	if (!r->reaped) {
		kill(-r->pid, SIGKILL);
		kill(r->pid, SIGKILL);
		reap(r, 0);
	}
	drain(r, OUT);
	drain(r, ERR);
	if (r->out_n)
		on_line(r, (struct str){ r->out, r->out_n });
	if (err)
		return err;
	return WIFEXITED(r->status) ? WEXITSTATUS(r->status) :
				      128 + WTERMSIG(r->status);
}

int proc_run(struct proc *p)
{
	uint64_t now = clock_mono_ms();
	struct run r = {
		.p = p,
		.pidfd = -1,
		.ours = { -1, -1, -1 },
		.end_ms = now + (uint64_t)p->deadline_ms,
		.due_ms = now + SLICE_MS,
		.spare_ms = p->deadline_ms > 0 ? (uint64_t)p->deadline_ms : 0,
		.err = wr_init(p->err, sizeof(p->err) - 1),
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	int ret;

	/* else a program that exits before it reads its input would kill us */
	sigaction(SIGPIPE, &ignore, &old);
	ret = start(&r);
	if (!ret)
		ret = finish(&r, move_bytes(&r));
	for (int i = 0; i < PIPES; i++)
		close_fd(&r.ours[i]);
	close_fd(&r.pidfd);
	sigaction(SIGPIPE, &old, NULL);
	p->err[r.err.len] = '\0';
	return ret;
}
