/* SPDX-License-Identifier: ISC */
/*
 * forkserver.c - the process that forks the engines, and the monitor's end of
 * its socket.
 *
 * Owns: one engine at a time. Never does: read from the network, open a file
 * once it is in its jail.
 * Invariant: it closes the descriptors of an engine as soon as the engine is
 * forked; otherwise no process would notice when the other end closes.
 * Runs in: monitor
 */
#include "monitor/forkserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/limits.h"
#include "base/log.h"
#include "sys/bootid.h"
#include "sys/proc.h"

#define FORKSERVER_FD 3		/* its socket: the first after 0 to 2 */

enum verb { START = 1, KILL };

struct request {
	uint32_t verb;		/* enum verb */
	uint32_t fd_n;		/* number of descriptors that follow */
};

/* Room for the descriptors of a request, aligned for a cmsghdr. */
union control {
	struct cmsghdr head;
	char buf[CMSG_SPACE(FORKSERVER_FDS * sizeof(int))];
};

struct server {
	pid_t self, engine;		/* 0: there is none */
	bool hung_up;			/* the monitor has closed its end */
	engine_run_fn *run;
	struct engine_start start;	/* of the engine that starts now */
};

/* ---- the process: start and exit of engines ------------------------------ */

/* Ignores an error: the next read shows that the monitor has exited. */
static void send_event(enum forkserver_event event, int value)
{
	const struct forkserver_rep rep = { event, value };

	if (send(FORKSERVER_FD, &rep, sizeof(rep), MSG_NOSIGNAL) < 0)
		return;
}

static void __attribute__((noreturn)) run_engine(struct server *s)
{
	sigset_t none;

	/* Without the fork server nobody could kill this engine. The fork
	 * server may have exited before prctl(), so compare the parent. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != s->self)
		_exit(1);
	/* Whatever an intruder or a library prints: not past the limits of the
	 * log. With -F, the monitor's stderr may be a terminal or the log. */
	for (int fd = STDIN_FILENO; fd < FORKSERVER_FD; fd++)
		if (dup3(s->start.log_fd, fd, 0) < 0)
			_exit(1);
	close(FORKSERVER_FD);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(s->run(&s->start));
}

static void start_engine(struct server *s, const int *fd, size_t fd_n)
{
	s->start.chan_fd = fd[FORKSERVER_CHAN];
	s->start.log_fd = fd[FORKSERVER_LOG];
	s->start.ctl_fd = fd_n > FORKSERVER_CTL ? fd[FORKSERVER_CTL] : -1;
	s->engine = fork();
	if (s->engine == 0)
		run_engine(s);
	if (s->engine > 0) {
		send_event(FORKSERVER_STARTED, s->engine);
	} else {
		send_event(FORKSERVER_FAILED, -errno);
		s->engine = 0;
	}
	for (size_t i = 0; i < fd_n; i++)
		close(fd[i]);
}

static void reap(struct server *s)
{
	int status;

	if (!s->engine || waitpid(s->engine, &status, WNOHANG) != s->engine)
		return;
	s->engine = 0;
	send_event(FORKSERVER_EXITED, status);
}

static void kill_engine(const struct server *s)
{
	if (s->engine)
		kill(s->engine, SIGKILL);
}

/* ---- the process: requests ----------------------------------------------- */

/* The monitor is trusted. A malformed request is a bug, so exit. */
static void handle_request(struct server *s)
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
	const struct cmsghdr *c;
	size_t fd_n = 0;

	if (len <= 0) {
		s->hung_up = true;
		return;
	}
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		memcpy(fd, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		fd_n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(*fd);
	}
	if (len != sizeof(req) || fd_n != req.fd_n ||
	    msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		_exit(1);
	if (req.verb == KILL)
		kill_engine(s);
	else if (req.verb == START && !s->engine && fd_n > FORKSERVER_LOG)
		start_engine(s, fd, fd_n);
	else
		_exit(1);
}

/* SIGCHLD is blocked except in ppoll(), so no exit is missed. */
static void __attribute__((noreturn)) serve(struct server *s)
{
	static const struct timespec byebye = {
		ENGINE_STOP_MS / 1000, ENGINE_STOP_MS % 1000 * 1000000L,
	};
	struct pollfd pfd = { FORKSERVER_FD, POLLIN };
	sigset_t none;
	int ready;

	sigemptyset(&none);
	for (;;) {
		reap(s);
		if (s->hung_up && !s->engine)
			_exit(0);
		ready = ppoll(&pfd, !s->hung_up, s->hung_up ? &byebye : NULL,
			      &none);
		if (ready > 0)
			handle_request(s);
		else if (ready == 0)
			kill_engine(s);
	}
}

static void on_sigchld(int signo)
{
}

/* Shared with the engines that are forked later. Return: NULL: there is none,
 * and each engine begins anew */
static struct engine_kept *make_kept(void)
{
	void *p = mmap(NULL, sizeof(struct engine_kept),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);

	return p == MAP_FAILED ? NULL : p;
}

static void __attribute__((noreturn))
run_forkserver(int fd, const struct jail *j, engine_run_fn *run)
{
	struct server s = { .run = run, .start.owner = getuid() };
	struct sigaction sa = { .sa_handler = on_sigchld };
	sigset_t death;
	int err;

	s.self = getpid();
	/* so that a build that logs refused system calls logs ours */
	log_open(LOG_TO_STDERR, "upnpd", -1, LOG_INFO);
	/* Close every other descriptor of the monitor's, such as the lock of
	 * the pid file. */
	if (fd != FORKSERVER_FD && dup3(fd, FORKSERVER_FD, O_CLOEXEC) < 0)
		_exit(1);
	proc_close_from(FORKSERVER_FD + 1);
	bootid_read(s.start.boot_id);
	flowtimes_read(&s.start.flowtimes);
	s.start.kept = make_kept();
	/* A terminal or an init system signals all of our processes at once.
	 * The fork server and the engine must stay until the monitor stops
	 * them, or no engine would send byebye. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&death);
	sigaddset(&death, SIGCHLD);
	if (sigaction(SIGCHLD, &sa, NULL) ||
	    sigprocmask(SIG_SETMASK, &death, NULL))
		err = -errno;
	else
		err = jail_enter(j);
	send_event(FORKSERVER_READY, err);
	if (err)
		_exit(1);
	serve(&s);
}

/* ---- the monitor's end --------------------------------------------------- */

/* Wait for READY; its value is 0, or -errno if the child could not enter the
 * jail. */
static int wait_ready(const struct forkserver *s)
{
	struct forkserver_rep rep;
	ssize_t len;

	do
		len = recv(s->fd, &rep, sizeof(rep), 0);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	if (len != sizeof(rep) || rep.event != FORKSERVER_READY)
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
		err = wait_ready(ret);
	if (err)
		forkserver_close(ret, &status);
	return err;
}

static int send_request(const struct forkserver *s, enum verb verb,
			const int *fd, size_t fd_n)
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
	if (sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

int forkserver_start(const struct forkserver *s, const int fd[FORKSERVER_FDS])
{
	return send_request(s, START, fd, fd[FORKSERVER_CTL] < 0 ?
				    FORKSERVER_CTL : FORKSERVER_FDS);
}

int forkserver_kill(const struct forkserver *s)
{
	return send_request(s, KILL, NULL, 0);
}

int forkserver_read(const struct forkserver *s, struct forkserver_rep *ret)
{
	struct forkserver_rep rep;
	ssize_t len = recv(s->fd, &rep, sizeof(rep), MSG_DONTWAIT);

	if (len < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (len != sizeof(rep))
		return -EPIPE;
	*ret = rep;
	return 0;
}

/* The fork server's socket closes when it exits; waitpid() succeeds a moment
 * later. SIGCHLD is not used, because our owner may watch it. */
static int wait_end(const struct forkserver *s, int *ret_status)
{
	static const struct timespec moment = { 0, 1000000 };
	struct pollfd pfd = { s->fd, 0 };
	int tries = poll(&pfd, 1, FORKSERVER_END_MS) > 0 ? 1000 : 1;
	pid_t got = 0;

	while (!got && tries-- > 0) {
		got = waitpid(s->pid, ret_status, WNOHANG);
		if (!got)
			nanosleep(&moment, NULL);
	}
	if (got < 0)
		return -errno;
	return got ? 0 : -ETIMEDOUT;
}

int forkserver_close(struct forkserver *s, int *ret_status)
{
	int err = -ECHILD;

	if (s->fd < 0)
		return err;
	shutdown(s->fd, SHUT_WR);
	if (s->pid > 0)
		err = wait_end(s, ret_status);
	close(s->fd);
	*s = (struct forkserver){ 0, -1 };
	return err;
}
