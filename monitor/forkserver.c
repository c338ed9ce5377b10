/* SPDX-License-Identifier: ISC */
/*
 * forkserver.c - the process that engines are born in, and the monitor's end.
 *
 * Owns: one engine at a time. Never does: read from the network, open a file
 * once its jail is shut.
 * Invariant: what it holds for an engine is closed here as soon as that is
 * born, or nobody would see either end of it close.
 */
#include "monitor/forkserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/limits.h"
#include "base/log.h"
#include "sys/bootid.h"
#include "sys/proc.h"

#define FORKSERVER_FD 3		/* its socket: the first behind 0 to 2 */

enum verb { START = 1, KILL };

struct request {
	uint32_t verb;		/* enum verb */
	uint32_t fd_n;		/* how many came along */
};

/* Room for descriptors that come along, aligned as they need it. */
union control {
	struct cmsghdr head;
	char buf[CMSG_SPACE(FORKSERVER_FDS * sizeof(int))];
};

struct nest {
	pid_t self, engine;		/* 0: there is none */
	bool hung_up;			/* the monitor has */
	engine_run_fn *run;
	struct engine_start start;	/* descriptors: of the engine that
					 * starts now */
};

/* ---- the process: births and deaths -------------------------------------- */

/* A monitor that is gone is seen when we listen. */
static void tell(enum forkserver_event news, int value)
{
	const struct forkserver_rep rep = { news, value };

	if (send(FORKSERVER_FD, &rep, sizeof(rep), MSG_NOSIGNAL) < 0)
		return;
}

static void __attribute__((noreturn)) be_engine(struct nest *n)
{
	sigset_t none;

	/* Nobody else could end it if we were gone; we may be so already. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) ||
	    getppid() != n->self)
		_exit(1);
	close(FORKSERVER_FD);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(n->run(&n->start));
}

static void give_birth(struct nest *n, const int *fd, size_t fd_n)
{
	n->start.chan_fd = fd[FORKSERVER_CHAN];
	n->start.log_fd = fd[FORKSERVER_LOG];
	n->start.ctl_fd = fd_n > FORKSERVER_CTL ? fd[FORKSERVER_CTL] : -1;
	n->engine = fork();
	if (n->engine == 0)
		be_engine(n);
	if (n->engine > 0) {
		tell(FORKSERVER_STARTED, n->engine);
	} else {
		tell(FORKSERVER_FAILED, -errno);
		n->engine = 0;
	}
	for (size_t i = 0; i < fd_n; i++)
		close(fd[i]);
}

static void reap(struct nest *n)
{
	int status;

	if (!n->engine || waitpid(n->engine, &status, WNOHANG) != n->engine)
		return;
	n->engine = 0;
	tell(FORKSERVER_DIED, status);
}

static void end_engine(const struct nest *n)
{
	if (n->engine)
		kill(n->engine, SIGKILL);
}

/* ---- the process: what it is told ---------------------------------------- */

static size_t take_fds(struct msghdr *msg, int *ret_fd)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	size_t len;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	len = c->cmsg_len - CMSG_LEN(0);
	memcpy(ret_fd, CMSG_DATA(c), len);
	return len / sizeof(*ret_fd);
}

/* The monitor makes no mistake that we could put right. */
static void obey(struct nest *n)
{
	union control control;
	struct request req;
	struct iovec iov = { &req, sizeof(req) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	int fd[FORKSERVER_FDS];
	ssize_t len = recvmsg(FORKSERVER_FD, &msg, MSG_CMSG_CLOEXEC);
	size_t fd_n;

	if (len <= 0) {
		n->hung_up = true;
		return;
	}
	fd_n = take_fds(&msg, fd);
	if (len != sizeof(req) || fd_n != req.fd_n ||
	    msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		_exit(1);
	if (req.verb == KILL)
		end_engine(n);
	else if (req.verb == START && !n->engine && fd_n > FORKSERVER_LOG)
		give_birth(n, fd, fd_n);
	else
		_exit(1);
}

/* A death comes as a signal, which is let in only while we wait. */
static void __attribute__((noreturn)) live(struct nest *n)
{
	static const struct timespec byebye = {
		ENGINE_STOP_MS / 1000, ENGINE_STOP_MS % 1000 * 1000000L,
	};
	struct pollfd pfd = { FORKSERVER_FD, POLLIN };
	sigset_t none;
	int ready;

	sigemptyset(&none);
	for (;;) {
		reap(n);
		if (n->hung_up && !n->engine)
			_exit(0);
		ready = ppoll(&pfd, !n->hung_up, n->hung_up ? &byebye : NULL,
			      &none);
		if (ready > 0)
			obey(n);
		else if (ready == 0)
			end_engine(n);
	}
}

static void on_sigchld(int signo)
{
}

static int set_signals(void)
{
	struct sigaction sa = { .sa_handler = on_sigchld };
	sigset_t death;

	/* A terminal or an init system tells all of us at once. We go when the
	 * monitor says so, and so does the engine, or nobody says byebye. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&death);
	sigaddset(&death, SIGCHLD);
	if (sigaction(SIGCHLD, &sa, NULL) ||
	    sigprocmask(SIG_SETMASK, &death, NULL))
		return -errno;
	return 0;
}

/* Nothing else of the monitor's: the pid file's lock is not for us. */
static int keep_only(int fd)
{
	if (fd != FORKSERVER_FD && dup3(fd, FORKSERVER_FD, O_CLOEXEC) < 0)
		return -errno;
	proc_close_from(FORKSERVER_FD + 1);
	return 0;
}

static void __attribute__((noreturn))
run_forkserver(int fd, const struct jail *j, engine_run_fn *run)
{
	struct nest n = { .run = run, .start.owner = getuid() };
	int err;

	n.self = getpid();
	/* where a build that names calls names ours */
	log_open(LOG_TO_STDERR, "upnpd", -1, LOG_INFO);
	if (keep_only(fd))
		_exit(1);
	bootid_read(n.start.boot_id);
	err = set_signals();
	if (!err)
		err = jail_enter(j);
	tell(FORKSERVER_READY, err);
	if (err)
		_exit(1);
	live(&n);
}

/* ---- the monitor's end --------------------------------------------------- */

/* Its first word. What it says when it can not be had, is why. */
static int hear_ready(const struct forkserver *n)
{
	struct forkserver_rep rep;
	ssize_t len;

	do
		len = recv(n->fd, &rep, sizeof(rep), 0);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	if (len != sizeof(rep) || rep.news != FORKSERVER_READY)
		return -EPIPE;
	return rep.value;
}

int forkserver_open(struct forkserver *ret, const struct jail *jail,
		    engine_run_fn *run)
{
	int pair[2], status, err;

	*ret = (struct forkserver){ 0, -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	log_flush();
	ret->fd = pair[0];
	ret->pid = fork();
	if (ret->pid == 0)
		run_forkserver(pair[1], jail, run);
	err = ret->pid < 0 ? -errno : 0;
	close(pair[1]);
	if (!err)
		err = hear_ready(ret);
	if (err)
		forkserver_close(ret, &status);
	return err;
}

static int ask(const struct forkserver *n, enum verb verb, const int *fd,
	       size_t fd_n)
{
	struct request req = { verb, (uint32_t)fd_n };
	struct iovec iov = { &req, sizeof(req) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	struct cmsghdr *c = &control.head;

	if (fd_n) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(fd_n * sizeof(*fd));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_n * sizeof(*fd));
		memcpy(CMSG_DATA(c), fd, fd_n * sizeof(*fd));
	}
	if (sendmsg(n->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

int forkserver_start(const struct forkserver *n, const int fd[FORKSERVER_FDS])
{
	return ask(n, START, fd, fd[FORKSERVER_CTL] < 0 ? FORKSERVER_CTL :
						      FORKSERVER_FDS);
}

int forkserver_kill(const struct forkserver *n)
{
	return ask(n, KILL, NULL, 0);
}

int forkserver_read(const struct forkserver *n, struct forkserver_rep *ret)
{
	struct forkserver_rep rep;
	ssize_t len = recv(n->fd, &rep, sizeof(rep), MSG_DONTWAIT);

	if (len < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (len != sizeof(rep))
		return -EPIPE;
	*ret = rep;
	return 0;
}

/* Its end of the socket closes when it ends; a moment later it can be waited
 * for. Not by SIGCHLD: our owner may watch that. */
static int wait_end(const struct forkserver *n, int *ret_status)
{
	static const struct timespec moment = { 0, 1000000 };
	struct pollfd pfd = { n->fd, 0 };
	int tries = poll(&pfd, 1, FORKSERVER_END_MS) > 0 ? 1000 : 1;
	pid_t got = 0;

	while (!got && tries-- > 0) {
		got = waitpid(n->pid, ret_status, WNOHANG);
		if (!got)
			nanosleep(&moment, NULL);
	}
	if (got < 0)
		return -errno;
	return got ? 0 : -ETIMEDOUT;
}

int forkserver_close(struct forkserver *n, int *ret_status)
{
	int err = -ECHILD;

	if (n->fd < 0)
		return err;
	shutdown(n->fd, SHUT_WR);
	if (n->pid > 0)
		err = wait_end(n, ret_status);
	close(n->fd);
	*n = (struct forkserver){ 0, -1 };
	return err;
}
