/* SPDX-License-Identifier: ISC */
/*
 * check_daemon.c - checks of the running daemon: does it run, and which faults
 * does its monitor report?
 *
 * Runs in: upnpctl
 */
#include <string.h>
#include "upnpctl/check.h"
#include "upnpctl/live.h"

static void check_file(struct check *c, const struct statusfile *s)
{
	const char *mine = c->env->file;

	if (*s->file == '/' && *mine == '/' && strcmp(s->file, mine))
		check_report(c, CHECK_WARNING, "the upnpd that runs reads %s: "
			  "%s has no effect\n"
			  "Use -f %s, or start upnpd with the other file",
			  s->file, mine, s->file);
}

static void report_faults(struct check *c, const struct statusfile *s)
{
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
}

static void report_not_running(struct check *c, const struct live *l)
{
	if (live_ended(l) && *l->monitor.fault)
		check_report(c, CHECK_PROBLEM, "upnpd stopped: %s\n"
			  "Correct the cause and start upnpd again",
			  l->monitor.fault);
	else
		check_report(c, CHECK_WARNING, "upnpd does not run: the "
			  "programs on the LAN get no answer\nStart it; if it "
			  "stops again, the system log has the reason");
}

void check_daemon(struct check *c)
{
	struct live l;

	live_refresh(&l, c->env);
	if (!l.alive) {
		report_not_running(c, &l);
		return;
	}
	c->daemon = l.monitor.pid;
	str_copy(c->backend_run, sizeof(c->backend_run),
		 str_z(l.monitor.backend));
	check_file(c, &l.monitor);
	report_faults(c, &l.monitor);
	check_report_ok(c, "upnpd runs, process %ld", (long)c->daemon);
}
