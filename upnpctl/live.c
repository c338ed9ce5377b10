/* SPDX-License-Identifier: ISC */
/*
 * live.c - find the running daemon of a configuration, and send it requests.
 *
 * Reads the configuration only for the paths of the socket and the pid file.
 * Errors in a file that was edited while the daemon runs must not prevent a
 * request to the daemon.
 * Runs in: upnpctl
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
#include "upnpctl/source.h"
#include "conf/confedit.h"

/* ---- is the monitor alive? ------------------------------------ */

/* The start time of a process from /proc/PID/stat: field 22, in clock ticks
 * since boot (proc(5)). The name in field 2 may contain any byte, even ')'. For
 * a zombie (field 3 is Z) the time is UINT64_MAX. */
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

/* Is there a process with the monitor's id that started no later than the
 * monitor? One that started later has reused the id. Without /proc only the id
 * is checked. */
static bool is_alive(const struct statusfile *s)
{
	char buf[1024];
	struct wr path = wr_init(buf, sizeof(buf));
	struct str stat;
	uint64_t ticks;
	unsigned long hz = getauxval(AT_CLKTCK);

	if (s->pid <= 0 || (kill(s->pid, 0) && errno != EPERM))
		return false;
	wr_fmt(&path, "/proc/%ld/stat", (long)s->pid);
	if (hz == 0 || fileio_read(AT_FDCWD, wr_cstr(&path), 0, buf,
				   sizeof(buf), &stat) ||
	    !start_ticks(stat, &ticks))
		return true;
	return ticks / hz <= s->since_mono_s + 1;
}

/* ---- paths from the configuration ------------------------------------ */

/* Set one of the two paths if @line sets it and has no errors. */
static void salvage_line(struct conf *c, struct str line)
{
	static struct conf *one;
	struct conf_error why;
	bool is_socket = str_starts(line, STR("control-socket"));

	if (!is_socket && !str_starts(line, STR("pid-file")))
		return;
	CMD_LARGE(one);
	if (conf_parse(line, "", one, &why))
		return;
	if (is_socket)
		str_copy(c->control_socket, sizeof(c->control_socket),
			 str_z(one->control_socket));
	else
		str_copy(c->pid_file, sizeof(c->pid_file),
			 str_z(one->pid_file));
}

/* Read the two paths from a file with errors: the daemon has read the file
 * before it had errors. */
static void salvage(struct conf *c, const char *file)
{
	static char (*text)[CONF_FILE_MAX];
	struct str rest, line;

	CMD_LARGE(text);
	conf_defaults(c);
	fileio_read(AT_FDCWD, file, 0, *text, sizeof(*text), &rest);
	while (str_cut(&rest, '\n', &line))
		salvage_line(c, str_trim(line));
}

/* Name the remedy for a file that could not be read. */
static void explain_file(struct live *l, int err)
{
	char why[sizeof(l->conf_why.text)];
	struct wr w = wr_init_cut(l->conf_why.text, sizeof(why));

	str_copy(why, sizeof(why), str_z(l->conf_why.text));
	if (err == -ENOENT && source_is_missing(l->file)) {
		wr_fmt(&w, "%s does not exist; make it: ", l->file);
		source_put_begin(&w, l->file);
	} else if (err == -EACCES && geteuid()) {
		wr_fmt(&w, "%s; run upnpctl as root", why);
	} else {
		return;
	}
	wr_cstr(&w);
}

void live_refresh(struct live *l, const struct cmd_env *env)
{
	static struct conf *conf;
	char path[PATH_MAX];
	int err;

	CMD_LARGE(conf);
	*l = (struct live){ .file = env->file };
	err = conf_read(env->file, conf, &l->conf_why);
	if (err) {
		l->conf_wrong = true;
		explain_file(l, err);
		salvage(conf, env->file);
	}
	str_copy(l->socket, sizeof(l->socket), str_z(conf->control_socket));
	l->has_rules = conf->rule_n > 0;
	l->monitor_err = statusfile_path(conf->pid_file, path);
	if (!l->monitor_err)
		l->monitor_err = statusfile_read(path, &l->monitor);
	if (!l->monitor_err)
		l->alive = l->monitor.state != STATUS_ENDED &&
			   is_alive(&l->monitor);
	source_reason(env->file, l->reason, sizeof(l->reason));
}

bool live_ended(const struct live *l)
{
	return !l->monitor_err && l->monitor.state == STATUS_ENDED;
}

bool live_idle(const struct live *l)
{
	return live_waits(l) ||
	       (l->alive && l->monitor.state == STATUS_DISABLED);
}

bool live_waits(const struct live *l)
{
	return l->alive && l->monitor.state == STATUS_WAITING;
}

bool live_serves(const struct ctl_status *s)
{
	return s->served == s->protocols;
}

uint64_t live_uptime_s(const struct live *l)
{
	uint64_t now_s = clock_boot_s();

	if (now_s < l->monitor.since_mono_s)
		return 0;
	return now_s - l->monitor.since_mono_s;
}

/* ---- errors as text -------------------------------------------------- */

static void put_not_running(struct wr *w, const struct live *l)
{
	wr_z(w, "upnpd is not running");
	if (l->reason[0])
		wr_fmt(w, ": %s", l->reason);
	else if (live_ended(l) && l->monitor.fault[0])
		wr_fmt(w, ": it ended: %s; see its log, then start it",
		       l->monitor.fault);
	else if (l->conf_wrong)
		wr_fmt(w, ": nothing listens on %s; its configuration has "
		       "an error: %s", l->socket, l->conf_why.text);
	else
		wr_fmt(w, ": nothing listens on %s; start it", l->socket);
}

static const struct {
	int err;
	char text[76];
} error_texts[] = {
	{ ECANCELED, "upnpd runs, but is not enabled; run: upnpctl set "
		     "enabled=yes" },
	{ ECONNRESET, "upnpd closed the connection; see its log, try again" },
	{ EBUSY, "upnpd is serving too many requests; try again" },
	{ EPROTONOSUPPORT, "the running upnpd has a different version from "
			   "this upnpctl; restart it" },
	{ EPROTO, "upnpd's answer is invalid; restart it" },
	{ ENOMEM, "out of memory" },
};

static const struct {
	int err;
	char text[60];		/* after the socket's path */
} socket_errors[] = {
	{ EACCES, "may not be used by this user; run upnpctl as root" },
	{ EPERM, "may not be used by this user; run upnpctl as root" },
	{ ENAMETOOLONG, "is too long for a control-socket; at most 107 bytes" },
	{ EPROTOTYPE, "is not a socket of upnpd; set control-socket" },
};

void live_error_text(struct wr *w, const struct live *l, int err)
{
	size_t i;

	if (err == -ENOENT || err == -ECONNREFUSED) {
		put_not_running(w, l);
		return;
	}
	if (err == -ECANCELED && live_waits(l)) {
		wr_z(w, "upnpd runs, but serves nothing until an external and "
		     "an internal interface are enabled; see: upnpctl "
		     "interfaces print");
		return;
	}
	if (err == -ETIMEDOUT) {
		wr_fmt(w, "upnpd did not answer within %u s; see its log",
		       CTLCLIENT_WAIT_MS / 1000);
		return;
	}
	for (i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++)
		if (error_texts[i].err == -err) {
			wr_z(w, error_texts[i].text);
			return;
		}
	wr_fmt(w, "%s ", l->socket);
	for (i = 0; i < sizeof(socket_errors) / sizeof(socket_errors[0]); i++)
		if (socket_errors[i].err == -err) {
			wr_z(w, socket_errors[i].text);
			return;
		}
	wr_fmt(w, "cannot be used: %s", strerror(-err));
}

int live_fail(const struct live *l, int err)
{
	char text[1024 + STATUS_TEXT_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	live_error_text(&w, l, err);
	return cmd_fail(CMD_FAULT, "%s", wr_cstr(&w));
}

int live_request(const struct live *l, const struct ctl_req *req,
		 unsigned kinds,
		 int (*handle)(void *arg, const struct ctl_rep *), void *arg,
		 struct ctl_end *ret_end)
{
	if (live_idle(l))
		return -ECANCELED;
	return ctlclient_request(l->socket, req, kinds, handle, arg, ret_end);
}

static int store_status(void *arg, const struct ctl_rep *rep)
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
	int err = live_request(l, &req, CTLCLIENT_KIND(CTL_STATUS_IS),
			       store_status, &rep, &end);

	if (!err)
		err = errors[end.err];
	if (!err && rep.kind != CTL_STATUS_IS)
		err = -EPROTO;
	if (!err)
		*ret = rep.status;
	return err;
}

/* ---- results of a request --------------------------------------- */

static const char *const end_text[] = {
	[CTL_EINVAL] = "upnpd does not know this request, perhaps because it "
		       "has a different version; restart it",
	[CTL_EVERSION] = "the running upnpd has a different version from this "
			 "upnpctl; restart it",
	[CTL_EPERM] = "upnpd does not serve this user; run upnpctl as root",
	[CTL_EBUSY] = "upnpd is serving too many requests; try again",
	[CTL_EREFUSED] = "refused",
	[CTL_ENOENT] = "there is no such mapping; see: upnpctl mappings print",
	[CTL_EFAIL] = "the firewall did not accept it; see: upnpctl status",
};

/* The operator's remedy for a refusal. */
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
	{ REFUSAL_CONFLICT, "choose another external-port, or remove that "
			    "mapping first" },
	{ REFUSAL_FULL, "remove some, or raise max-mappings" },
	{ REFUSAL_CLIENT_FULL, "remove some of that host, or raise "
			       "max-mappings-per-client" },
	{ REFUSAL_PINHOLES, "remove some, or raise max-pinholes" },
	{ REFUSAL_KIND, "pinholes need ipv6=yes and max-pinholes above 0" },
	{ REFUSAL_PORT, "choose another external-port" },
	{ REFUSAL_FORWARDED, "the log of upnpd names the rule; choose another "
			     "external-port, or remove the rule" },
	{ REFUSAL_BLOCKED, "the log of upnpd names the rule" },
	{ REFUSAL_NO_ADDRESS, "see: upnpctl status" },
	{ REFUSAL_FIREWALL, "see: upnpctl status" },
	{ REFUSAL_UPSTREAM, "see: upnpctl status" },
	{ REFUSAL_UPSTREAM_PORT, "choose another external-port" },
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

int live_report_end(const struct live *l, const struct ctl_end *end,
		    const char *what)
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
