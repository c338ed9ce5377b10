/* SPDX-License-Identifier: ISC */
/*
 * supervisor.c - the engine's life as the monitor leads it.
 *
 * Owns: our end of the engine's channel and of its log, the fork server.
 * Invariant: an engine is asked for only when the one before is known to have
 * ended, so that what the fork server tells is always of the one we mean.
 */
#include "monitor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RETRY_MS	1000
#define DEATH_WINDOW_MS	60000
#define LOG_PIPE_MAX	65536	/* bytes that a pipe holds: pipe(7) */

static void watch_close(struct supervisor *w, struct loop_fd *fd)
{
	loop_fd_del(w->loop, fd);
	if (fd->fd >= 0)
		close(fd->fd);
	fd->fd = -1;
}

static void on_log(struct loop_fd *fd, short revents)
{
	struct supervisor *w = LOOP_OWNER(fd, struct supervisor, log);
	int n = log_relay_read(&w->relay, fd->fd, loop_now_ms(w->loop));

	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
		loop_fd_del(w->loop, fd);
}

/* Log the lines that are still in the pipe. Stop after a pipe full: when
 * supervisor_close() gives up waiting, the engine may still write. */
static void drain_log(struct supervisor *w)
{
	int left = LOG_PIPE_MAX, n;

	if (w->log.fd < 0)
		return;
	do {
		n = log_relay_read(&w->relay, w->log.fd, loop_now_ms(w->loop));
		left -= n;
	} while (n > 0 && left > 0);
}

/* The engine has ended: log its last lines, forget it. */
static void bury(struct supervisor *w)
{
	drain_log(w);
	watch_close(w, &w->log);
	watch_close(w, &w->chan);
	loop_timer_del(w->loop, &w->stop);
	loop_timer_del(w->loop, &w->answer);
	w->alive = false;
}

static void lose(struct supervisor *w)
{
	bury(w);
	loop_timer_del(w->loop, &w->restart);
	loop_fd_del(w->loop, &w->news);
	w->ops->lost(w->arg);
}

/* ---- the end of one ------------------------------------------------------ */

static void kill_engine(struct supervisor *w, const char *why)
{
	if (!w->alive)
		return;
	log_err("engine: %s; ending it", why);
	w->killed = true;
	/* failed: it tells by its end */
	forkserver_kill(&w->forkserver);
	loop_timer_set(w->loop, &w->answer, FORKSERVER_ANSWER_MS);
}

static void on_chan(struct loop_fd *fd, short revents)
{
	struct supervisor *w = LOOP_OWNER(fd, struct supervisor, chan);
	int err = w->ops->request(w->arg, fd->fd);

	if (!err)
		return;
	if (err == -EPROTO)
		kill_engine(w, "it sent what is no request");
	else if (err == -EXFULL)
		kill_engine(w, "it does not read its answers");
	else
		loop_timer_set(w->loop, &w->stop, ENGINE_STOP_MS);
	loop_fd_del(w->loop, fd); /* the fork server tells the rest */
}

static void on_stop(struct loop_timer *t)
{
	kill_engine(LOOP_OWNER(t, struct supervisor, stop), "it does not stop");
}

bool supervisor_stop(struct supervisor *w)
{
	loop_timer_del(w->loop, &w->restart);
	watch_close(w, &w->chan);
	w->leaving = true;
	if (w->alive)
		loop_timer_set(w->loop, &w->stop, ENGINE_STOP_MS);
	return w->alive;
}

/* Is this the last death we take? Remembers it otherwise. */
static bool too_many_deaths(struct supervisor *w)
{
	uint64_t now = loop_now_ms(w->loop);
	uint64_t oldest;

	memmove(w->death_ms, w->death_ms + 1,
		sizeof(w->death_ms) - sizeof(w->death_ms[0]));
	w->death_ms[ENGINE_DEATHS_MAX - 1] = now + 1;	/* 0: no death yet */
	oldest = w->death_ms[0];
	return oldest && now + 1 - oldest <= DEATH_WINDOW_MS;
}

static void die(struct supervisor *w, int status)
{
	if (WIFSIGNALED(status))
		log_err("engine ended by signal %d", WTERMSIG(status));
	else
		log_err("engine ended with status %d", WEXITSTATUS(status));
	w->ops->died(w->arg);
	if (too_many_deaths(w)) {
		log_err("engine died %d times within a minute; giving up, see "
			"the lines before", ENGINE_DEATHS_MAX);
		lose(w);
		return;
	}
	loop_timer_set(w->loop, &w->restart, ENGINE_RESTART_MS);
}

/* ---- the start of one ---------------------------------------------------- */

/* Two ends of everything between the processes, or none. */
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

/*
 * A new pair for each engine, and the configuration is in it before anybody
 * has the other end: no engine can touch what its successor reads.
 */
static int ask_for_one(struct supervisor *w, int chan[2], int log)
{
	int fd[FORKSERVER_FDS] = { chan[1], log, w->ctl_fd };

	if (send(chan[0], w->conf, sizeof(*w->conf), MSG_NOSIGNAL) < 0)
		return -errno;
	return forkserver_start(&w->forkserver, fd);
}

static void start_failed(struct supervisor *w, int err)
{
	log_err("engine: %s; trying again", strerror(-err));
	loop_timer_set(w->loop, &w->restart, RETRY_MS);
}

static void start(struct supervisor *w)
{
	int chan[2] = { -1, -1 }, log[2] = { -1, -1 };
	int err = make_pipes(chan, log);

	if (err) {
		start_failed(w, err);
		return;
	}
	err = ask_for_one(w, chan, log[1]);
	close(chan[1]);
	close(log[1]);
	if (err) {
		close(chan[0]);
		close(log[0]);
		start_failed(w, err);
		return;
	}
	w->alive = true;
	w->killed = false;
	w->ops->born(w->arg);
	memset(&w->relay, 0, sizeof(w->relay));
	loop_fd_init(&w->chan, chan[0], on_chan);
	loop_fd_init(&w->log, log[0], on_log);
	loop_fd_add(w->loop, &w->chan, POLLIN);
	loop_fd_add(w->loop, &w->log, POLLIN);
	loop_timer_set(w->loop, &w->answer, FORKSERVER_ANSWER_MS);
}

static void on_restart(struct loop_timer *t)
{
	start(LOOP_OWNER(t, struct supervisor, restart));
}

void supervisor_start(struct supervisor *w, const struct conf *conf, int ctl_fd)
{
	w->conf = conf;
	w->ctl_fd = ctl_fd;
	w->leaving = false;
	start(w);
}

void supervisor_control(struct supervisor *w, int ctl_fd)
{
	w->ctl_fd = ctl_fd;
}

/* ---- the fork server
 * --------------------------------------------------------- */

static void forkserver_ended(struct supervisor *w)
{
	int status;

	if (forkserver_close(&w->forkserver, &status))
		log_err("the nursery has hung up: there can be no engine; "
			"start upnpd again");
	else if (WIFSIGNALED(status))
		log_err("the nursery ended by signal %d: there can be no "
			"engine; start upnpd again", WTERMSIG(status));
	else
		log_err("the nursery ended with status %d: there can be no "
			"engine; start upnpd again", WEXITSTATUS(status));
	lose(w);
}

static void take_news(struct supervisor *w, const struct forkserver_rep *rep)
{
	if (rep->news == FORKSERVER_STARTED) {
		log_debug("engine: process %d", (int)rep->value);
		if (!w->killed)
			loop_timer_del(w->loop, &w->answer);
		return;
	}
	bury(w);
	if (w->leaving)
		w->ops->gone(w->arg);
	else if (rep->news == FORKSERVER_FAILED)
		start_failed(w, rep->value);
	else
		die(w, rep->value);
}

static void on_news(struct loop_fd *fd, short revents)
{
	struct supervisor *w = LOOP_OWNER(fd, struct supervisor, news);
	struct forkserver_rep rep;
	int err = forkserver_read(&w->forkserver, &rep);

	if (!err)
		take_news(w, &rep);
	else if (err != -EAGAIN)
		forkserver_ended(w);
}

static void on_answer(struct loop_timer *t)
{
	struct supervisor *w = LOOP_OWNER(t, struct supervisor, answer);

	log_err("the nursery does not answer: there can be no engine; start "
		"upnpd again");
	lose(w);
}

void supervisor_init(struct supervisor *w, struct loop *loop,
		 const struct supervisor_ops *ops, void *arg)
{
	w->ops = ops;
	w->arg = arg;
	w->loop = loop;
	w->forkserver.fd = w->ctl_fd = -1;
	w->restart.cb = on_restart;
	w->stop.cb = on_stop;
	w->answer.cb = on_answer;
	loop_fd_init(&w->news, -1, on_news);
	loop_fd_init(&w->chan, -1, on_chan);
	loop_fd_init(&w->log, -1, on_log);
}

int supervisor_open(struct supervisor *w, const struct jail *jail,
		    engine_run_fn *run)
{
	int err = forkserver_open(&w->forkserver, jail, run);

	if (err)
		return err;
	w->news.fd = w->forkserver.fd;
	return loop_fd_add(w->loop, &w->news, POLLIN);
}

bool supervisor_is_open(const struct supervisor *w)
{
	return w->forkserver.fd >= 0;
}

void supervisor_close(struct supervisor *w)
{
	int status;

	watch_close(w, &w->chan);
	if (forkserver_close(&w->forkserver, &status) == -ETIMEDOUT)
		log_warn("the nursery does not end");
	drain_log(w);
	watch_close(w, &w->log);
}
