/* SPDX-License-Identifier: ISC */
/*
 * supervisor.c - starts, watches and stops the engine.
 *
 * Owns: our end of the engine's channel and of its log, the fork server.
 * Invariant: an engine is requested only after the one before has exited, so
 * that each event of the fork server is about the current engine.
 * Runs in: monitor
 */
#include "monitor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RETRY_MS	1000
#define DEATH_WINDOW_MS	60000
#define LOG_PIPE_MAX	65536	/* bytes: a pipe's capacity, pipe(7) */

static void watch_close(struct supervisor *s, struct loop_fd *fd)
{
	loop_fd_del(s->loop, fd);
	if (fd->fd >= 0)
		close(fd->fd);
	fd->fd = -1;
}

static void on_log(struct loop_fd *fd, short revents)
{
	struct supervisor *s = LOOP_OWNER(fd, struct supervisor, log);
	int n = log_relay_read(&s->relay, fd->fd, loop_now_ms(s->loop));

	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
		loop_fd_del(s->loop, fd);
}

/* Log the lines that are still in the pipe. Stop after LOG_PIPE_MAX bytes: when
 * supervisor_close() gives up waiting, the engine may still write. */
static void drain_log(struct supervisor *s)
{
	int left = LOG_PIPE_MAX, n;

	if (s->log.fd < 0)
		return;
	do {
		n = log_relay_read(&s->relay, s->log.fd, loop_now_ms(s->loop));
		left -= n;
	} while (n > 0 && left > 0);
}

/* The engine has exited: log its last lines and close its descriptors. */
static void reap(struct supervisor *s)
{
	drain_log(s);
	watch_close(s, &s->log);
	watch_close(s, &s->chan);
	loop_timer_del(s->loop, &s->ping);
	countdown_del(&s->stop);
	countdown_del(&s->answer);
	s->running = false;
}

static void fail(struct supervisor *s)
{
	reap(s);
	loop_timer_del(s->loop, &s->restart);
	loop_fd_del(s->loop, &s->events);
	s->ops->failed(s->arg);
}

/* ---- an engine's end ----------------------------------------------------- */

static void kill_engine(struct supervisor *s, const char *why)
{
	if (!s->running)
		return;
	log_err("engine: %s; killing it", why);
	s->killed = true;
	/* On failure the fork server has exited, which on_event() reads. */
	forkserver_kill(&s->forkserver);
	countdown_set(&s->answer, FORKSERVER_ANSWER_MS);
}

static void ignore_engine(struct supervisor *s)
{
	loop_timer_del(s->loop, &s->ping);
	loop_fd_del(s->loop, &s->chan);
}

static void on_chan(struct loop_fd *fd, short revents)
{
	struct supervisor *s = LOOP_OWNER(fd, struct supervisor, chan);
	int err = s->ops->request(s->arg, fd->fd);

	if (!err)
		return;
	if (err == -EPROTO)
		kill_engine(s, "it sent a malformed request");
	else if (err == -EXFULL)
		kill_engine(s, "it does not read its answers");
	else
		countdown_set(&s->stop, ENGINE_STOP_MS);
	ignore_engine(s);	/* the fork server reports the exit */
}

int supervisor_channel(const struct supervisor *s)
{
	return s->running ? s->chan.fd : -1;
}

static void on_stop(struct countdown *c)
{
	kill_engine(LOOP_OWNER(c, struct supervisor, stop), "it does not stop");
}

bool supervisor_stop(struct supervisor *s)
{
	loop_timer_del(s->loop, &s->restart);
	loop_timer_del(s->loop, &s->ping);
	watch_close(s, &s->chan);
	s->stopping = true;
	if (s->running)
		countdown_set(&s->stop, ENGINE_STOP_MS);
	return s->running;
}

static void handle_exit(struct supervisor *s, int status)
{
	uint64_t now;

	if (WIFSIGNALED(status))
		log_err("engine ended by signal %d", WTERMSIG(status));
	else
		log_err("engine ended with status %d", WEXITSTATUS(status));
	s->ops->exited(s->arg);
	now = loop_now_ms(s->loop) + 1;		/* 0: none yet */
	memmove(s->death_ms, s->death_ms + 1,
		sizeof(s->death_ms) - sizeof(s->death_ms[0]));
	s->death_ms[ENGINE_DEATHS_MAX - 1] = now;
	if (s->death_ms[0] && now - s->death_ms[0] <= DEATH_WINDOW_MS) {
		log_err("engine died %d times within a minute; giving up; the "
			"log has the reasons", ENGINE_DEATHS_MAX);
		fail(s);
		return;
	}
	loop_timer_set(s->loop, &s->restart, ENGINE_RESTART_MS);
}

/* ---- an engine that hangs ------------------------------------------------ */

static void begin_ping(struct supervisor *s, uint64_t patience_ms)
{
	s->patience_ms = patience_ms;
	s->ops->ping(s->arg, s->chan.fd);
	loop_timer_set(s->loop, &s->ping, COUNTDOWN_TICK_MS);
}

/* The answer may be behind requests that wait because the firewall is slow. An
 * engine that hangs sends no more of them. */
static bool has_unread(const struct supervisor *s)
{
	struct pollfd pfd = { s->chan.fd, POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/* As in countdown.h, a tick counts a second, however late it is. */
static void on_ping(struct loop_timer *t)
{
	struct supervisor *s = LOOP_OWNER(t, struct supervisor, ping);

	if (!s->patience_ms) {
		begin_ping(s, ENGINE_ANSWER_MS);
		return;
	}
	if (!has_unread(s))
		s->patience_ms -= COUNTDOWN_TICK_MS;
	if (s->patience_ms) {
		begin_ping(s, s->patience_ms);
		return;
	}
	kill_engine(s, "it hangs and answers no ping");
	ignore_engine(s);
}

void supervisor_answered(struct supervisor *s)
{
	if (!s->patience_ms)
		return;
	s->patience_ms = 0;
	loop_timer_set(s->loop, &s->ping, ENGINE_PING_MS);
}

/* ---- an engine's start --------------------------------------------------- */

/* Make the channel and the log pipe, or neither. */
static int make_pipes(int chan[2], int log[2])
{
	int e;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, chan))
		return -errno;
	if (pipe2(log, O_CLOEXEC | O_NONBLOCK) == 0)
		return 0;
	e = errno;
	close(chan[0]);
	close(chan[1]);
	return -e;
}

static void retry_start(struct supervisor *s, int err)
{
	log_err("engine: %s; trying again", strerror(-err));
	loop_timer_set(s->loop, &s->restart, RETRY_MS);
}

static void start(struct supervisor *s)
{
	int chan[2] = { -1, -1 }, log[2] = { -1, -1 }, fd[FORKSERVER_FDS];
	int err = make_pipes(chan, log);

	if (err) {
		retry_start(s, err);
		return;
	}
	/* Each engine has its own channel. The configuration is sent into it
	 * before any process has the other end, so no engine can change what
	 * its successor reads. */
	if (send(chan[0], s->conf, conf_size(s->conf), MSG_NOSIGNAL) < 0)
		err = -errno;
	fd[FORKSERVER_CHAN] = chan[1];
	fd[FORKSERVER_LOG] = log[1];
	fd[FORKSERVER_CTL] = s->ctl_fd;
	if (!err)
		err = forkserver_start(&s->forkserver, fd);
	close(chan[1]);
	close(log[1]);
	if (err) {
		close(chan[0]);
		close(log[0]);
		retry_start(s, err);
		return;
	}
	s->running = true;
	s->killed = false;
	s->ops->starting(s->arg);
	memset(&s->relay, 0, sizeof(s->relay));
	loop_fd_init(&s->chan, chan[0], on_chan);
	loop_fd_init(&s->log, log[0], on_log);
	loop_fd_add(s->loop, &s->chan, POLLIN);
	loop_fd_add(s->loop, &s->log, POLLIN);
	countdown_set(&s->answer, FORKSERVER_ANSWER_MS);
	begin_ping(s, ENGINE_START_MS);
}

static void on_restart(struct loop_timer *t)
{
	start(LOOP_OWNER(t, struct supervisor, restart));
}

void supervisor_start(struct supervisor *s, const struct conf *conf, int ctl_fd)
{
	s->conf = conf;
	s->ctl_fd = ctl_fd;
	s->stopping = false;
	start(s);
}

void supervisor_control(struct supervisor *s, int ctl_fd)
{
	s->ctl_fd = ctl_fd;
}

/* ---- the fork server ----------------------------------------------------- */

static void handle_event(struct supervisor *s, const struct forkserver_rep *rep)
{
	if (rep->event == FORKSERVER_STARTED) {
		log_debug("engine: process %d", (int)rep->value);
		if (!s->killed)
			countdown_del(&s->answer);
		return;
	}
	reap(s);
	if (s->stopping)
		s->ops->stopped(s->arg);
	else if (rep->event == FORKSERVER_FAILED)
		retry_start(s, rep->value);
	else
		handle_exit(s, rep->value);
}

static void on_event(struct loop_fd *fd, short revents)
{
	struct supervisor *s = LOOP_OWNER(fd, struct supervisor, events);
	struct forkserver_rep rep;
	int status, err = forkserver_read(&s->forkserver, &rep);

	if (!err)
		handle_event(s, &rep);
	if (!err || err == -EAGAIN)
		return;
	if (forkserver_close(&s->forkserver, &status))
		log_err("the fork server closed its socket: no engine can be "
			"started; start upnpd again");
	else if (WIFSIGNALED(status))
		log_err("the fork server ended by signal %d: no engine can be "
			"started; start upnpd again", WTERMSIG(status));
	else
		log_err("the fork server ended with status %d: no engine can "
			"be started; start upnpd again", WEXITSTATUS(status));
	fail(s);
}

static void on_answer(struct countdown *c)
{
	struct supervisor *s = LOOP_OWNER(c, struct supervisor, answer);

	log_err("the fork server does not answer: no engine can be started; "
		"start upnpd again");
	fail(s);
}

void supervisor_init(struct supervisor *s, struct loop *loop,
		     const struct supervisor_ops *ops, void *arg)
{
	s->ops = ops;
	s->arg = arg;
	s->loop = loop;
	s->forkserver.fd = s->ctl_fd = -1;
	s->restart.cb = on_restart;
	s->ping.cb = on_ping;
	countdown_init(&s->stop, loop, on_stop);
	countdown_init(&s->answer, loop, on_answer);
	loop_fd_init(&s->events, -1, on_event);
	loop_fd_init(&s->chan, -1, on_chan);
	loop_fd_init(&s->log, -1, on_log);
}

int supervisor_open(struct supervisor *s, const struct jail *jail,
		    engine_run_fn *run)
{
	int err = forkserver_open(&s->forkserver, jail, run);

	if (err)
		return err;
	s->events.fd = s->forkserver.fd;
	return loop_fd_add(s->loop, &s->events, POLLIN);
}

bool supervisor_is_open(const struct supervisor *s)
{
	return s->forkserver.fd >= 0;
}

void supervisor_close(struct supervisor *s)
{
	int status;

	watch_close(s, &s->chan);
	if (forkserver_close(&s->forkserver, &status) == -ETIMEDOUT)
		log_warn("the fork server does not exit");
	drain_log(s);
	watch_close(s, &s->log);
}
