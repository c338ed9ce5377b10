/* SPDX-License-Identifier: ISC */
/*
 * test_monitor.c - the privileged process starts, reloads and stops in the
 * right order, and a refused reload changes nothing. The broker, the
 * supervisor, the report, the control socket, the daemon's name and the jail
 * are fakes in this file. The configuration is a real file.
 *
 * monitor_run() returns only when the daemon ends. So each test passes a script
 * that runs in place of the loop (--wrap). The script moves the fake clock,
 * sends signals to this process, and checks the calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "conf/conf.h"
#include "monitor/broker.h"
#include "monitor/ctllisten.h"
#include "monitor/ownport.h"
#include "monitor/instance.h"
#include "monitor/monitor.h"
#include "monitor/overrule.h"
#include "monitor/report.h"
#include "monitor/supervisor.h"
#include "sys/caps.h"
#include "sys/jail.h"
#include "tests/unit/logged.h"

#define QUIET_MS	200	/* from the last change to the check */
#define QUIET_MAX_MS	800	/* from the first one */
#define VERIFY_S	"30"
#define VERIFY_MS	30000

/* ---- the calls ------------------------------------------------------- */

static char calls[1024];	/* in their order, one word each */

static void note(const char *what)
{
	assert_true(strlen(calls) + strlen(what) + 2 < sizeof(calls));
	strcat(calls, *calls ? " " : "");
	strcat(calls, what);
}

/* The calls since the last use of this macro. */
#define CALLS(want) do {					\
		assert_string_equal(calls, want);		\
		calls[0] = '\0';				\
	} while (0)

/* ---- the name of the only enabled daemon ----------------------------- */

static bool have_name;
static pid_t other;		/* another daemon that has it; 0: none */

void instance_init(struct instance *i, struct loop *l)
{
}

int instance_hold(struct instance *i, unsigned wait_ms)
{
	if (other)
		return -EBUSY;
	have_name = true;
	return 0;
}

int instance_report(const struct instance *i, int err)
{
	log_err("another upnpd (process %d)", (int)other);
	return err;
}

void instance_release(struct instance *i)
{
	have_name = false;
}

/* ---- the broker ------------------------------------------------------ */

static struct {
	struct broker *g;
	int open_err, refresh_err, serve_err, verify_rc;
	int watch_fd;		/* for broker_open(); -1 none */
	bool fault;		/* each verification logs it */
	bool suspect;		/* a call sees that somebody changed a rule */
	bool serving, idle;	/* the next request reports it */
	bool legacy;		/* there are tables of legacy iptables */
	unsigned polls;		/* of them */
	bool polled;		/* they have changed */
	bool pinged;		/* the engine has not answered a ping */
	size_t noted_n;		/* flows to end after the next request */
	uint64_t now_ms;	/* at the last request */
} broker;

int broker_open(struct broker *g, const struct conf *conf)
{
	note("broker_open");
	assert_true(have_name);
	if (broker.open_err)
		log_err("no backend");
	if (broker.open_err)
		return broker.open_err;
	broker.g = g;
	g->conf = conf;
	g->open = true;
	g->watch_fd = broker.watch_fd;
	g->fw.legacy.any = broker.legacy;
	return 0;
}

void broker_close(struct broker *g)
{
	if (!g->open)
		return;
	note("broker_close");
	assert_true(have_name);
	g->open = false;
	if (g->watch_fd >= 0)
		close(g->watch_fd);
}

void broker_reset(struct broker *g)
{
	note("broker_reset");
}

void broker_ping(struct broker *g, int fd)
{
	assert_int_equal(fd, 55);
	note("ping");
}

int broker_refresh(struct broker *g)
{
	note("broker_refresh");
	return broker.refresh_err;
}

int broker_verify(struct broker *g)
{
	note("verify");
	g->suspect = broker.suspect;
	if (broker.fault)
		log_err("the firewall is busy");
	return broker.verify_rc;
}

void broker_changed(struct broker *g, unsigned ours)
{
	char c[16];

	note("changed");
	assert_true(read(g->watch_fd, c, sizeof(c)) > 0);
	g->suspect |= broker.suspect;
}

bool broker_poll(struct broker *g)
{
	broker.polls++;
	g->suspect |= broker.suspect;
	return broker.polled;
}

int broker_serve(struct broker *g, int fd)
{
	assert_int_equal(fd, 55);
	note("serve");
	broker.now_ms = g->now_ms;
	g->watch_fd = broker.watch_fd;	/* a verification may open it */
	g->suspect |= broker.suspect;
	g->serving |= broker.serving;
	g->ready |= broker.serving || broker.idle;
	g->pinged = broker.pinged;
	if (!g->flows.noted_n)
		g->flows.walked_ms = g->now_ms;
	g->flows.noted_n = broker.noted_n;
	g->flows.walk_gap_ms = 70;
	return broker.serve_err;
}

void broker_sweep(struct broker *g)
{
	if (!g->swept)
		note("sweep");
	g->swept = true;
}

void natfw_sweep_all(void)
{
	note("sweep_all");
	assert_true(have_name);
}

static uint64_t overrule_next_ms;	/* 0: nothing is due */
static int channel;			/* as overrule_run() got it */

uint64_t overrule_run(struct broker *g, int fd)
{
	channel = fd;
	broker.now_ms = g->now_ms;
	if (!overrule_next_ms)
		return UINT64_MAX;
	note("overrule");
	return overrule_next_ms;
}

void flows_end(struct flows *f, uint64_t now_ms)
{
	if (!f->noted_n || now_ms - f->walked_ms < f->walk_gap_ms)
		return;
	note("flows_end");
	f->walked_ms = now_ms;
	f->noted_n--;			/* a part of a walk */
}

/* ---- the supervisor -------------------------------------------------- */

static struct {
	struct supervisor *s;
	bool open, alive;
	int open_err;
	const struct conf *conf;	/* of the engine */
	int ctl_fd;
	struct jail jail;
	engine_run_fn *run;
	unsigned answered;
} engine;

void supervisor_init(struct supervisor *s, struct loop *loop,
		     const struct supervisor_ops *ops, void *arg)
{
	s->ops = ops;
	s->arg = arg;
	engine.s = s;
}

int supervisor_open(struct supervisor *s, const struct jail *jail,
		    engine_run_fn *run)
{
	note("fork_server");
	engine.jail = *jail;
	engine.run = run;
	engine.open = !engine.open_err;
	return engine.open_err;
}

bool supervisor_is_open(const struct supervisor *s)
{
	return engine.open;
}

int supervisor_channel(const struct supervisor *s)
{
	return engine.alive ? 55 : -1;
}

void supervisor_start(struct supervisor *s, const struct conf *conf, int ctl_fd)
{
	assert_false(engine.alive);
	note("start");
	engine.alive = true;
	engine.conf = conf;
	engine.ctl_fd = ctl_fd;
	s->ops->starting(s->arg);
}

void supervisor_answered(struct supervisor *s)
{
	engine.answered++;
}

void supervisor_control(struct supervisor *s, int ctl_fd)
{
	note("control");
	engine.ctl_fd = ctl_fd;
}

bool supervisor_stop(struct supervisor *s)
{
	note("stop");
	return engine.alive;
}

void supervisor_close(struct supervisor *s)
{
	note("close");
	engine.open = false;
}

/* The engine sends a request. Return: the callback's value */
static int engine_requests(void)
{
	return engine.s->ops->request(engine.s->arg, 55);
}

static void engine_stops(void)
{
	engine.alive = false;
	engine.s->ops->stopped(engine.s->arg);
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- the control socket ---------------------------------------------- */

static struct {
	char path[CONF_STR_MAX];	/* of the last one */
	int err;
	unsigned opens;
	bool broken;			/* it cannot be repaired */
} ctl;

int ctllisten_open(const char *path)
{
	note("ctl_open");
	strcpy(ctl.path, path);
	ctl.opens++;
	return ctl.err ? ctl.err : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool ctllisten_repair(int fd)
{
	assert_true(fcntl(fd, F_GETFD) >= 0);
	note("ctl_repair");
	return !ctl.broken;
}

/* ---- the report ------------------------------------------------------ */

static enum status_state state;
static char reload_fault[512], end_fault[512];
static bool has_end_fault;

void report_start(struct report *r, const char *file, const char *pid_file)
{
}

void report_state(struct report *r, enum status_state s, const struct broker *g)
{
	state = s;
}

void report_serving(struct report *r, bool serving)
{
	note(serving ? "report_serving" : "report_idle");
}

void report_reloading(struct report *r)
{
	note("report_reloading");
}

void report_stopping(struct report *r)
{
	note("report_stopping");
}

void report_broker(struct report *r, const struct broker *g)
{
	note("report_broker");
}

void report_reload(struct report *r, const char *fault)
{
	note(*fault ? "report_fault" : "report_reload");
	snprintf(reload_fault, sizeof(reload_fault), "%s", fault);
}

void report_exit(struct report *r)
{
	note("report_exit");
}

void report_end(struct report *r, const char *fault)
{
	has_end_fault = fault != NULL;
	snprintf(end_fault, sizeof(end_fault), "%s", fault ? fault : "");
}

/* ---- rights ---------------------------------------------------------- */

static struct {
	int user_err;		/* or 1: there is no such user */
	int dir_err;		/* of state-dir */
	int cut_err;
	char dir[PATH_MAX];	/* that was made last */
} rights;

/* User "other" is uid 8, everybody else is uid 7. */
static int port_err;

int ownport_check(const struct conf *conf, unsigned wait_ms)
{
	if (port_err)
		log_err("port %u is taken", conf->upnp ?
			(unsigned)conf->http_port : 5351u);
	return port_err;
}

bool ownport_same(const struct conf *now, const struct conf *next)
{
	if (!now->enabled || now->upnp != next->upnp)
		return false;
	return !now->upnp || now->http_port == next->http_port;
}

int jail_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	*ret_uid = *ret_gid = strcmp(name, "other") ? 7 : 8;
	return rights.user_err;
}

int jail_dir(const char *dir, uid_t uid, gid_t gid)
{
	const char *name = strrchr(dir, '/');

	note("jail_dir");
	assert_true(have_name);
	strcpy(rights.dir, dir);
	return name && !strcmp(name, "/state") ? rights.dir_err : 0;
}

int caps_cut(void)
{
	note("caps_cut");
	return rights.cut_err;
}

/* ---- the script ------------------------------------------------------ */

static uint64_t now_ms = 1000000;
static struct loop *loop;
static void (*script)(void);

static uint64_t fake_clock(void)
{
	return now_ms;
}

struct loop *__real_loop_new(size_t fds_max, uint64_t (*clock_ms)(void));
struct loop *__wrap_loop_new(size_t fds_max, uint64_t (*clock_ms)(void));
struct loop *__wrap_loop_new(size_t fds_max, uint64_t (*clock_ms)(void))
{
	assert_null(clock_ms);
	loop = __real_loop_new(fds_max, fake_clock);
	return loop;
}

static bool stopped;		/* loop_stop() was called */

void __real_loop_stop(struct loop *l);
void __wrap_loop_stop(struct loop *l);
void __wrap_loop_stop(struct loop *l)
{
	assert_ptr_equal(l, loop);
	stopped = true;
	__real_loop_stop(l);
}

int __wrap_loop_run(struct loop *l);
int __wrap_loop_run(struct loop *l)
{
	assert_ptr_equal(l, loop);
	note("run");
	if (script)
		script();
	return 0;
}

static void pass(uint64_t ms)
{
	now_ms += ms;
	assert_int_equal(loop_step(loop, 0), 0);
}

/* Send it to this process, which blocks it except while the loop waits. */
static void send_signal(int signo)
{
	assert_int_equal(kill(getpid(), signo), 0);
	pass(0);
}

static char dir[] = "/tmp/test_monitor.XXXXXX";
static char conf_file[64];

/* A small configuration; a setting in @more replaces the default here. */
static void put_conf_of(const char *more, const char *ifaces)
{
	static const char *const usual[][2] = {
		{ "enabled", "yes" },
		{ "allow-disable-external-interface", "no" },
		{ "backend", "memory" }, { "verify-interval", VERIFY_S },
		{ "user", "upnpd" }, { "log-level", "info" },
		{ "state-dir", "/state" }, { "control-socket", "/ctl" },
		{ "pid-file", "/d.pid" },
	};
	FILE *f = fopen(conf_file, "w");

	assert_non_null(f);
	fprintf(f, "%s\n", more);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (!strstr(more, usual[i][0]))
			fprintf(f, "%s = %s%s\n", usual[i][0],
				usual[i][1][0] == '/' ? dir : "", usual[i][1]);
	fputs(ifaces, f);
	fclose(f);
}

static void put_conf(const char *more)
{
	put_conf_of(more, "[interface wan0]\ntype = external\n"
			  "[interface lan0]\ntype = internal\n");
}

static int set_up(void **unused)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(conf_file, sizeof(conf_file), "%s/conf", dir);
	broker.watch_fd = -1;
	put_conf("");
	logged_open();
	return 0;
}

static int tear_down(void **unused)
{
	logged_close();
	unlink(conf_file);
	return rmdir(dir);
}

static int run_nothing(const struct engine_start *s)
{
	return 0;
}

static struct {
	unsigned n;		/* how often it was called */
	int err;		/* its result */
} ready;

static int on_ready(void *arg)
{
	assert_ptr_equal(arg, &ready);
	ready.n++;
	return ready.err;
}

/* Run monitor_run() on the present file. Return: its status */
static int monitor(void (*with)(void), bool debug)
{
	static struct conf conf;
	struct conf_error why;

	if (conf_read(conf_file, &conf, &why))
		fail_msg("%s", why.text);
	script = with;
	return monitor_run(conf_file, &conf, debug, run_nothing,
			   &(struct monitor_ready){ on_ready, &ready });
}

#define STARTED "jail_dir fork_server broker_open caps_cut ctl_open start " \
		"broker_reset run"

/* ---- start ----------------------------------------------------------- */

static void on_a_start(void)
{
	CALLS(STARTED);
	assert_int_equal(state, STATUS_SERVING);
	assert_string_equal(engine.conf->backend, "memory");
	assert_ptr_equal(engine.conf, broker.g->conf);
	assert_true(engine.ctl_fd >= 0);
	assert_ptr_equal(engine.run, run_nothing);
	assert_string_equal(engine.jail.dir, rights.dir);
	assert_string_equal(engine.jail.dir + strlen(dir), "/state");
	assert_int_equal(engine.jail.uid, 7);
	assert_string_equal(ctl.path + strlen(dir), "/ctl");
}

/* The order matters: the fork server is forked with all rights, the firewall's
 * tools run once with them, and the engine starts without them. */
static void test_a_start_gives_up_rights_before_an_engine_runs(void **unused)
{
	assert_int_equal(monitor(on_a_start, false), 0);
}

static void test_the_rules_are_removed_at_the_end(void **unused)
{
	assert_int_equal(monitor(NULL, false), 0);
	CALLS(STARTED " broker_close close");
	assert_false(has_end_fault);
}

static void on_not_enabled(void)
{
	CALLS("sweep_all run");
	assert_int_equal(state, STATUS_DISABLED);
	assert_int_equal(ready.n, 0);
	pass(0);
	assert_int_equal(ready.n, 1);
	pass(10 * VERIFY_MS);
	assert_int_equal(ready.n, 1);
	CALLS("");
}

static void test_not_enabled_starts_nothing(void **unused)
{
	put_conf("enabled = no");
	assert_int_equal(monitor(on_not_enabled, false), 0);
	assert_int_equal(logged_count("<6>not enabled: set enabled = yes in "),
			 1);
	CALLS("close");
}

static void on_waiting(void)
{
	CALLS("sweep_all run");
	assert_int_equal(state, STATUS_WAITING);
	pass(0);
	assert_int_equal(ready.n, 1);
	pass(10 * VERIFY_MS);
	CALLS("");
	put_conf("");
	send_signal(SIGHUP);
	CALLS("report_reloading jail_dir stop fork_server broker_open caps_cut "
	      "ctl_open start broker_reset report_reload");
	assert_int_equal(state, STATUS_SERVING);
}

/* Enabled before there are interfaces: a reload that brings them begins. */
static void test_the_daemon_waits_for_interfaces(void **unused)
{
	put_conf_of("", "[interface wan0]\ntype = external\n");
	assert_int_equal(monitor(on_waiting, false), 0);
	assert_int_equal(logged_count("<4>enabled, but without an internal "
				      "interface: nobody is served until "), 1);
}

static void test_no_protocol_is_logged(void **unused)
{
	put_conf("upnp = no\nnat-pmp = no\npcp = no");
	assert_int_equal(monitor(NULL, false), 0);
	assert_int_equal(logged_count("upnp, nat-pmp and pcp are all no: no "
				      "program can open a port"), 1);
}

static void test_a_risky_setting_is_logged(void **unused)
{
	put_conf("allow-disable-external-interface = yes");
	assert_int_equal(monitor(NULL, false), 0);
	assert_int_equal(logged_count("<4>any host of the LAN may take the "
				      "external interface down"), 1);
}

static void fail_start(const char *want_calls, const char *fault)
{
	assert_int_equal(monitor(NULL, false), 1);
	CALLS(want_calls);
	assert_true(has_end_fault);
	if (!strstr(end_fault, fault))
		fail_msg("\"%s\" is not in \"%s\"", fault, end_fault);
}

static void test_the_daemon_ends_without_a_backend(void **unused)
{
	broker.open_err = -ENOENT;
	fail_start("jail_dir fork_server broker_open close", "no backend");
}

static void test_a_start_without_its_port_fails(void **unused)
{
	port_err = -EADDRINUSE;
	fail_start("jail_dir fork_server close", "port 2828 is taken");
}

static void test_a_start_beside_another_daemon_fails(void **unused)
{
	other = 812;
	fail_start("close", "another upnpd (process 812)");
}

static void on_disabled_beside(void)
{
	CALLS("run");
	put_conf("");
	send_signal(SIGHUP);
	CALLS("report_reloading report_fault");
	assert_string_equal(reload_fault, "another upnpd (process 812)");
	assert_int_equal(state, STATUS_DISABLED);
	other = 0;
	send_signal(SIGHUP);
	CALLS("report_reloading jail_dir stop fork_server broker_open caps_cut "
	      "ctl_open start broker_reset report_reload");
}

/* It may run, but it removes nothing, and a reload cannot enable it. */
static void test_a_disabled_one_runs_beside_another_daemon(void **unused)
{
	other = 812;
	put_conf("enabled = no");
	assert_int_equal(monitor(on_disabled_beside, false), 0);
}

static void test_a_failure_to_enter_the_jail_ends_it(void **unused)
{
	engine.open_err = -EPERM;
	fail_start("jail_dir fork_server close", strerror(EPERM));
}

static void test_a_failure_to_drop_rights_ends_it(void **unused)
{
	rights.cut_err = -EPERM;
	fail_start("jail_dir fork_server broker_open caps_cut broker_close "
		   "close", strerror(EPERM));
}

static void test_an_unreadable_passwd_ends_it(void **unused)
{
	rights.user_err = -EIO;
	fail_start("close", "/etc/passwd: ");
	assert_non_null(strstr(end_fault, strerror(EIO)));
}

static void test_a_missing_user_is_logged(void **unused)
{
	rights.user_err = 1;
	assert_int_equal(monitor(NULL, false), 0);
	assert_int_equal(logged_count("<4>neither user upnpd nor nobody"), 1);
}

static void on_fallback_dir(void)
{
	assert_string_equal(engine.jail.dir + strlen(dir), "/d.jail");
	assert_string_equal(engine.jail.dir, rights.dir);
}

static void check_fallback_dir(int dir_err)
{
	rights.dir_err = dir_err;
	assert_int_equal(monitor(on_fallback_dir, false), 0);
	assert_int_equal(logged_count("mappings are kept in "), 1);
}

static void test_without_var_the_state_is_beside_the_pid_file(void **unused)
{
	check_fallback_dir(-ENOENT);
}

static void test_with_a_read_only_var_as_well(void **unused)
{
	check_fallback_dir(-EROFS);
}

static void test_a_state_dir_of_somebody_else_ends_it(void **unused)
{
	rights.dir_err = -ENOTEMPTY;
	fail_start("jail_dir close", "/state: Directory not empty");
}

static void on_no_control_socket(void)
{
	assert_int_equal(engine.ctl_fd, -EADDRINUSE);
	assert_true(engine.alive);
}

static void test_without_a_control_socket_all_else_works(void **unused)
{
	ctl.err = -EADDRINUSE;
	assert_int_equal(monitor(on_no_control_socket, false), 0);
	assert_int_equal(logged_count("<3>control-socket "), 1);
}

static void on_log_level(void)
{
	logged_clear();
	log_debug("a detail");
	log_info("a fact");
}

static void test_the_log_level_is_configured(void **unused)
{
	put_conf("log-level = warning");
	monitor(on_log_level, false);
	assert_int_equal(logged_count("a "), 0);
}

static void test_debug_logs_all_whatever_is_configured(void **unused)
{
	put_conf("log-level = warning");
	monitor(on_log_level, true);
	assert_int_equal(logged_count("a "), 2);
}

/* ---- the firewall ---------------------------------------------------- */

static void on_intervals(void)
{
	calls[0] = '\0';
	for (unsigned i = 0; i < 3; i++) {
		pass(VERIFY_MS - 1);
		CALLS("");
		pass(1);
		CALLS("verify report_broker");
	}
}

static void test_the_firewall_is_verified_at_its_interval(void **unused)
{
	assert_int_equal(monitor(on_intervals, false), 0);
}

static void on_fault(void)
{
	broker.fault = true;
	for (unsigned i = 0; i < 10; i++) {
		calls[0] = '\0';
		pass(VERIFY_MS);
	}
	assert_string_equal(calls, "verify report_broker");
}

/* The counts after 90 and 210 s, and the one that logged_count() flushes. */
static void test_a_lasting_fault_does_not_fill_the_log(void **unused)
{
	assert_int_equal(monitor(on_fault, false), 0);
	assert_int_equal(logged_count("<3>the firewall is busy"), 1);
	assert_in_range(logged_count("repeated"), 1, 3);
}

static int firewall_fd;		/* of nf_tables: readable after a change */

/* Set the descriptor of the next broker_open(). */
static void open_firewall(void)
{
	int fd[2];

	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	broker.watch_fd = fd[0];
	firewall_fd = fd[1];
}

static void change_firewall(void)
{
	assert_int_equal(write(firewall_fd, "x", 1), 1);
	pass(0);
	CALLS("changed");
}

static void on_foreign_changes(void)
{
	calls[0] = '\0';
	broker.suspect = true;
	change_firewall();
	pass(QUIET_MS - 1);
	CALLS("");
	broker.suspect = false;
	pass(1);
	CALLS("verify report_broker");
	/* not before it was quiet */
	broker.suspect = true;
	change_firewall();
	pass(QUIET_MS - 1);
	change_firewall();
	pass(QUIET_MS - 1);
	CALLS("");
	broker.suspect = false;
	pass(1);
	CALLS("verify report_broker");
	/* the interval restarts with each check */
	pass(VERIFY_MS - 1);
	CALLS("");
	pass(1);
	CALLS("verify report_broker");
}

static void test_a_foreign_change_is_verified_soon(void **unused)
{
	open_firewall();
	assert_int_equal(monitor(on_foreign_changes, false), 0);
}

/* A firewall that changes all the time is checked all the same. */
static void on_changes_without_end(void)
{
	calls[0] = '\0';
	broker.suspect = true;
	for (int again = 0; again < 2; again++) {
		for (unsigned ms = 100; ms <= QUIET_MAX_MS; ms += 100) {
			change_firewall();
			pass(100);
			CALLS(ms < QUIET_MAX_MS ? "" : "verify report_broker");
		}
	}
}

static void test_a_firewall_without_rest_is_verified(void **unused)
{
	open_firewall();
	assert_int_equal(monitor(on_changes_without_end, false), 0);
}

/* Legacy iptables sends no notice: look each second, and more often while
 * somebody changes it. */
static void on_legacy_changes(void)
{
	broker.polls = 0;
	calls[0] = '\0';
	for (int i = 0; i < 3; i++)
		pass(NATFW_LEGACY_MS);
	assert_int_equal(broker.polls, 3);
	broker.polled = broker.suspect = true;
	pass(NATFW_LEGACY_MS);
	pass(QUIET_MS - 1);		/* and it changes again meanwhile */
	CALLS("");
	broker.suspect = false;
	pass(QUIET_MS / 2);
	CALLS("");
	broker.polled = false;		/* the check repairs it */
	pass(QUIET_MS / 2 + 1);
	CALLS("verify report_broker");
	broker.polls = 0;
	pass(NATFW_LEGACY_MS);
	assert_in_range(broker.polls, 1, 2);
}

static void test_legacy_iptables_is_polled(void **unused)
{
	broker.legacy = true;
	assert_int_equal(monitor(on_legacy_changes, false), 0);
}

/* Our own rules were changed: they are read soon after the last request. */
static void on_own_legacy_rules(void)
{
	broker.g->fw.legacy = (struct ipt_print){ .any = true, .known = true };
	broker.polls = 0;
	for (int i = 0; i < 3; i++) {
		engine_requests();
		pass(NATFW_LEGACY_OWN_MS - 1);
		assert_int_equal(broker.polls, 0);
	}
	pass(1);
	assert_int_equal(broker.polls, 1);
	broker.g->fw.legacy.own_known = true;
	engine_requests();
	pass(NATFW_LEGACY_OWN_MS);
	assert_int_equal(broker.polls, 1);
}

static void test_own_rules_in_legacy_iptables_are_read_soon(void **unused)
{
	broker.legacy = true;
	assert_int_equal(monitor(on_own_legacy_rules, false), 0);
}

/* An idle router is not woken. */
static void on_no_legacy(void)
{
	broker.polls = 0;
	pass(5 * NATFW_LEGACY_MS);
	assert_int_equal(broker.polls, 0);
}

static void test_without_legacy_iptables_nothing_is_polled(void **unused)
{
	assert_int_equal(monitor(on_no_legacy, false), 0);
}

static void on_own_change(void)
{
	calls[0] = '\0';
	broker.suspect = false;
	change_firewall();
	pass(10 * QUIET_MAX_MS);
	CALLS("");
}

static void test_our_own_change_is_not_verified(void **unused)
{
	open_firewall();
	assert_int_equal(monitor(on_own_change, false), 0);
}

/* Only a writer that a request of the engine's needed causes notices. */
static void on_a_later_watch(void)
{
	open_firewall();
	engine_requests();
	calls[0] = '\0';
	change_firewall();
}

static void test_a_firewall_watched_later_is_followed(void **unused)
{
	assert_int_equal(monitor(on_a_later_watch, false), 0);
}

static void on_a_change_during_a_check(void)
{
	pass(VERIFY_MS - 1);
	calls[0] = '\0';
	broker.suspect = true;
	pass(1);
	CALLS("verify report_broker");
	broker.suspect = false;
	pass(QUIET_MS - 1);
	CALLS("");
	pass(1);
	CALLS("verify report_broker");
	pass(QUIET_MAX_MS);
	CALLS("");
}

static void test_a_change_during_a_check_makes_another_check(void **unused)
{
	assert_int_equal(monitor(on_a_change_during_a_check, false), 0);
}

/* It is tried again, each time later, at the interval at the latest. */
static void on_interruptions(void)
{
	uint64_t wait_ms = NATFW_READ_AGAIN_MS;

	broker.verify_rc = -EINTR;
	pass(VERIFY_MS - 1);
	calls[0] = '\0';
	pass(1);
	for (; wait_ms < VERIFY_MS; wait_ms *= 2) {
		CALLS("verify report_broker");
		pass(wait_ms - 1);
		CALLS("");
		pass(1);
	}
	for (int i = 0; i < 3; i++) {
		CALLS("verify report_broker");
		pass(VERIFY_MS - 1);
		CALLS("");
		pass(1);
	}
	broker.verify_rc = 0;
	pass(VERIFY_MS);
	calls[0] = '\0';
	broker.verify_rc = -EINTR;
	pass(VERIFY_MS);
	CALLS("verify report_broker");
	pass(NATFW_READ_AGAIN_MS);
	CALLS("verify report_broker");
}

static void test_an_interrupted_check_is_repeated(void **unused)
{
	assert_int_equal(monitor(on_interruptions, false), 0);
}

/* ---- the engine ------------------------------------------------------ */

static void on_requests(void)
{
	calls[0] = '\0';
	now_ms += 5;
	pass(0);
	assert_int_equal(engine_requests(), 0);
	assert_int_equal(broker.now_ms, now_ms);
	CALLS("serve report_broker");
	broker.serving = true;
	broker.serve_err = -EPROTO;
	assert_int_equal(engine_requests(), -EPROTO);
	CALLS("serve report_broker report_serving sweep");
	engine_requests();
	CALLS("serve report_broker report_serving");
}

/* Leftovers stay as long as nobody is served. */
static void on_idle(void)
{
	calls[0] = '\0';
	broker.idle = true;
	engine_requests();
	CALLS("serve report_broker report_idle");
	assert_int_equal(ready.n, 1);
	broker.serving = true;
	engine_requests();
	CALLS("serve report_broker report_serving sweep");
	assert_int_equal(ready.n, 1);
}

static void test_it_is_ready_without_anybody_to_serve(void **unused)
{
	assert_int_equal(monitor(on_idle, false), 0);
}

static void on_pings(void)
{
	calls[0] = '\0';
	engine.s->ops->ping(engine.s->arg, 55);
	CALLS("ping");
	broker.pinged = true;
	engine.answered = 0;
	engine_requests();
	assert_int_equal(engine.answered, 0);
	broker.pinged = false;
	engine_requests();
	assert_int_equal(engine.answered, 1);
}

static void test_answers_to_pings_reach_the_supervisor(void **unused)
{
	assert_int_equal(monitor(on_pings, false), 0);
}

static void test_requests_are_served_by_the_broker(void **unused)
{
	assert_int_equal(monitor(on_requests, false), 0);
}

/* The pid file is written, and the shell gets its prompt back, when the engine
 * serves, and once. */
static void on_ready_by_the_engine(void)
{
	engine_requests();
	pass(MONITOR_READY_MS - 1);
	assert_int_equal(ready.n, 0);
	broker.serving = true;
	engine_requests();
	assert_int_equal(ready.n, 1);
	engine_requests();
	pass(10 * MONITOR_READY_MS);
	assert_int_equal(ready.n, 1);
}

static void test_it_is_ready_when_the_engine_serves(void **unused)
{
	assert_int_equal(monitor(on_ready_by_the_engine, false), 0);
}

static void on_ready_by_time(void)
{
	pass(MONITOR_READY_MS);
	assert_int_equal(ready.n, 1);
	broker.serving = true;
	engine_requests();
	assert_int_equal(ready.n, 1);
}

static void test_it_is_ready_at_the_latest_after_a_time(void **unused)
{
	assert_int_equal(monitor(on_ready_by_time, false), 0);
}

static void on_ready_fails(void)
{
	broker.serving = true;
	engine_requests();
}

static void test_a_pid_file_that_cannot_be_written_ends_it(void **unused)
{
	ready.err = -ENOSPC;
	assert_int_equal(monitor(on_ready_fails, false), 1);
}

/* A look at the mappings that is due later, or that has not ended. */
static void on_looks(void)
{
	calls[0] = '\0';
	overrule_next_ms = now_ms + 500;
	engine_requests();
	assert_int_equal(channel, 55);
	CALLS("serve overrule report_broker");
	pass(499);
	CALLS("");
	overrule_next_ms = now_ms + 21;
	pass(1);
	CALLS("overrule report_broker");
	assert_int_equal(broker.now_ms, now_ms);
	overrule_next_ms = 0;
	pass(20);
	CALLS("report_broker");
	pass(VERIFY_MS - 600);
	CALLS("");
}

static void test_mappings_are_looked_at_in_time(void **unused)
{
	assert_int_equal(monitor(on_looks, false), 0);
}

static void on_suspect_request(void)
{
	calls[0] = '\0';
	broker.suspect = true;
	engine_requests();
	broker.suspect = false;
	pass(QUIET_MS - 1);
	engine_requests();		/* does not postpone it */
	CALLS("serve report_broker serve report_broker");
	pass(1);
	CALLS("verify report_broker");
}

static void test_a_change_seen_by_a_request_is_verified(void **unused)
{
	assert_int_equal(monitor(on_suspect_request, false), 0);
}

static void on_flows(void)
{
	calls[0] = '\0';
	broker.noted_n = 2;
	engine_requests();
	pass(30);
	engine_requests();		/* does not postpone it */
	CALLS("serve report_broker serve report_broker");
	pass(39);
	CALLS("");
	pass(1);
	CALLS("flows_end report_broker");
	calls[0] = '\0';
	pass(69);
	CALLS("");
	pass(1);			/* the next part of the walk */
	CALLS("flows_end report_broker");
	calls[0] = '\0';
	broker.noted_n = 0;
	engine_requests();
	pass(1000);
	CALLS("serve report_broker");
}

static void test_flows_that_wait_are_ended_in_time(void **unused)
{
	assert_int_equal(monitor(on_flows, false), 0);
}

static void on_engine_exit(void)
{
	const int before = engine.ctl_fd;
	const unsigned fds = open_fds();

	broker.serving = true;
	engine_requests();
	calls[0] = '\0';
	engine.s->ops->exited(engine.s->arg);
	CALLS("report_exit ctl_repair control");
	assert_int_equal(engine.ctl_fd, before);
	assert_int_equal(ctl.opens, 1);
	engine.s->ops->starting(engine.s->arg);
	CALLS("broker_reset");
	assert_false(broker.g->serving);	/* until it reports so */
	ctl.broken = true;
	engine.s->ops->exited(engine.s->arg);
	CALLS("report_exit ctl_repair ctl_open control");
	assert_true(fcntl(engine.ctl_fd, F_GETFD) >= 0);
	assert_int_equal(open_fds(), fds);
	assert_false(stopped);
}

static void test_the_next_engine_has_a_control_socket_that_works(void **unused)
{
	assert_int_equal(monitor(on_engine_exit, false), 0);
}

static void on_failed(void)
{
	log_err("engine died 5 times");
	engine.s->ops->failed(engine.s->arg);
	assert_true(stopped);
}

static void test_too_many_engine_exits_end_it(void **unused)
{
	assert_int_equal(monitor(on_failed, false), 1);
	CALLS(STARTED " broker_close close");
	assert_string_equal(end_fault, "engine died 5 times");
}

/* ---- stop ------------------------------------------------------------ */

static void check_stop(int signo)
{
	calls[0] = '\0';
	send_signal(signo);
	CALLS("report_stopping stop");
	assert_false(stopped);		/* the engine sends byebye */
	put_conf("http-port = 4711");
	send_signal(SIGHUP);
	CALLS("");			/* ignored while it stops */
	engine_stops();
	assert_true(stopped);
	CALLS("");
}

static void on_sigterm(void)
{
	check_stop(SIGTERM);
}

static void on_sigint(void)
{
	check_stop(SIGINT);
}

static void test_sigterm_stops_the_engine_first(void **unused)
{
	assert_int_equal(monitor(on_sigterm, false), 0);
	CALLS("broker_close close");
	assert_false(has_end_fault);
}

static void test_sigint_stops_the_engine_first(void **unused)
{
	assert_int_equal(monitor(on_sigint, false), 0);
	CALLS("broker_close close");
}

static void on_stop_without_engine(void)
{
	send_signal(SIGTERM);
	assert_true(stopped);
}

static void test_a_stop_without_an_engine_ends_at_once(void **unused)
{
	put_conf("enabled = no");
	assert_int_equal(monitor(on_stop_without_engine, false), 0);
}

/* ---- reload ---------------------------------------------------------- */

/* SIGHUP, and the engine stops as requested. */
static void reload(const char *more)
{
	put_conf(more);
	calls[0] = '\0';
	send_signal(SIGHUP);
	CALLS("report_reloading stop");
	engine_stops();
}

/* SIGHUP, and the previous configuration stays in force. */
static void refused_reload(const char *more, const char *fault)
{
	put_conf(more);
	calls[0] = '\0';
	send_signal(SIGHUP);
	CALLS("report_reloading report_fault");
	if (!strstr(reload_fault, fault))
		fail_msg("\"%s\" is not in \"%s\"", fault, reload_fault);
	assert_int_equal(logged_count("<3>the previous configuration stays "
				      "in force"), 1);
	logged_clear();
	assert_true(engine.alive && !stopped);
}

static void on_reload(void)
{
	const int before = engine.ctl_fd;

	reload("http-port = 4711\nverify-interval = 60");
	CALLS("broker_refresh caps_cut ctl_repair start broker_reset "
	      "report_reload");
	assert_int_equal(engine.conf->http_port, 4711);
	assert_int_equal(engine.ctl_fd, before);
	assert_true(fcntl(before, F_GETFD) >= 0);
	pass(60000 - 1);
	CALLS("");
	pass(1);
	CALLS("verify report_broker");
	assert_int_equal(logged_count("<6>configuration read again from "), 1);
}

static void test_a_reload_keeps_firewall_and_control_socket(void **unused)
{
	assert_int_equal(monitor(on_reload, false), 0);
}

/* The check that is due, or has begun, is not put off to the next interval. */
static void on_reload_after_a_change(void)
{
	calls[0] = '\0';
	broker.suspect = true;
	change_firewall();
	broker.suspect = false;
	reload("http-port = 4711");
	calls[0] = '\0';
	pass(QUIET_MS);
	CALLS("verify report_broker");
	pass(QUIET_MAX_MS);
	CALLS("");
	pass(VERIFY_MS - QUIET_MAX_MS - 1);
	broker.verify_rc = -EINPROGRESS;
	pass(1);
	broker.verify_rc = 0;
	reload("http-port = 4712");
	calls[0] = '\0';
	pass(QUIET_MS);
	CALLS("verify report_broker");
}

static void test_a_reload_keeps_a_check_that_is_due(void **unused)
{
	open_firewall();
	assert_int_equal(monitor(on_reload_after_a_change, false), 0);
}

static void on_reload_while_engine_stays(void)
{
	put_conf("http-port = 4711");
	send_signal(SIGHUP);
	/* until the engine has stopped, nothing changes */
	assert_int_not_equal(engine.conf->http_port, 4711);
	put_conf("http-port = 4712");
	send_signal(SIGHUP);
	assert_int_not_equal(engine.conf->http_port, 4711);
	engine_stops();
	assert_int_equal(engine.conf->http_port, 4712);
}

static void test_the_last_of_two_reloads_counts(void **unused)
{
	assert_int_equal(monitor(on_reload_while_engine_stays, false), 0);
}

static void on_good_then_bad(void)
{
	put_conf("http-port = 4711");
	send_signal(SIGHUP);
	put_conf("http-port = 4712\nstate-dir = /nowhere");
	send_signal(SIGHUP);
	engine_stops();
	assert_int_equal(engine.conf->http_port, 4711);
	assert_true(engine.alive && !stopped);
}

static void test_a_bad_reload_does_not_replace_a_good_one(void **unused)
{
	assert_int_equal(monitor(on_good_then_bad, false), 0);
}

static void on_stop_while_reloading(void)
{
	put_conf("http-port = 4711");
	send_signal(SIGHUP);
	send_signal(SIGTERM);
	calls[0] = '\0';
	engine_stops();
	assert_true(stopped);
	CALLS("");
}

static void test_a_stop_ends_a_reload(void **unused)
{
	assert_int_equal(monitor(on_stop_while_reloading, false), 0);
	CALLS("broker_close close");
}

static void on_new_backend(void)
{
	reload("backend = iptables");
	CALLS("broker_close broker_open caps_cut ctl_repair start "
	      "broker_reset report_reload");
	reload("backend = iptables\nmax-mappings = 77");
	CALLS("broker_close broker_open caps_cut ctl_repair start "
	      "broker_reset report_reload");
}

static void test_another_backend_or_size_needs_a_new_broker(void **unused)
{
	assert_int_equal(monitor(on_new_backend, false), 0);
}

static void on_new_watch(void)
{
	open_firewall();
	reload("backend = iptables");
	calls[0] = '\0';
	change_firewall();
}

static void test_the_new_brokers_firewall_is_watched(void **unused)
{
	open_firewall();
	assert_int_equal(monitor(on_new_watch, false), 0);
}

static void on_same_watch(void)
{
	reload("http-port = 4711");
	calls[0] = '\0';
	change_firewall();
	reload("enabled = no");
	calls[0] = '\0';
	pass(0);
	CALLS("");		/* the descriptor is closed */
}

static void test_the_firewall_is_watched_once_after_a_reload(void **unused)
{
	open_firewall();
	assert_int_equal(monitor(on_same_watch, false), 0);
}

static void on_new_control_socket(void)
{
	const unsigned fds = open_fds();
	char more[128];

	snprintf(more, sizeof(more), "control-socket = %s/ctl2", dir);
	reload(more);
	CALLS("broker_refresh caps_cut ctl_open start broker_reset "
	      "report_reload");
	assert_string_equal(ctl.path + strlen(dir), "/ctl2");
	assert_true(fcntl(engine.ctl_fd, F_GETFD) >= 0);
	assert_int_equal(open_fds(), fds);
}

static void test_another_path_makes_a_new_control_socket(void **unused)
{
	assert_int_equal(monitor(on_new_control_socket, false), 0);
}

static void check_removed(const char *name, bool removed)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(access(path, F_OK), removed ? -1 : 0);
	if (!removed)
		unlink(path);
}

/* Make a socket's name as ctllisten_open() would. */
static void make_name(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void on_socket_name(void)
{
	char more[128];

	make_name("ctl");
	reload("http-port = 4711");
	check_removed("ctl", false);
	make_name("ctl");
	make_name("ctl2");
	snprintf(more, sizeof(more), "control-socket = %s/ctl2", dir);
	reload(more);
	check_removed("ctl", true);
}

static void test_the_name_of_a_closed_socket_is_removed(void **unused)
{
	assert_int_equal(monitor(on_socket_name, false), 0);
	check_removed("ctl2", true);
}

static void on_disable(void)
{
	reload("enabled = no");
	CALLS("broker_close sweep_all report_reload");
	assert_false(have_name);
	assert_int_equal(state, STATUS_DISABLED);
	pass(10 * VERIFY_MS);
	CALLS("");
	/* enabling again: there is no engine to stop */
	put_conf("");
	send_signal(SIGHUP);
	CALLS("report_reloading stop broker_open caps_cut ctl_open start "
	      "broker_reset report_reload");
	assert_int_equal(state, STATUS_SERVING);
}

static void test_a_reload_may_disable_and_enable(void **unused)
{
	assert_int_equal(monitor(on_disable, false), 0);
}

static void on_enable(void)
{
	CALLS("sweep_all run");
	put_conf("user = other");
	send_signal(SIGHUP);
	CALLS("report_reloading jail_dir stop fork_server broker_open "
	      "caps_cut ctl_open start broker_reset report_reload");
	assert_int_equal(engine.jail.uid, 8);
}

/* Before the first start the monitor has all its rights, so it accepts any user
 * and directory. */
static void test_the_first_enabling_may_do_what_a_start_may(void **unused)
{
	put_conf("enabled = no");
	assert_int_equal(monitor(on_enable, false), 0);
}

static void on_refused_enable(void)
{
	rights.dir_err = -ENOTEMPTY;
	put_conf("");
	send_signal(SIGHUP);
	CALLS("sweep_all run report_reloading jail_dir report_fault");
	assert_false(have_name);
	assert_string_equal(strrchr(reload_fault, ':'),
			    ": Directory not empty");
	assert_false(engine.open || stopped);
}

static void test_a_failed_enabling_leaves_it_disabled(void **unused)
{
	put_conf("enabled = no");
	assert_int_equal(monitor(on_refused_enable, false), 0);
}

static void on_bad_reload(void)
{
	refused_reload("http-port = many", "/conf:1: ");
	assert_int_not_equal(engine.conf->http_port, 0);
	unlink(conf_file);
	send_signal(SIGHUP);
	CALLS("report_reloading report_fault");
	assert_non_null(strstr(reload_fault, strerror(ENOENT)));
	assert_true(engine.alive && !stopped);
	reload("http-port = 4711");	/* a good one still works */
	assert_int_equal(engine.conf->http_port, 4711);
}

static void test_a_bad_file_changes_nothing(void **unused)
{
	assert_int_equal(monitor(on_bad_reload, false), 0);
}

static void on_other_state_dir(void)
{
	char fault[128];

	snprintf(fault, sizeof(fault), "a reload cannot change state-dir from "
		 "%s/state to /nowhere: restart upnpd", dir);
	refused_reload("state-dir = /nowhere", fault);
}

static void on_other_port(void)
{
	broker.serving = true;
	engine_requests();
	port_err = -EADDRINUSE;
	refused_reload("http-port = 2829", "port 2829 is taken");
	/* its own port is not checked: its engine listens there */
	calls[0] = '\0';
	reload("hairpin = yes");
	assert_int_equal(state, STATUS_SERVING);
	/* another port is needed now */
	refused_reload("upnp = no", "port 5351 is taken");
	port_err = 0;
	reload("upnp = no");
	port_err = -EADDRINUSE;
	reload("upnp = no\nhairpin = yes");
	calls[0] = '\0';
	refused_reload("hairpin = yes", "port 2828 is taken");
}

static void test_a_reload_keeps_the_port_if_the_new_one_is_taken(void **unused)
{
	assert_int_equal(monitor(on_other_port, false), 0);
}

static void test_state_dir_cannot_change_by_a_reload(void **unused)
{
	assert_int_equal(monitor(on_other_state_dir, false), 0);
}

static void on_disable_elsewhere(void)
{
	reload("enabled = no\nstate-dir = /nowhere");
	assert_int_equal(state, STATUS_DISABLED);
	put_conf("state-dir = /nowhere");
	send_signal(SIGHUP);
	CALLS("broker_close sweep_all report_reload report_reloading "
	      "report_fault");
	assert_false(engine.alive);
}

/* While upnpd is disabled its state-dir does not matter. */
static void test_state_dir_is_checked_when_it_is_enabled(void **unused)
{
	assert_int_equal(monitor(on_disable_elsewhere, false), 0);
}

static void on_unreadable(void)
{
	const uid_t before = geteuid();

	assert_int_equal(chmod(conf_file, 0), 0);
	if (before == 0)
		assert_int_equal(seteuid(JAIL_NOBODY), 0);
	calls[0] = '\0';
	send_signal(SIGHUP);
	if (before == 0)
		assert_int_equal(seteuid(0), 0);
	CALLS("report_reloading report_fault");
	assert_non_null(strstr(reload_fault, "chown root "));
}

/* At its start the monitor could read the file, by a right that it has dropped
 * since. */
static void test_a_file_that_only_its_owner_may_read_is_explained(void **unused)
{
	assert_int_equal(monitor(on_unreadable, false), 0);
}

static void on_other_user(void)
{
	refused_reload("user = other", "a reload cannot change user from upnpd "
		       "to other: ");
	rights.user_err = -EIO;
	refused_reload("user = another", "a reload cannot change user from "
		       "upnpd to another: ");
	rights.user_err = 0;
	reload("user = alias");		/* the same uid by another name */
	assert_string_equal(engine.conf->user, "alias");
}

static void test_user_cannot_change_by_a_reload(void **unused)
{
	assert_int_equal(monitor(on_other_user, false), 0);
}

static void on_real_state_dir(void)
{
	char more[128];

	reload("");
	assert_true(engine.alive);
	snprintf(more, sizeof(more), "state-dir = %s/d.jail", dir);
	reload(more);		/* it names the directory in use */
	assert_true(engine.alive);
}

static void test_state_dir_may_name_the_fallback(void **unused)
{
	rights.dir_err = -ENOENT;
	assert_int_equal(monitor(on_real_state_dir, false), 0);
}

static void on_failed_start(void)
{
	broker.open_err = -ENOENT;
	reload("backend = iptables");
	CALLS("broker_close broker_open report_fault");
	assert_string_equal(reload_fault, "no backend");
	assert_true(stopped);
}

static void test_a_reload_that_cannot_start_again_ends_it(void **unused)
{
	assert_int_equal(monitor(on_failed_start, false), 1);
	CALLS("close");
	assert_string_equal(end_fault, "no backend");
}

static void on_failed_refresh(void)
{
	broker.refresh_err = -ENOBUFS;
	reload("http-port = 4711");
	assert_true(engine.alive && !stopped);
}

static void test_a_failed_refresh_is_left_to_verify(void **unused)
{
	assert_int_equal(monitor(on_failed_refresh, false), 0);
}

/* ---- all of them ----------------------------------------------------- */

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	TEST(test_a_start_gives_up_rights_before_an_engine_runs),
	TEST(test_the_rules_are_removed_at_the_end),
	TEST(test_not_enabled_starts_nothing),
	TEST(test_a_risky_setting_is_logged),
	TEST(test_the_daemon_waits_for_interfaces),
	TEST(test_no_protocol_is_logged),
	TEST(test_the_daemon_ends_without_a_backend),
	TEST(test_a_failure_to_enter_the_jail_ends_it),
	TEST(test_a_start_without_its_port_fails),
	TEST(test_a_start_beside_another_daemon_fails),
	TEST(test_a_disabled_one_runs_beside_another_daemon),
	TEST(test_a_failure_to_drop_rights_ends_it),
	TEST(test_an_unreadable_passwd_ends_it),
	TEST(test_a_missing_user_is_logged),
	TEST(test_without_var_the_state_is_beside_the_pid_file),
	TEST(test_with_a_read_only_var_as_well),
	TEST(test_a_state_dir_of_somebody_else_ends_it),
	TEST(test_without_a_control_socket_all_else_works),
	TEST(test_the_log_level_is_configured),
	TEST(test_debug_logs_all_whatever_is_configured),
	TEST(test_the_firewall_is_verified_at_its_interval),
	TEST(test_a_lasting_fault_does_not_fill_the_log),
	TEST(test_a_foreign_change_is_verified_soon),
	TEST(test_a_firewall_without_rest_is_verified),
	TEST(test_a_firewall_watched_later_is_followed),
	TEST(test_our_own_change_is_not_verified),
	TEST(test_legacy_iptables_is_polled),
	TEST(test_own_rules_in_legacy_iptables_are_read_soon),
	TEST(test_without_legacy_iptables_nothing_is_polled),
	TEST(test_a_change_during_a_check_makes_another_check),
	TEST(test_an_interrupted_check_is_repeated),
	TEST(test_requests_are_served_by_the_broker),
	TEST(test_answers_to_pings_reach_the_supervisor),
	TEST(test_it_is_ready_when_the_engine_serves),
	TEST(test_it_is_ready_without_anybody_to_serve),
	TEST(test_it_is_ready_at_the_latest_after_a_time),
	TEST(test_a_pid_file_that_cannot_be_written_ends_it),
	TEST(test_mappings_are_looked_at_in_time),
	TEST(test_a_change_seen_by_a_request_is_verified),
	TEST(test_flows_that_wait_are_ended_in_time),
	TEST(test_the_next_engine_has_a_control_socket_that_works),
	TEST(test_too_many_engine_exits_end_it),
	TEST(test_sigterm_stops_the_engine_first),
	TEST(test_sigint_stops_the_engine_first),
	TEST(test_a_stop_without_an_engine_ends_at_once),
	TEST(test_a_reload_keeps_firewall_and_control_socket),
	TEST(test_a_reload_keeps_a_check_that_is_due),
	TEST(test_the_last_of_two_reloads_counts),
	TEST(test_a_bad_reload_does_not_replace_a_good_one),
	TEST(test_a_stop_ends_a_reload),
	TEST(test_another_backend_or_size_needs_a_new_broker),
	TEST(test_the_new_brokers_firewall_is_watched),
	TEST(test_the_firewall_is_watched_once_after_a_reload),
	TEST(test_another_path_makes_a_new_control_socket),
	TEST(test_the_name_of_a_closed_socket_is_removed),
	TEST(test_a_reload_may_disable_and_enable),
	TEST(test_the_first_enabling_may_do_what_a_start_may),
	TEST(test_a_failed_enabling_leaves_it_disabled),
	TEST(test_a_bad_file_changes_nothing),
	TEST(test_a_reload_keeps_the_port_if_the_new_one_is_taken),
	TEST(test_state_dir_cannot_change_by_a_reload),
	TEST(test_state_dir_is_checked_when_it_is_enabled),
	TEST(test_a_file_that_only_its_owner_may_read_is_explained),
	TEST(test_user_cannot_change_by_a_reload),
	TEST(test_state_dir_may_name_the_fallback),
	TEST(test_a_reload_that_cannot_start_again_ends_it),
	TEST(test_a_failed_refresh_is_left_to_verify),
};

/* monitor_run() runs once in a process, so each test has a process of its own.
 * Return: did it fail? */
static bool run_alone(const char *name)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		cmocka_set_test_filter(name);
		exit(cmocka_run_group_tests(tests, NULL, NULL));
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		failed += run_alone(tests[i].name);
	return failed;
}
