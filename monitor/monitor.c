/* SPDX-License-Identifier: ISC */
/*
 * monitor.c - the privileged process: signals, start, reload, stop.
 *
 * Owns: the broker (broker.c) through which the engine reaches the firewall,
 * and the supervisor (supervisor.c) that starts and stops the engine. Never
 * does: read from the network. Invariant: until the fork server is open the
 * monitor has all its rights, and a reload may change whatever the start may
 * set. From then on the user and the directory of the jail cannot change.
 * Nothing of the firewall is changed without the name of instance.h.
 * Runs in: monitor
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sys/caps.h"
#include "sys/jail.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "monitor/broker.h"
#include "monitor/ctllisten.h"
#include "monitor/home.h"
#include "monitor/instance.h"
#include "monitor/monitor.h"
#include "monitor/overrule.h"
#include "monitor/ownport.h"
#include "monitor/report.h"
#include "monitor/supervisor.h"

/* The engine's two descriptors, the fork server's, the firewall's, and room
 * for more. */
#define MONITOR_FDS_MAX 8
/* After somebody changed the firewall, wait until there was no change for this
 * long: a firewall is loaded in many steps. If changes never end, check it this
 * long after the first one, so that mappings work within a second. */
#define QUIET_MS	200
#define QUIET_MAX_MS	800
enum phase {
	RUNNING,
	RELOADING, /* the engine stops, its successor gets new settings */
	STOPPING,  /* the engine stops, and then the monitor */
};

struct monitor {
	const char *path;
	bool debug;
	struct conf *conf;	/* in force; upnpd.c's */
	struct loop *loop;
	enum phase phase;
	int status;

	struct report report;
	struct instance instance;
	int ctl_fd;			/* the control socket, -1 none */
	struct home home;
	engine_run_fn *run;
	struct monitor_ready ready;	/* fn is NULL once it was called */
	struct loop_timer ready_timer;
	struct supervisor supervisor;

	struct loop_fd firewall;		/* notices of others' changes */
	uint64_t changed_ms;	/* the first change that was not checked; 0:
				 * there is none */
	struct loop_timer verify, flows, overrule, legacy;
	bool verifying;		/* a verification has begun */
	unsigned interrupted;	/* verifications in a row, by others' changes */
	struct loop_signal sig[3];
	/* The large members come last. */
	struct broker broker;
	struct conf next_conf;
};

/* ---- the firewall -------------------------------------------------------- */

/* If somebody else changed the firewall, check it soon. */
static void schedule_verify(struct monitor *m)
{
	uint64_t now_ms = loop_now_ms(m->loop), wait_ms = QUIET_MS, max_ms;

	if (!m->broker.suspect || m->verifying)
		return;
	m->broker.suspect = false;
	if (!m->changed_ms)
		m->changed_ms = now_ms;
	max_ms = m->changed_ms + QUIET_MAX_MS;
	if (now_ms + wait_ms > max_ms)
		wait_ms = max_ms > now_ms ? max_ms - now_ms : 0;
	loop_timer_set(m->loop, &m->verify, wait_ms);
}

/* Has the broker changed rules in legacy iptables, and not read them since? */
static bool is_unread(const struct broker *g)
{
	return g->open && g->fw.legacy.known && !g->fw.legacy.own_known;
}

/* Receive the kernel's notices. The broker may open the socket later. Legacy
 * iptables sends none. */
static void watch_firewall(struct monitor *m)
{
	if (m->broker.open && m->broker.fw.legacy.any && !m->legacy.active)
		loop_timer_set(m->loop, &m->legacy, NATFW_LEGACY_MS);
	if (m->firewall.fd == m->broker.watch_fd)
		return;
	loop_fd_del(m->loop, &m->firewall);
	m->firewall.fd = m->broker.watch_fd;
	if (m->firewall.fd >= 0)
		loop_fd_add(m->loop, &m->firewall, POLLIN);
}

/* Do what a call of the broker has left to be done. */
static void follow_up(struct monitor *m)
{
	uint64_t now_ms = loop_now_ms(m->loop), next_ms;

	m->broker.now_ms = now_ms;
	flows_end(&m->broker.flows, now_ms);
	next_ms = overrule_run(&m->broker, supervisor_channel(&m->supervisor));
	if (next_ms == UINT64_MAX)
		loop_timer_del(m->loop, &m->overrule);
	else
		loop_timer_set(m->loop, &m->overrule, next_ms - now_ms);
	if (m->broker.flows.noted_n && !m->flows.active)
		loop_timer_set(m->loop, &m->flows, m->broker.flows.walk_gap_ms);
	report_broker(&m->report, &m->broker);
	watch_firewall(m);
	schedule_verify(m);
}

static void on_overrule(struct loop_timer *t)
{
	follow_up(LOOP_OWNER(t, struct monitor, overrule));
}

static uint64_t interval_ms(const struct monitor *m)
{
	return m->conf->verify_interval * 1000ull;
}

/* The time to the next verification, or to the next part of this one. One that
 * was interrupted is repeated until it is complete, each time later. */
static uint64_t next_verify_ms(struct monitor *m, int got)
{
	uint64_t again_ms = (uint64_t)NATFW_READ_AGAIN_MS << m->interrupted;

	m->verifying = got == -EINPROGRESS;
	if (m->verifying)
		return NATFW_READ_STEP_MS;
	if (got != -EINTR)
		m->interrupted = 0;
	if (got != -EINTR || again_ms >= interval_ms(m))
		return interval_ms(m);
	m->interrupted++;
	return again_ms;
}

/* The engine has new settings. @due: a check was due by the former ones, or had
 * begun */
static void begin_intervals(struct monitor *m, bool due)
{
	m->verifying = false;
	m->interrupted = 0;
	m->changed_ms = 0;
	loop_timer_set(m->loop, &m->verify, interval_ms(m));
	m->broker.suspect |= due;
	schedule_verify(m);
}

static void on_verify(struct loop_timer *t)
{
	struct monitor *m = LOOP_OWNER(t, struct monitor, verify);
	int got;

	m->changed_ms = 0;
	m->broker.now_ms = loop_now_ms(m->loop);
	got = broker_verify(&m->broker);
	loop_timer_set(m->loop, t, next_verify_ms(m, got));
	follow_up(m);
	log_repeats(loop_now_ms(m->loop));
}

static void on_firewall(struct loop_fd *w, short revents)
{
	struct monitor *m = LOOP_OWNER(w, struct monitor, firewall);

	broker_changed(&m->broker, 0);
	schedule_verify(m);
}

static void on_legacy(struct loop_timer *t)
{
	struct monitor *m = LOOP_OWNER(t, struct monitor, legacy);

	/* look more often, to see when the changes have ended */
	if (broker_poll(&m->broker))
		loop_timer_set(m->loop, t, QUIET_MS / 2);
	watch_firewall(m);
	schedule_verify(m);
}

static void on_flows(struct loop_timer *t)
{
	follow_up(LOOP_OWNER(t, struct monitor, flows));
}

/* ---- the control socket -------------------------------------------------- */

static void control_close(struct monitor *m)
{
	if (m->ctl_fd < 0)
		return;
	close(m->ctl_fd);
	unlink(m->conf->control_socket);
	m->ctl_fd = -1;
}

/* Without the socket only upnpctl does not work. An open socket stays open, so
 * that the next engine serves the connections that wait on it. */
static void control_open(struct monitor *m)
{
	if (m->ctl_fd >= 0 && ctllisten_repair(m->ctl_fd))
		return;
	control_close(m);
	m->ctl_fd = ctllisten_open(m->conf->control_socket);
	if (m->ctl_fd < 0)
		log_err("control-socket %s: %s", m->conf->control_socket,
			strerror(-m->ctl_fd));
}

/* ---- the engine ---------------------------------------------------------- */

static void on_starting(void *arg)
{
	struct monitor *m = arg;

	broker_reset(&m->broker);
	m->broker.ready = m->broker.serving = false;
}

static void on_ping(void *arg, int fd)
{
	broker_ping(&((struct monitor *)arg)->broker, fd);
}

static void be_ready(struct monitor *m)
{
	int (*fn)(void *) = m->ready.fn;

	if (!fn)
		return;
	m->ready.fn = NULL;
	loop_timer_del(m->loop, &m->ready_timer);
	if (fn(m->ready.arg)) {
		m->status = 1;
		loop_stop(m->loop);
	}
}

static void on_ready_timer(struct loop_timer *t)
{
	be_ready(LOOP_OWNER(t, struct monitor, ready_timer));
}

static int on_request(void *arg, int fd)
{
	const uint64_t from_ms = clock_mono_ms();
	struct monitor *m = arg;
	int err;

	m->broker.now_ms = loop_now_ms(m->loop);
	err = broker_serve(&m->broker, fd);
	/* the loop's time is that of before the request */
	if (is_unread(&m->broker))
		loop_timer_set(m->loop, &m->legacy, NATFW_LEGACY_OWN_MS +
			       clock_mono_ms() - from_ms);
	follow_up(m);
	if (!m->broker.pinged)
		supervisor_answered(&m->supervisor);
	if (!m->broker.ready)
		return err;
	report_serving(&m->report, m->broker.serving);
	be_ready(m);
	/* only now, so that it does not delay the start */
	if (m->broker.serving)
		broker_sweep(&m->broker);
	return err;
}

static void on_exited(void *arg)
{
	struct monitor *m = arg;

	report_exit(&m->report);
	control_open(m);
	supervisor_control(&m->supervisor, m->ctl_fd);
}

static void reload_finish(struct monitor *m);

static void on_stopped(void *arg)
{
	struct monitor *m = arg;

	if (m->phase == STOPPING)
		loop_stop(m->loop);
	else
		reload_finish(m);
}

static void on_failed(void *arg)
{
	struct monitor *m = arg;

	m->status = 1;
	loop_stop(m->loop);
}

static const struct supervisor_ops supervisor_ops = {
	.starting = on_starting, .request = on_request, .ping = on_ping,
	.exited = on_exited, .stopped = on_stopped, .failed = on_failed,
};

/* ---- start, reload, stop ------------------------------------------------- */

/* The fork server enters the jail; no engine is started yet. */
static int open_forkserver(struct monitor *m)
{
	struct jail jail = {
		m->home.dir, m->home.uid, m->home.gid, ENGINE_FILES_MAX,
	};
	int err;

	if (supervisor_is_open(&m->supervisor))
		return 0;
	err = supervisor_open(&m->supervisor, &jail, m->run);
	if (err)
		log_err("engine cannot enter its jail %s: %s", m->home.dir,
			strerror(-err));
	return err;
}

/* Not enabled: remove what an earlier run left, unless another daemon is
 * enabled. */
static void sweep(struct monitor *m)
{
	if (!instance_hold(&m->instance, 0))
		natfw_sweep_all();
	instance_release(&m->instance);
}

/* Nothing is to be served with this configuration. */
static void idle(struct monitor *m)
{
	enum conf_iface_type missing = conf_missing(m->conf);

	if (!m->conf->enabled)
		log_info("not enabled: set enabled = yes in %s", m->path);
	else
		log_warn("enabled, but without an %s interface: nobody is "
			 "served until %s has an [interface NAME] with type = "
			 "%s", conf_type_name(missing), m->path,
			 conf_type_name(missing));
	report_state(&m->report, m->conf->enabled ? STATUS_WAITING :
						    STATUS_DISABLED,
		     &m->broker);
	sweep(m);
}

static int apply(struct monitor *m)
{
	const bool kept = m->broker.open;
	int err = 0;

	if (m->debug)
		m->conf->log_level = LOG_DEBUG;
	log_level((int)m->conf->log_level);
	if (m->conf->backend_nft)
		log_warn("%s: backend = nft means netlink now; write backend = "
			 "netlink instead", m->path);
	if (!conf_runs(m->conf)) {
		idle(m);
		return 0;
	}
	if (!conf_serves(m->conf))
		log_warn("%s: upnp, nat-pmp and pcp are all no: no program can "
			 "open a port; set one of them to yes", m->path);
	if (m->conf->upnp && m->conf->allow_disable_external)
		log_warn("any host of the LAN may take the external interface "
			 "down: set allow-disable-external-interface = no to "
			 "forbid it");
	/* Report first, because a firewall tool may be slow. */
	report_state(&m->report, STATUS_SERVING, &m->broker);
	err = open_forkserver(m);
	if (!err && m->ready.fn)	/* a reload has checked it */
		err = ownport_check(m->conf, INSTANCE_WAIT_MS);
	if (err)
		return err;
	m->broker.now_ms = loop_now_ms(m->loop);
	if (kept)
		broker_refresh(&m->broker);	/* on_verify() retries it */
	else
		err = broker_open(&m->broker, m->conf);
	/* Until here the tools ran with all rights of root, because one of them
	 * may have had to load a module. From here on no process has them. */
	if (!err)
		err = caps_cut();
	if (err)
		return err;
	control_open(m);
	watch_firewall(m);
	begin_intervals(m, kept && (m->changed_ms || m->verifying ||
				    m->interrupted));
	supervisor_start(&m->supervisor, m->conf, m->ctl_fd);
	report_state(&m->report, STATUS_SERVING, &m->broker);
	return 0;
}

/* The old engine has stopped: apply the new configuration. A firewall of the
 * same backend and size keeps its rules, so traffic continues. */
static void reload_finish(struct monitor *m)
{
	bool same = conf_runs(&m->next_conf) &&
		    m->next_conf.max_mappings == m->conf->max_mappings &&
		    !strcmp(m->next_conf.backend, m->conf->backend);

	if (!same) {
		loop_fd_del(m->loop, &m->firewall);
		loop_timer_del(m->loop, &m->overrule);
		m->firewall.fd = -1;
		broker_close(&m->broker);
	}
	/* A socket of the same name stays open, so that the next engine serves
	 * the connections that wait on it. */
	if (!conf_runs(&m->next_conf) ||
	    strcmp(m->next_conf.control_socket, m->conf->control_socket))
		control_close(m);
	loop_timer_del(m->loop, &m->verify);
	conf_copy(m->conf, &m->next_conf);
	m->phase = RUNNING;
	log_info("configuration read again from %s", m->path);
	if (!apply(m)) {
		report_reload(&m->report, "");
		return;
	}
	report_reload(&m->report, log_last_error());
	m->status = 1;
	loop_stop(m->loop);
}

/* Before anything is changed: no other daemon may be enabled. */
static int hold_name(struct monitor *m, unsigned wait_ms)
{
	int err = instance_hold(&m->instance, wait_ms);

	return err ? instance_report(&m->instance, err) : 0;
}

/* Read the configuration and check that an engine could run with it, before the
 * engine that runs now is stopped. */
static int read_next(struct monitor *m)
{
	static struct conf next;
	struct conf_error why;
	int err = conf_read(m->path, &next, &why);

	/* Without its rights the monitor may be unable to read a file that it
	 * could read at the start. */
	if (err == -EACCES && supervisor_is_open(&m->supervisor))
		log_err("%s: after its start upnpd can read only files that "
			"root owns or everybody may read; chown root %s",
			why.text, m->path);
	else if (err)
		log_err("%s", why.text);
	else if (conf_runs(&next) && !ownport_same(m->conf, &next))
		err = ownport_check(&next, 0);
	if (!err && conf_runs(&next))
		err = hold_name(m, INSTANCE_STEP_MS);
	if (!err && conf_runs(&next))
		err = supervisor_is_open(&m->supervisor) ?
			      home_check(&m->home, m->path, &next) :
			      home_prepare(&next, &m->home);
	if (!err)
		conf_copy(&m->next_conf, &next);
	else if (!conf_runs(m->conf))
		instance_release(&m->instance);
	return err;
}

static void on_sighup(struct loop_signal *s)
{
	struct monitor *m = LOOP_OWNER(s, struct monitor, sig[2]);

	if (m->phase == STOPPING)
		return;
	report_reloading(&m->report);
	if (read_next(m)) {
		report_reload(&m->report, log_last_error());
		log_err("the previous configuration stays in force");
		return;
	}
	m->phase = RELOADING;
	if (!supervisor_stop(&m->supervisor))
		reload_finish(m);
}

static void stop(struct monitor *m)
{
	m->phase = STOPPING;
	report_stopping(&m->report);
	if (!supervisor_stop(&m->supervisor))
		loop_stop(m->loop);
}

static void on_sigterm(struct loop_signal *s)
{
	stop(LOOP_OWNER(s, struct monitor, sig[0]));
}

static void on_sigint(struct loop_signal *s)
{
	stop(LOOP_OWNER(s, struct monitor, sig[1]));
}

/* Not enabled: there is nothing to serve. Otherwise the engine tells that it
 * serves. A timer, because the loop must run to be stopped. */
static void await_ready(struct monitor *m)
{
	if (m->ready.fn)
		loop_timer_set(m->loop, &m->ready_timer, conf_runs(m->conf) ?
			       MONITOR_READY_MS : 0);
}

int monitor_run(const char *path, struct conf *conf, bool debug,
		engine_run_fn *run, const struct monitor_ready *ready)
{
	/* no initializer: it would put 50 KB of zeros into the file */
	static struct monitor m;
	int err;

	m.sig[0] = (struct loop_signal){ SIGTERM, on_sigterm };
	m.sig[1] = (struct loop_signal){ SIGINT, on_sigint };
	m.sig[2] = (struct loop_signal){ SIGHUP, on_sighup };
	m.path = path;
	m.conf = conf;
	m.debug = debug;
	m.run = run;
	m.ready = *ready;
	m.ready_timer.cb = on_ready_timer;
	m.ctl_fd = -1;
	report_start(&m.report, path, conf->pid_file);
	loop_fd_init(&m.firewall, -1, on_firewall);
	m.verify.cb = on_verify;
	m.flows.cb = on_flows;
	m.overrule.cb = on_overrule;
	m.legacy.cb = on_legacy;
	m.loop = loop_new(MONITOR_FDS_MAX, NULL);
	instance_init(&m.instance, m.loop);
	supervisor_init(&m.supervisor, m.loop, &supervisor_ops, &m);
	err = m.loop ? 0 : -ENOMEM;
	for (size_t i = 0; i < 3 && !err; i++)
		err = loop_signal_add(m.loop, &m.sig[i]);
	if (!err && conf_runs(m.conf))
		err = hold_name(&m, INSTANCE_WAIT_MS);
	if (!err && conf_runs(m.conf))
		err = home_prepare(m.conf, &m.home);
	if (!err)
		err = apply(&m);
	if (!err) {
		await_ready(&m);
		err = loop_run(m.loop);
	}
	if (err)
		m.status = 1;
	if (err && !*log_last_error())	/* else the cause is logged */
		log_err("exiting: %s", strerror(-err));
	broker_close(&m.broker);
	control_close(&m);
	supervisor_close(&m.supervisor);
	instance_release(&m.instance);
	report_end(&m.report, m.status ? log_last_error() : NULL);
	log_flush();
	loop_free(m.loop);
	return m.status;
}
