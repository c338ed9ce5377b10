/* SPDX-License-Identifier: ISC */
/*
 * resync.c - "resync": make the daemon verify and repair the firewall now.
 * Runs in: upnpctl
 */
#include <poll.h>
#include "base/limits.h"
#include "upnpctl/ctlclient.h"
#include "upnpctl/json.h"
#include "upnpctl/live.h"
#include "upnpctl/out.h"

/* The monitor writes the reason to its status file shortly after the answer. */
static int report_fault(const struct cmd *c)
{
	struct live l;

	for (int i = 0; i < 10; i++) {
		live_refresh(&l, c->env);
		if (l.monitor.firewall_fault[0] || !l.alive)
			break;
		poll(NULL, 0, CTLCLIENT_RETRY_MS);
	}
	if (!l.monitor.firewall_fault[0])
		return cmd_fail(CMD_FAULT, "the firewall could not be "
				"repaired; see upnpd's log");
	return cmd_fail(CMD_FAULT, "the firewall could not be repaired: %s",
			l.monitor.firewall_fault);
}

int resync_run(struct cmd *c)
{
	struct ctl_req req = { .verb = CTL_VERIFY };
	struct ctl_end end;
	struct live l;
	int err;

	live_refresh(&l, c->env);
	err = live_request(&l, &req, 0, NULL, NULL, &end);
	if (err)
		return live_fail(&l, err);
	if (end.err == CTL_EFAIL)
		return report_fault(c);
	if (end.err == CTL_OK && c->env->json) {
		json_object(NULL);
		json_bool("repaired", end.repaired);
		json_end();
	} else if (end.err == CTL_OK) {
		out_str(end.repaired ?
			STR("repaired: rules had been changed or lost\n") :
			STR("the firewall is as it should be\n"));
	}
	return live_report_end(&l, &end, NULL);
}
