/* SPDX-License-Identifier: ISC */
/*
 * check_daemon.c - check that the daemon runs, and report the faults in its
 * monitor's status file. Runs in: upnpctl
 */
#include <string.h>
#include "upnpctl/check.h"
#include "upnpctl/live.h"

void check_daemon(struct check *c)
{
	const char *mine = c->env->file;
	struct live l;
	const struct statusfile *s = &l.monitor;

	live_refresh(&l, c->env);
	if (!l.alive && live_ended(&l) && *s->fault)
		check_report(c, CHECK_PROBLEM, "upnpd stopped: %s\n"
			     "Correct the cause and start upnpd again",
			     s->fault);
	else if (!l.alive)
		check_report(c, CHECK_WARNING, "upnpd is not running: the "
			     "programs on the LAN get no answer\n"
			     "Start it; if it stops again, the system log has "
			     "the reason");
	if (!l.alive)
		return;
	c->daemon = s->pid;
	str_copy(c->backend_run, sizeof(c->backend_run), str_z(s->backend));
	if (*s->file == '/' && *mine == '/' && strcmp(s->file, mine))
		check_report(c, CHECK_WARNING, "the upnpd that runs reads %s: "
			     "%s has no effect\n"
			     "Use -f %s, or start upnpd with the other file",
			     s->file, mine, s->file);
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
