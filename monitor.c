/* SPDX-License-Identifier: ISC */
/*
 * monitor.c - the privileged half: the engine's life, signals, reload, stop.
 *
 * Owns: the engine and both ends of its log, the gate (gate.c) through which
 * it reaches the firewall. Never does: read from the network.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/caps.h"
#include "base/jail.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/proc.h"
#include "ctl.h"
#include "engine.h"
#include "gate.h"
#include "monitor.h"
#include "report.h"

/* Two descriptors of the engine's, the firewall's; room for what later layers watch. */
#define MONITOR_FDS_MAX 8
#define DEATH_WINDOW_MS 60000
/* After somebody changed the firewall: he may not be done yet. Others may
 * change it all the time; to look costs a tool's run. */
#define SUSPECT_MS	20
#define SUSPECT_GAP_MS	1000

/* What the engine has open at its start, beside 0 to 2. */
enum { ENGINE_CHAN_FD = 3, ENGINE_LOG_FD, ENGINE_CTL_FD, ENGINE_FD_END,
       ENGINE_FDS = ENGINE_FD_END - ENGINE_CHAN_FD };

enum phase {
	RUNNING,
	RELOADING,	/* the engine is to go, its successor has new settings */
	STOPPING,	/* the engine is to go, and then so do we */
};

/* Whom the engine runs as, and where. */
struct home {
	uid_t uid;
	gid_t gid;
	char dir[PATH_MAX];
};

struct monitor {
	const char *path;
	bool debug;
	struct conf conf, next_conf;
	struct ev_loop *loop;
	enum phase phase;
	int status;

	struct gate gate;
	struct report report;		/* to the operator */
	int ctl_fd;			/* the control socket, -1 none */
	pid_t engine;			/* 0: none */
	struct home home, next_home;
	struct ev_fd chan, log;
	struct log_relay relay;
	uint64_t death_ms[ENGINE_DEATHS_MAX];

	struct ev_fd firewall;		/* tells of others' changes */
	uint64_t verified_ms;
	struct ev_timer restart, verify, stop, flows;
	struct ev_signal sig[4];
};

/* ---- the firewall -------------------------------------------------------- */

/* The next look at the firewall comes soon. */
static void suspect(struct monitor *m)
{
	uint64_t gone_ms = ev_now_ms(m->loop) - m->verified_ms;

	if (!m->gate.suspect)
		return;
	m->gate.suspect = false;
	ev_timer_set(m->loop, &m->verify, gone_ms < SUSPECT_GAP_MS ?
		     SUSPECT_GAP_MS - gone_ms : SUSPECT_MS);
}

static void on_verify(struct ev_timer *t)
{
	struct monitor *m = EV_OWNER(t, struct monitor, verify);

	ev_timer_set(m->loop, t, m->conf.verify_interval * 1000ull);
	m->verified_ms = ev_now_ms(m->loop);
	gate_verify(&m->gate);
	report_gate(&m->report, &m->gate);
	suspect(m);
	log_flush();
}

static void on_firewall(struct ev_fd *w, short revents)
{
	struct monitor *m = EV_OWNER(w, struct monitor, firewall);

	gate_changed(&m->gate);
	suspect(m);
}

static void watch_firewall(struct monitor *m)
{
	ev_fd_del(m->loop, &m->firewall);
	ev_fd_init(&m->firewall, m->gate.watch_fd, on_firewall);
	if (m->gate.watch_fd >= 0)
		ev_fd_add(m->loop, &m->firewall, POLLIN);
}

static void engine_kill(struct monitor *m, const char *why)
{
	if (m->engine <= 0)
		return;
	log_err("engine: %s; ending it", why);
	caps_raise(CAPS_END_ENGINE);
	kill(m->engine, SIGKILL);
	caps_lower();
}

static void on_flows(struct ev_timer *t)
{
	struct monitor *m = EV_OWNER(t, struct monitor, flows);

	m->gate.now_ms = ev_now_ms(m->loop);
	gate_flows(&m->gate);
}

static void on_chan(struct ev_fd *w, short revents)
{
	struct monitor *m = EV_OWNER(w, struct monitor, chan);
	int err;

	m->gate.now_ms = ev_now_ms(m->loop);
	err = gate_serve(&m->gate, w->fd);
	if (m->gate.gone_n && !m->flows.active)
		ev_timer_set(m->loop, &m->flows, m->gate.walk_gap_ms);
	report_gate(&m->report, &m->gate);
	if (m->gate.serving)
		report_serving(&m->report);
	suspect(m);
	if (!err)
		return;
	if (err == -EPROTO)
		engine_kill(m, "it sent what is no request");
	else if (err == -EXFULL)
		engine_kill(m, "it does not read its answers");
	ev_fd_del(m->loop, w);	/* SIGCHLD brings the rest */
}

/* ---- the engine's life -------------------------------------------------- */

static void on_log(struct ev_fd *w, short revents)
{
	struct monitor *m = EV_OWNER(w, struct monitor, log);
	int n = log_relay_read(&m->relay, w->fd, ev_now_ms(m->loop));

	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
		ev_fd_del(m->loop, w);
}

static void watch_close(struct monitor *m, struct ev_fd *w)
{
	ev_fd_del(m->loop, w);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

/*
 * Leave the engine its own descriptors and nothing else of ours: the pid file's
 * lock and the firewall's socket are not for it.
 * @fd: for ENGINE_CHAN_FD and on; -1: none there
 */
static int keep_only(int fd[ENGINE_FDS])
{
	int i;

	/* out of the way first: one may have another's number */
	for (i = 0; i < ENGINE_FDS; i++) {
		if (fd[i] < 0)
			continue;
		fd[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, ENGINE_FD_END);
		if (fd[i] < 0)
			return -errno;
	}
	for (i = 0; i < ENGINE_FDS; i++) {
		if (fd[i] < 0)
			close(ENGINE_CHAN_FD + i);
		else if (dup3(fd[i], ENGINE_CHAN_FD + i, O_CLOEXEC) < 0)
			return -errno;
	}
	proc_close_from(ENGINE_FD_END);
	return 0;
}

static void __attribute__((noreturn)) engine_child(struct monitor *m, int chan,
						   int log)
{
	struct engine_start start = {
		.chan_fd = ENGINE_CHAN_FD, .log_fd = ENGINE_LOG_FD,
		.ctl_fd = m->ctl_fd < 0 ? -1 : ENGINE_CTL_FD,
		.owner = getuid(), .dir = m->home.dir,
		.uid = m->home.uid, .gid = m->home.gid,
	};
	int fd[] = { chan, log, m->ctl_fd };

	ev_free(m->loop);	/* restores signals; this is our copy */
	/* A terminal or an init system tells all of us at once. The engine goes
	 * when we say so, or nobody says byebye. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* While its number is still the logger's own: log_open() closes it. */
	log_open(LOG_TO_PIPE, "upnpd", log, (int)m->conf.log_level);
	if (keep_only(fd))
		_exit(1);
	caps_raise(CAPS_ENGINE);	/* its jail takes all of them */
	_exit(engine_run(&m->conf, &start));
}

/* Two ends of everything between the processes, or none. */
static int engine_pipes(int chan[2], int log[2])
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

static void engine_start(struct monitor *m)
{
	int chan[2] = { -1, -1 }, log[2] = { -1, -1 };
	int err = engine_pipes(chan, log);

	if (err) {
		log_err("engine: %s; trying again", strerror(-err));
		ev_timer_set(m->loop, &m->restart, 1000);
		return;
	}
	log_flush();
	m->engine = fork();
	if (m->engine == 0) {
		close(chan[0]);
		close(log[0]);
		engine_child(m, chan[1], log[1]);
	}
	close(chan[1]);
	close(log[1]);
	if (m->engine < 0) {
		log_err("engine: %s; trying again", strerror(errno));
		m->engine = 0;
		close(chan[0]);
		close(log[0]);
		ev_timer_set(m->loop, &m->restart, 1000);
		return;
	}
	gate_reset(&m->gate);
	m->gate.serving = false;
	memset(&m->relay, 0, sizeof(m->relay));
	ev_fd_init(&m->chan, chan[0], on_chan);
	ev_fd_init(&m->log, log[0], on_log);
	ev_fd_add(m->loop, &m->chan, POLLIN);
	ev_fd_add(m->loop, &m->log, POLLIN);
}

static void on_restart(struct ev_timer *t)
{
	engine_start(EV_OWNER(t, struct monitor, restart));
}

/* Ask the engine to go: it says byebye when our end closes. */
static void engine_stop(struct monitor *m)
{
	ev_timer_del(m->loop, &m->restart);
	watch_close(m, &m->chan);
	ev_timer_set(m->loop, &m->stop, ENGINE_STOP_MS);
}

static void on_stop(struct ev_timer *t)
{
	struct monitor *m = EV_OWNER(t, struct monitor, stop);

	engine_kill(m, "it does not stop");
}

/* Is this the last death we take? Remembers it otherwise. */
static bool too_many_deaths(struct monitor *m)
{
	uint64_t now = ev_now_ms(m->loop);
	uint64_t oldest;

	memmove(m->death_ms, m->death_ms + 1,
		sizeof(m->death_ms) - sizeof(m->death_ms[0]));
	m->death_ms[ENGINE_DEATHS_MAX - 1] = now + 1;	/* 0: no death yet */
	oldest = m->death_ms[0];
	return oldest && now + 1 - oldest <= DEATH_WINDOW_MS;
}

static void engine_died(struct monitor *m, int status)
{
	if (WIFSIGNALED(status))
		log_err("engine ended by signal %d", WTERMSIG(status));
	else
		log_err("engine ended with status %d", WEXITSTATUS(status));
	report_death(&m->report);
	if (too_many_deaths(m)) {
		log_err("engine died %d times within a minute; giving up, see "
			"the lines before", ENGINE_DEATHS_MAX);
		m->status = 1;
		ev_stop(m->loop);
		return;
	}
	ev_timer_set(m->loop, &m->restart, ENGINE_RESTART_MS);
}

/* ---- the operator -------------------------------------------------------- */

/* Without it all goes on, but for upnpctl. */
static void control_open(struct monitor *m)
{
	if (m->ctl_fd >= 0)
		return;
	m->ctl_fd = ctl_listen(m->conf.control_socket);
	if (m->ctl_fd < 0)
		log_err("control-socket %s: %s", m->conf.control_socket,
			strerror(-m->ctl_fd));
}

static void control_close(struct monitor *m)
{
	if (m->ctl_fd < 0)
		return;
	close(m->ctl_fd);
	unlink(m->conf.control_socket);
	m->ctl_fd = -1;
}

/* ---- start, reload, stop ------------------------------------------------- */

static int find_user(const struct conf *conf, struct home *ret)
{
	int err = jail_user(conf->user, &ret->uid, &ret->gid);

	if (err > 0)
		log_warn("neither user %s nor nobody in /etc/passwd: the "
			 "engine runs as uid %u", conf->user,
			 (unsigned)ret->uid);
	else if (err)
		log_err("/etc/passwd: %s", strerror(-err));
	return err < 0 ? err : 0;
}

/* Where there is no /var, or it is read-only: beside the pid file is room, if
 * only until the next boot. A crash or a reload then costs no mapping. */
static int stand_in(const struct conf *conf, int why, struct home *ret)
{
	int err = status_beside(conf->pid_file, ".jail", ret->dir);

	if (!err)
		err = jail_dir(ret->dir, ret->uid, ret->gid);
	if (!err)
		log_warn("state-dir %s: %s; mappings are kept in %s, where a "
			 "reboot may lose them: set state-dir to a place that "
			 "can be written, in a directory that is there",
			 conf->state_dir, strerror(-why), ret->dir);
	return err;
}

static int find_dir(const struct conf *conf, bool strict, struct home *ret)
{
	int err = jail_dir(conf->state_dir, ret->uid, ret->gid);

	str_copy(ret->dir, sizeof(ret->dir), str_z(conf->state_dir));
	if (!strict && (err == -ENOENT || err == -EROFS) &&
	    !stand_in(conf, err, ret))
		return 0;
	if (err)
		log_err("state-dir %s: %s", conf->state_dir, strerror(-err));
	return err;
}

/* @strict: in state-dir, or not at all: what runs has another one, and goes on
 * with that. */
static int prepare(const struct conf *conf, bool strict, struct home *ret)
{
	int err;

	caps_raise(CAPS_STATE_DIR);
	err = find_user(conf, ret);
	if (!err)
		err = find_dir(conf, strict, ret);
	caps_lower();
	return err;
}

static int begin(struct monitor *m)
{
	int err = 0;

	if (m->debug)
		m->conf.log_level = LOG_DEBUG;
	log_level((int)m->conf.log_level);
	if (!m->conf.enabled) {
		log_info("not enabled: set enabled = yes in %s", m->path);
		report_state(&m->report, STATUS_DISABLED, &m->gate);
		return 0;
	}
	if (m->conf.allow_disable_external)
		log_warn("any host of the LAN may take %s down: set "
			 "allow-disable-external-interface = no to forbid it",
			 conf_external(&m->conf)->name);
	/* a firewall tool may take its time: we are to be found meanwhile */
	report_state(&m->report, STATUS_SERVING, &m->gate);
	if (m->gate.open)
		gate_look(&m->gate);	/* failed: verify tries again */
	else
		err = gate_open(&m->gate, &m->conf);
	/* The first time the tools ran with all of root's rights: one of them
	 * may have had to load a module. From here on nobody has them. */
	if (!err)
		err = caps_cut();
	if (err)
		return err;
	control_open(m);
	watch_firewall(m);
	ev_timer_set(m->loop, &m->verify, m->conf.verify_interval * 1000ull);
	engine_start(m);
	report_state(&m->report, STATUS_SERVING, &m->gate);
	return 0;
}

/* A socket of the same name stays as it is: who has connected meanwhile is
 * served by the next engine. */
static bool same_socket(const struct monitor *m)
{
	return m->next_conf.enabled && !strcmp(m->next_conf.control_socket,
					       m->conf.control_socket);
}

/* The old engine has gone: its successor gets the new configuration. A
 * firewall of the same kind and size stays, and traffic with it. */
static void reload_finish(struct monitor *m)
{
	bool same = m->next_conf.enabled &&
		    m->next_conf.max_mappings == m->conf.max_mappings &&
		    !strcmp(m->next_conf.backend, m->conf.backend);

	if (!same) {
		ev_fd_del(m->loop, &m->firewall);
		gate_close(&m->gate);
	}
	if (!same_socket(m))
		control_close(m);
	ev_timer_del(m->loop, &m->verify);
	m->conf = m->next_conf;
	m->home = m->next_home;
	m->phase = RUNNING;
	log_info("configuration read again from %s", m->path);
	if (!begin(m)) {
		report_reload(&m->report, "");
		return;
	}
	report_reload(&m->report, log_last_error());
	m->status = 1;
	ev_stop(m->loop);
}

/* Read it, and see whether an engine could start with it: what runs now is not
 * ended for what can not run. */
static int read_next(struct monitor *m)
{
	static struct conf next;
	struct conf_error why;
	int err;

	caps_raise(CAPS_READ_CONF);
	err = conf_read(m->path, &next, &why);
	caps_lower();
	if (err)
		log_err("%s", why.text);
	else if (next.enabled)
		err = prepare(&next, m->conf.enabled &&
			      strcmp(next.state_dir, m->conf.state_dir),
			      &m->next_home);
	if (!err)
		m->next_conf = next;
	return err;
}

static void on_sighup(struct ev_signal *s)
{
	struct monitor *m = EV_OWNER(s, struct monitor, sig[2]);

	if (m->phase == STOPPING)
		return;
	report_reloading(&m->report);
	if (read_next(m)) {
		report_reload(&m->report, log_last_error());
		log_err("the configuration before stays in force");
		return;
	}
	m->phase = RELOADING;
	engine_stop(m);
	if (!m->engine) {
		ev_timer_del(m->loop, &m->stop);
		reload_finish(m);
	}
}

static void stop(struct monitor *m)
{
	m->phase = STOPPING;
	report_stopping(&m->report);
	engine_stop(m);
	if (!m->engine)
		ev_stop(m->loop);
}

static void on_sigterm(struct ev_signal *s)
{
	stop(EV_OWNER(s, struct monitor, sig[0]));
}

static void on_sigint(struct ev_signal *s)
{
	stop(EV_OWNER(s, struct monitor, sig[1]));
}

static void on_sigchld(struct ev_signal *s)
{
	struct monitor *m = EV_OWNER(s, struct monitor, sig[3]);
	int status;

	if (!m->engine || waitpid(m->engine, &status, WNOHANG) != m->engine)
		return;
	m->engine = 0;
	if (m->log.fd >= 0)
		on_log(&m->log, POLLIN);	/* its last words */
	watch_close(m, &m->log);
	watch_close(m, &m->chan);
	ev_timer_del(m->loop, &m->stop);
	if (m->phase == STOPPING)
		ev_stop(m->loop);
	else if (m->phase == RELOADING)
		reload_finish(m);
	else
		engine_died(m, status);
}

static int watch_signals(struct monitor *m)
{
	static const struct ev_signal sig[4] = {
		{ SIGTERM, on_sigterm }, { SIGINT, on_sigint },
		{ SIGHUP, on_sighup }, { SIGCHLD, on_sigchld },
	};
	int err = 0;

	for (size_t i = 0; i < 4 && !err; i++) {
		m->sig[i] = sig[i];
		err = ev_signal_add(m->loop, &m->sig[i]);
	}
	return err;
}

int monitor_run(const char *path, const struct conf *conf, bool debug)
{
	static struct monitor m;
	int err;

	/* field by field: what is not written takes no memory */
	m.path = path;
	m.conf = *conf;
	m.debug = debug;
	m.ctl_fd = -1;
	report_start(&m.report, path, conf->pid_file);
	ev_fd_init(&m.chan, -1, on_chan);
	ev_fd_init(&m.log, -1, on_log);
	ev_fd_init(&m.firewall, -1, on_firewall);
	m.restart.cb = on_restart;
	m.verify.cb = on_verify;
	m.stop.cb = on_stop;
	m.flows.cb = on_flows;
	m.loop = ev_new(MONITOR_FDS_MAX, NULL);
	err = m.loop ? watch_signals(&m) : -ENOMEM;
	if (!err && m.conf.enabled)
		err = prepare(&m.conf, false, &m.home);
	if (!err)
		err = begin(&m);
	if (!err)
		err = ev_run(m.loop);
	if (err)
		m.status = 1;
	if (err && !*log_last_error())	/* who failed has told more */
		log_err("ends: %s", strerror(-err));
	gate_close(&m.gate);
	control_close(&m);
	report_end(&m.report, m.status ? log_last_error() : NULL);
	log_flush();
	ev_free(m.loop);
	return m.status;
}
