/* SPDX-License-Identifier: ISC */
/*
 * live.c - the daemon that runs with a configuration.
 *
 * Reads the configuration only to know where to look: a file that became wrong
 * while the daemon runs must not stand in the way of asking it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/limits.h"
#include "base/wr.h"
#include "sys/fileio.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/live.h"
#include "conf/confedit.h"

/* ---- is that monitor still there? ------------------------------------ */

/* The start of a process as /proc/PID/stat has it: field 22, in clock ticks
 * since boot (proc(5)). The name in field 2 may hold anything, a ')' too. Of
 * one that has ended and waits for its parent (field 3 is Z) it is never. */
static bool start_ticks(struct str stat, uint64_t *ret)
{
	struct str word;
	size_t i = stat.n;

	while (i > 0 && stat.p[i - 1] != ')')
		i--;
	if (i == 0)
		return false;
	stat = str_skip(stat, i);
	for (i = 3; i <= 22; i++) {
		if (!str_word(&stat, &word))
			return false;
		if (i == 3 && str_eq(word, STR("Z"))) {
			*ret = UINT64_MAX;
			return true;
		}
	}
	return str_u64(word, 0, UINT64_MAX, ret) == 0;
}

static bool read_start(pid_t pid, uint64_t *ret_ticks)
{
	char buf[1024];
	struct wr path = wr_init(buf, sizeof(buf));
	struct str stat;

	wr_fmt(&path, "/proc/%ld/stat", (long)pid);
	return !fileio_read(AT_FDCWD, wr_cstr(&path), 0, buf, sizeof(buf),
			    &stat) && start_ticks(stat, ret_ticks);
}

/* A process with its id, that was there when it wrote down its own start: one
 * that began later has the id by chance. Without /proc the id must do. */
static bool is_alive(const struct statusfile *s)
{
	uint64_t ticks;
	unsigned long hz = getauxval(AT_CLKTCK);

	if (s->pid <= 0 || (kill(s->pid, 0) && errno != EPERM))
		return false;
	if (hz == 0 || !read_start(s->pid, &ticks))
		return true;
	return ticks / hz <= s->since_mono_s + 1;
}

static void look_at_monitor(struct live *l, const char *pid_file)
{
	char path[PATH_MAX];

	l->monitor_err = statusfile_path(pid_file, path);
	if (!l->monitor_err)
		l->monitor_err = statusfile_read(path, &l->monitor);
	if (!l->monitor_err)
		l->alive = l->monitor.state != STATUS_ENDED &&
			   is_alive(&l->monitor);
}

/* ---- where to look --------------------------------------------------- */

/* @line alone, where it says one of the two paths and is good. */
static void salvage_line(struct conf *c, struct str line)
{
	static struct conf one;
	struct conf_error why;
	bool is_socket = str_starts(line, STR("control-socket"));

	if (!is_socket && !str_starts(line, STR("pid-file")))
		return;
	if (conf_parse(line, "", &one, &why))
		return;
	if (is_socket)
		str_copy(c->control_socket, sizeof(c->control_socket),
			 str_z(one.control_socket));
	else
		str_copy(c->pid_file, sizeof(c->pid_file),
			 str_z(one.pid_file));
}

/* Of a file that is wrong elsewhere: the daemon read it when it was right. */
static void salvage(struct conf *c, const char *file)
{
	static char text[CONF_FILE_MAX];
	struct str rest, line;

	conf_defaults(c);
	fileio_read(AT_FDCWD, file, 0, text, sizeof(text), &rest);
	while (str_cut(&rest, '\n', &line))
		salvage_line(c, str_trim(line));
}

void live_refresh(struct live *l, const struct cmd_env *env)
{
	static struct conf conf;

	*l = (struct live){ .file = env->file };
	if (conf_read(env->file, &conf, &l->conf_why)) {
		l->conf_wrong = true;
		salvage(&conf, env->file);
	}
	str_copy(l->socket, sizeof(l->socket), str_z(conf.control_socket));
	l->has_rules = conf.rule_n > 0;
	look_at_monitor(l, conf.pid_file);
}

bool live_ended(const struct live *l)
{
	return !l->monitor_err && l->monitor.state == STATUS_ENDED;
}

bool live_idle(const struct live *l)
{
	return l->alive && l->monitor.state == STATUS_DISABLED;
}

uint64_t live_uptime_s(const struct live *l)
{
	uint64_t now_s = clock_boot_s();

	if (now_s < l->monitor.since_mono_s)
		return 0;
	return now_s - l->monitor.since_mono_s;
}

/* ---- in words -------------------------------------------------------- */

static void put_not_running(struct wr *w, const struct live *l)
{
	wr_z(w, "upnpd does not run");
	if (live_ended(l) && l->monitor.fault[0])
		wr_fmt(w, ", it ended: %s; see its log, then start it",
		       l->monitor.fault);
	else if (l->conf_wrong)
		wr_fmt(w, ": nobody serves %s; its configuration is wrong: "
		       "%s", l->socket, l->conf_why.text);
	else
		wr_fmt(w, ": nobody serves %s; start it", l->socket);
}

static const struct {
	int err;
	char text[76];
} whys[] = {
	{ ECANCELED, "upnpd runs, but is not enabled; say: upnpctl set "
		     "enabled=yes" },
	{ ECONNRESET, "upnpd hung up; see its log and try again" },
	{ EBUSY, "too many ask upnpd at once; try again" },
	{ EPROTONOSUPPORT, "the upnpd that runs is of another version than "
			   "this upnpctl; restart it" },
	{ EPROTO, "upnpd's answer makes no sense; restart it" },
	{ ENOMEM, "out of memory" },
};

static const struct {
	int err;
	char text[60];		/* behind the socket's path */
} socket_whys[] = {
	{ EACCES, "is not for you; be root" },
	{ EPERM, "is not for you; be root" },
	{ ENAMETOOLONG, "is too long for a control-socket; 107 bytes at most" },
	{ EPROTOTYPE, "is not upnpd's; set control-socket" },
};

void live_why(struct wr *w, const struct live *l, int err)
{
	size_t i;

	if (err == -ENOENT || err == -ECONNREFUSED) {
		put_not_running(w, l);
		return;
	}
	if (err == -ETIMEDOUT) {
		wr_fmt(w, "upnpd did not answer within %u s; see its log",
		       CTLCLIENT_WAIT_MS / 1000);
		return;
	}
	for (i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		if (whys[i].err == -err) {
			wr_z(w, whys[i].text);
			return;
		}
	wr_fmt(w, "%s ", l->socket);
	for (i = 0; i < sizeof(socket_whys) / sizeof(socket_whys[0]); i++)
		if (socket_whys[i].err == -err) {
			wr_z(w, socket_whys[i].text);
			return;
		}
	wr_fmt(w, "can not be asked: %s", strerror(-err));
}

int live_fail(const struct live *l, int err)
{
	char text[1024 + STATUS_TEXT_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	live_why(&w, l, err);
	return cmd_fail(CMD_FAULT, "%s", wr_cstr(&w));
}

int live_ask(const struct live *l, const struct ctl_req *req, unsigned kinds,
	     int (*take)(void *arg, const struct ctl_rep *), void *arg,
	     struct ctl_end *ret_end)
{
	if (live_idle(l))
		return -ECANCELED;
	return ctlclient_ask(l->socket, req, kinds, take, arg, ret_end);
}

static int take_status(void *arg, const struct ctl_rep *rep)
{
	*(struct ctl_rep *)arg = *rep;
	return 0;
}

int live_engine(const struct live *l, struct ctl_status *ret)
{
	static const int errors[] = {
		[CTL_OK] = 0, [CTL_EINVAL] = -EPROTONOSUPPORT,
		[CTL_EVERSION] = -EPROTONOSUPPORT, [CTL_EPERM] = -EACCES,
		[CTL_EBUSY] = -EBUSY, [CTL_EREFUSED] = -EPROTO,
		[CTL_ENOENT] = -EPROTO, [CTL_EFAIL] = -EPROTO,
	};
	struct ctl_req req = { .verb = CTL_STATUS };
	struct ctl_rep rep = { .kind = CTL_END };
	struct ctl_end end;
	int err = live_ask(l, &req, CTLCLIENT_KIND(CTL_STATUS_IS), take_status,
			   &rep, &end);

	if (!err)
		err = errors[end.err];
	if (!err && rep.kind != CTL_STATUS_IS)
		err = -EPROTO;
	if (!err)
		*ret = rep.status;
	return err;
}

/* ---- what it made of a request --------------------------------------- */

static const char *const end_text[] = {
	[CTL_EINVAL] = "upnpd does not know this request; restart it, it may "
		       "be of another version",
	[CTL_EVERSION] = "the upnpd that runs is of another version than this "
			 "upnpctl; restart it",
	[CTL_EPERM] = "upnpd does not talk to you; be root",
	[CTL_EBUSY] = "too many ask upnpd at once; try again",
	[CTL_EREFUSED] = "refused",
	[CTL_ENOENT] = "there is no such mapping; see: upnpctl mappings print",
	[CTL_EFAIL] = "the firewall did not take it; see: upnpctl status",
};

/* What would be right, for what an operator may hear. */
static const struct {
	uint8_t refusal;
	const char *text;
} advice[] = {
	{ REFUSAL_OUTSIDE, "to= takes a host of an internal interface's "
			   "network" },
	{ REFUSAL_ROUTER, "to= takes a host of the LAN; open the router's own "
			  "ports in its firewall" },
	{ REFUSAL_SPECIAL, "to= takes the address of one host" },
	{ REFUSAL_REMOTE, "remote-host= takes the address of one host, or "
			  "leave it out for all" },
	{ REFUSAL_CONFLICT, "take another external-port, or remove that "
			    "mapping first" },
	{ REFUSAL_FULL, "remove some, or raise max-mappings" },
	{ REFUSAL_CLIENT_FULL, "remove some of that host, or raise "
			       "max-mappings-per-client" },
	{ REFUSAL_PORT, "take another external-port" },
	{ REFUSAL_NO_ADDRESS, "see: upnpctl status" },
	{ REFUSAL_FIREWALL, "see: upnpctl status" },
	{ REFUSAL_MONITOR, "see the log of upnpd" },
};

static void put_refusal(struct wr *w, const struct live *l,
			const struct ctl_end *end)
{
	const char *file = l->monitor.file[0] ? l->monitor.file : l->file;

	if (end->refusal == REFUSAL_NONE)
		return;
	wr_fmt(w, ": %s", refusal_text(end->refusal));
	if (end->line)
		wr_fmt(w, ", %s:%u", file, (unsigned)end->line);
	for (size_t i = 0; i < sizeof(advice) / sizeof(*advice); i++)
		if (advice[i].refusal == end->refusal)
			wr_fmt(w, "; %s", advice[i].text);
}

int live_end(const struct live *l, const struct ctl_end *end, const char *what)
{
	char text[PATH_MAX + 512];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (end->err == CTL_OK)
		return CMD_OK;
	if (what)
		wr_fmt(&w, "%s: ", what);
	wr_z(&w, end_text[end->err]);
	if (end->err == CTL_EREFUSED)
		put_refusal(&w, l, end);
	return cmd_fail(CMD_FAULT, "%s", wr_cstr(&w));
}
