/* SPDX-License-Identifier: ISC */
/*
 * check_daemon.c - check that the daemon runs, and report the faults in its
 * monitor's status file. Runs in: upnpctl
 */
#include <string.h>
#include "upnpctl/check.h"
#include "upnpctl/live.h"
#include "upnpctl/reload.h"

/* The port of the running engine; without one, the configured port. An ordinary
 * user may not ask the engine. */
static void read_http_port(struct check *c, const struct live *l)
{
	struct ctl_status status;

	c->http_port = (uint16_t)c->conf.http_port;
	if (!c->serving || live_engine(l, &status))
		return;
	if (status.http_port)
		c->http_port = (uint16_t)status.http_port;
	c->status = status;
}

void check_daemon(struct check *c)
{
	const char *mine = c->env->file;
	struct live l;
	const struct statusfile *s = &l.monitor;

	live_refresh(&l, c->env);
	if (!l.alive && *l.reason)
		check_report(c, CHECK_PROBLEM, "upnpd is not running: %s\n"
			     "Correct the cause; then: /etc/init.d/upnpd start",
			     l.reason);
	else if (!l.alive && live_ended(&l) && *s->fault)
		check_report(c, CHECK_PROBLEM, "upnpd stopped: %s\n"
			     "Correct the cause and start upnpd again",
			     s->fault);
	else if (!l.alive)
		check_report(c, CHECK_WARNING, "upnpd is not running: the "
			     "programs on the LAN get no answer\n"
			     "Start it; if it stops again, the system log has "
			     "the reason");
	c->serving = l.alive && s->state == STATUS_SERVING &&
		     reload_same_file(s, mine);
	read_http_port(c, &l);
	if (!l.alive)
		return;
	c->daemon = s->pid;
	str_copy(c->backend_run, sizeof(c->backend_run), str_z(s->backend));
	if (*s->file == '/' && strcmp(s->file, mine) &&
	    !reload_same_file(s, mine))
		check_report(c, CHECK_WARNING, "the upnpd that runs reads %s: "
			     "%s has no effect\n"
			     "Use -f %s, or start upnpd with the other file",
			     s->file, mine, s->file);
	if (*l.reason)
		check_report(c, CHECK_WARNING, "the previous configuration is "
			     "in use: %s\n"
			     "Correct the cause; then: /etc/init.d/upnpd "
			     "reload", l.reason);
	if (*s->reload_fault)
		check_report(c, CHECK_WARNING, "the last reload failed, and "
			     "the previous configuration is in use: %s\n"
			     "Correct the file and reload: kill -HUP %ld",
			     s->reload_fault, (long)s->pid);
	if (*s->firewall_fault)
		check_report(c, CHECK_PROBLEM, "the firewall did not accept "
			     "upnpd's rules: %s\n"
			     "Correct the cause; upnpctl resync tries again",
			     s->firewall_fault);
	check_report_ok(c, "upnpd runs, process %ld", (long)c->daemon);
}
