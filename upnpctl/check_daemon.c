/* SPDX-License-Identifier: ISC */
/*
 * check_daemon.c - check of the daemon that runs: is there one, and what does
 * its monitor complain of?
 *
 * Runs in: upnpctl
 */
#include <string.h>
#include "upnpctl/check.h"
#include "upnpctl/live.h"

static void other_file(struct check *c, const struct statusfile *s)
{
	const char *mine = c->env->file;

	if (*s->file == '/' && *mine == '/' && strcmp(s->file, mine))
		check_report(c, CHECK_WARNING, "the upnpd that runs reads %s: "
			  "what stands in %s does not count\n"
			  "Ask with -f %s, or start upnpd with the other file",
			  s->file, mine, s->file);
}

static void complaints(struct check *c, const struct statusfile *s)
{
	if (*s->reload_fault)
		check_report(c, CHECK_WARNING, "the last reload failed, the "
			  "configuration before is in force: %s\n"
			  "Put that right and reload: kill -HUP %ld",
			  s->reload_fault, (long)s->pid);
	if (*s->firewall_fault)
		check_report(c, CHECK_PROBLEM, "the firewall did not take "
			  "upnpd's rules: %s\nSee what that tool needs; "
			  "upnpctl resync tries again", s->firewall_fault);
}

static void not_running(struct check *c, const struct live *l)
{
	if (live_ended(l) && *l->monitor.fault)
		check_report(c, CHECK_PROBLEM, "upnpd gave up: %s\n"
			  "Put that right and start it again",
			  l->monitor.fault);
	else
		check_report(c, CHECK_WARNING, "upnpd does not run: nobody "
			  "answers the programs on the LAN\nStart it; where "
			  "it does not stay, the system log says why");
}

void check_daemon(struct check *c)
{
	struct live l;

	live_refresh(&l, c->env);
	if (!l.alive) {
		not_running(c, &l);
		return;
	}
	c->daemon = l.monitor.pid;
	str_copy(c->backend_run, sizeof(c->backend_run),
		 str_z(l.monitor.backend));
	other_file(c, &l.monitor);
	complaints(c, &l.monitor);
	check_report_ok(c, "upnpd runs, process %ld", (long)c->daemon);
}
