/* SPDX-License-Identifier: ISC */
/*
 * supervisor.c - the engine's life as the monitor leads it.
 *
 * Owns: our end of the engine's channel and of its log, the nursery.
 * Invariant: an engine is asked for only when the one before is known to have
 * ended, so that what the nursery tells is always of the one we mean.
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

static void watch_close(struct warden *w, struct ev_fd *fd)
{
	ev_fd_del(w->loop, fd);
	if (fd->fd >= 0)
		close(fd->fd);
	fd->fd = -1;
}

static void on_log(struct ev_fd *fd, short revents)
{
	struct warden *w = EV_OWNER(fd, struct warden, log);
	int n = log_relay_read(&w->relay, fd->fd, ev_now_ms(w->loop));

	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
		ev_fd_del(w->loop, fd);
}

/* The engine has ended: its last words, and nothing more of it. */
static void bury(struct warden *w)
{
	if (w->log.fd >= 0)
		on_log(&w->log, POLLIN);
	watch_close(w, &w->log);
	watch_close(w, &w->chan);
	ev_timer_del(w->loop, &w->stop);
	ev_timer_del(w->loop, &w->answer);
	w->alive = false;
}

static void lose(struct warden *w)
{
	bury(w);
	ev_timer_del(w->loop, &w->restart);
	ev_fd_del(w->loop, &w->news);
	w->ops->lost(w->arg);
}

/* ---- the end of one ------------------------------------------------------ */

static void kill_engine(struct warden *w, const char *why)
{
	if (!w->alive)
		return;
	log_err("engine: %s; ending it", why);
	w->killed = true;
	/* failed: it tells by its end */
	nursery_kill(&w->nursery);
	ev_timer_set(w->loop, &w->answer, NURSERY_ANSWER_MS);
}

static void on_chan(struct ev_fd *fd, short revents)
{
	struct warden *w = EV_OWNER(fd, struct warden, chan);
	int err = w->ops->request(w->arg, fd->fd);

	if (!err)
		return;
	if (err == -EPROTO)
		kill_engine(w, "it sent what is no request");
	else if (err == -EXFULL)
		kill_engine(w, "it does not read its answers");
	else
		ev_timer_set(w->loop, &w->stop, ENGINE_STOP_MS);
	ev_fd_del(w->loop, fd);		/* the nursery tells the rest */
}

static void on_stop(struct ev_timer *t)
{
	kill_engine(EV_OWNER(t, struct warden, stop), "it does not stop");
}

bool warden_stop(struct warden *w)
{
	ev_timer_del(w->loop, &w->restart);
	watch_close(w, &w->chan);
	w->leaving = true;
	if (w->alive)
		ev_timer_set(w->loop, &w->stop, ENGINE_STOP_MS);
	return w->alive;
}

/* Is this the last death we take? Remembers it otherwise. */
static bool too_many_deaths(struct warden *w)
{
	uint64_t now = ev_now_ms(w->loop);
	uint64_t oldest;

	memmove(w->death_ms, w->death_ms + 1,
		sizeof(w->death_ms) - sizeof(w->death_ms[0]));
	w->death_ms[ENGINE_DEATHS_MAX - 1] = now + 1;	/* 0: no death yet */
	oldest = w->death_ms[0];
	return oldest && now + 1 - oldest <= DEATH_WINDOW_MS;
}

static void die(struct warden *w, int status)
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
	ev_timer_set(w->loop, &w->restart, ENGINE_RESTART_MS);
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
static int ask_for_one(struct warden *w, int chan[2], int log)
{
	int fd[NURSERY_FDS] = { chan[1], log, w->ctl_fd };

	if (send(chan[0], w->conf, sizeof(*w->conf), MSG_NOSIGNAL) < 0)
		return -errno;
	return nursery_start(&w->nursery, fd);
}

static void start_failed(struct warden *w, int err)
{
	log_err("engine: %s; trying again", strerror(-err));
	ev_timer_set(w->loop, &w->restart, RETRY_MS);
}

static void start(struct warden *w)
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
	ev_fd_init(&w->chan, chan[0], on_chan);
	ev_fd_init(&w->log, log[0], on_log);
	ev_fd_add(w->loop, &w->chan, POLLIN);
	ev_fd_add(w->loop, &w->log, POLLIN);
	ev_timer_set(w->loop, &w->answer, NURSERY_ANSWER_MS);
}

static void on_restart(struct ev_timer *t)
{
	start(EV_OWNER(t, struct warden, restart));
}

void warden_start(struct warden *w, const struct conf *conf, int ctl_fd)
{
	w->conf = conf;
	w->ctl_fd = ctl_fd;
	w->leaving = false;
	start(w);
}

void warden_control(struct warden *w, int ctl_fd)
{
	w->ctl_fd = ctl_fd;
}

/* ---- the nursery --------------------------------------------------------- */

static void nursery_ended(struct warden *w)
{
	int status;

	if (nursery_close(&w->nursery, &status))
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

static void take_news(struct warden *w, const struct nursery_rep *rep)
{
	if (rep->news == NURSERY_STARTED) {
		log_debug("engine: process %d", (int)rep->value);
		if (!w->killed)
			ev_timer_del(w->loop, &w->answer);
		return;
	}
	bury(w);
	if (w->leaving)
		w->ops->gone(w->arg);
	else if (rep->news == NURSERY_FAILED)
		start_failed(w, rep->value);
	else
		die(w, rep->value);
}

static void on_news(struct ev_fd *fd, short revents)
{
	struct warden *w = EV_OWNER(fd, struct warden, news);
	struct nursery_rep rep;
	int err = nursery_read(&w->nursery, &rep);

	if (!err)
		take_news(w, &rep);
	else if (err != -EAGAIN)
		nursery_ended(w);
}

static void on_answer(struct ev_timer *t)
{
	struct warden *w = EV_OWNER(t, struct warden, answer);

	log_err("the nursery does not answer: there can be no engine; start "
		"upnpd again");
	lose(w);
}

void warden_init(struct warden *w, struct ev_loop *loop,
		 const struct warden_ops *ops, void *arg)
{
	w->ops = ops;
	w->arg = arg;
	w->loop = loop;
	w->nursery.fd = w->ctl_fd = -1;
	w->restart.cb = on_restart;
	w->stop.cb = on_stop;
	w->answer.cb = on_answer;
	ev_fd_init(&w->news, -1, on_news);
	ev_fd_init(&w->chan, -1, on_chan);
	ev_fd_init(&w->log, -1, on_log);
}

int warden_open(struct warden *w, const struct jail *jail)
{
	int err = nursery_open(&w->nursery, jail);

	if (err)
		return err;
	w->news.fd = w->nursery.fd;
	return ev_fd_add(w->loop, &w->news, POLLIN);
}

bool warden_is_open(const struct warden *w)
{
	return w->nursery.fd >= 0;
}

void warden_close(struct warden *w)
{
	int status;

	watch_close(w, &w->chan);
	if (nursery_close(&w->nursery, &status) == -ETIMEDOUT)
		log_warn("the nursery does not end");
	if (w->log.fd >= 0)
		on_log(&w->log, POLLIN);
	watch_close(w, &w->log);
}
