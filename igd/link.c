/* SPDX-License-Identifier: ISC */
/*
 * link.c - take the external link up or down for a control point.
 *
 * Owns: the change in progress, of which there is at most one, and the request
 * that waits for it.
 * Runs in: engine
 */
#include "igd/igd.h"
#include "igd/link.h"
#include "igd/upnp_err.h"

int link_change(struct igd *igd, struct igd_call *call, bool up, int fail)
{
	struct igd_wait *w = call->wait;

	/* the state that the caller wants needs no permission */
	if (up && !igd->link_busy && igd->wan.admin_up)
		return UPNP_OK;
	if (!igd->allow_link) {
		igd_refused(igd, REFUSAL_LINK, call->client);
		return UPNP_NOT_AUTHORIZED;
	}
	if (igd->link_busy && !igd->link_to_up)
		return WANIP_DISCONNECT_IN_PROGRESS;
	/* There is no specific code for taking the link down while it comes up
	 * (WANIPConnection:1 2.4.5, ForceTermination). */
	if (igd->link_busy)
		return up ? WANIP_SETUP_IN_PROGRESS : UPNP_ACTION_FAILED;
	if (igd->wan.admin_up == up)
		return up ? UPNP_OK : WANIP_ALREADY_TERMINATED;
	if (!w || !igd->ops->link(igd->ops_arg, up))
		return fail;
	igd->link_busy = true;
	igd->link_sets_internet = false;
	igd->link_to_up = up;
	igd->link_waits = w;
	w->fail = fail;
	return IGD_WAIT;
}

void link_done(struct igd *igd, enum nat_err err)
{
	struct igd_wait *w = igd->link_waits;

	igd->link_busy = false;
	igd->link_waits = NULL;
	if (err == NAT_OK)
		igd->link_off = !igd->link_to_up;
	if (err == NAT_OK && igd->link_sets_internet)
		igd->internet_off = !igd->link_to_up;
	if (w)
		w->done(w, err == NAT_OK ? UPNP_OK : w->fail, 0);
}
