/* SPDX-License-Identifier: ISC */
/*
 * wait.c - the queue of requests that wait for the kernel.
 *
 * Owns: the queue. A request waits for its own operation in the mapping table
 * and gets that operation's result; or for another's operation on the same key,
 * and starts over when that one is done; or for the link.
 * Never does: write into a wait after its done() was called: the owner may have
 * freed it or used it again.
 *
 * Runs in: engine
 */
#include <string.h>
#include "igd/anyport.h"
#include "igd/igd.h"
#include "igd/wait.h"
#include "igd/range.h"
#include "igd/upnp_err.h"
#include "igd/waitlist.h"

static struct igd_wait *list_pop(struct igd_wait **list)
{
	struct igd_wait *w = *list;

	if (w)
		*list = w->next;
	return w;
}

/* ---- add and delete ------------------------------------------------ */

/* Version 1 has no code for a table that is full; RFC 6970 gives lack of
 * resources as 501. */
static int full(unsigned version)
{
	return version < 2 ? UPNP_ACTION_FAILED : WANIP_NO_PORT_MAPS;
}

/* What @w asked for is refused for @why. */
static int deny(struct igd *igd, struct igd_wait *w, enum refusal why,
		int code)
{
	const struct refused r = {
		.why = why,
		.client_ip = w->req.requester_ip,
		.rule = w->req.rule,
	};

	return igd_deny(igd, w, &r, code);
}

static int add_failed(struct igd *igd, struct igd_wait *w, enum nat_err err)
{
	switch (err) {
	case NAT_EREFUSED:
		return deny(igd, w, REFUSAL_FIREWALL,
			    upnp_err_refused(w->version));
	case NAT_ECONFLICT:
		return deny(igd, w, REFUSAL_PORT,
			    w->version < 2 ? WANIP_CONFLICT
					   : WANIP_OTHER_MECHANISM);
	case NAT_ENOSPC:
		return deny(igd, w, REFUSAL_FULL, full(w->version));
	case NAT_ENOADDR:
		return deny(igd, w, REFUSAL_NO_ADDRESS, UPNP_ACTION_FAILED);
	default:
		return deny(igd, w, REFUSAL_FIREWALL, UPNP_ACTION_FAILED);
	}
}

static int op_result(struct igd *igd, struct igd_wait *w, enum nat_err err)
{
	if (err == NAT_OK)
		return UPNP_OK;
	if (w->what == IGD_WAIT_DELETE)
		return deny(igd, w, REFUSAL_FIREWALL, UPNP_ACTION_FAILED);
	return add_failed(igd, w, err);
}

static void tell_stored(struct igd *igd, uint16_t slot)
{
	if (slot == PM_NONE)
		return;
	igd->update_id++;
	igd->ops->stored(igd->ops_arg, portmap_entry(igd->pm, slot));
}

static int wait_for_op(struct igd *igd, struct igd_wait *w, uint16_t slot,
		       bool owner)
{
	waitlist_queue(igd, w, slot, owner);
	if (owner)
		igd->ops->kick(igd->ops_arg);
	return IGD_WAIT;
}

/* The operator's mapping, if that is what @w would overwrite. */
static const struct pm_entry *operators(const struct igd *igd,
					const struct igd_wait *w)
{
	const struct pm_entry *e = NULL;

	if (w->req.requester_ip)
		e = portmap_entry(igd->pm, portmap_find(igd->pm,
							&w->req.rule));
	return e && !e->requester_ip ? e : NULL;
}

/* It stays as it is. A client that wants just what it does has what it
 * wants. */
static int add_over_operators(struct igd *igd, struct igd_wait *w,
			      const struct pm_entry *e)
{
	uint16_t slot = PM_NONE;
	int res;

	if (!e->enabled || !w->req.enabled ||
	    !nat_rule_equal(&e->rule, &w->req.rule))
		return deny(igd, w, REFUSAL_OPERATOR, WANIP_CONFLICT);
	res = portmap_reconfirm(igd->pm, portmap_find(igd->pm, &e->rule),
				&slot);
	switch (res) {
	case PM_DONE:
		return UPNP_OK;
	case PM_STARTED:
	case PM_BUSY:
		return wait_for_op(igd, w, slot, res == PM_STARTED);
	default:
		return deny(igd, w, REFUSAL_FIREWALL, UPNP_ACTION_FAILED);
	}
}

static int start_add(struct igd *igd, struct igd_wait *w, uint64_t now_ms)
{
	const struct pm_entry *theirs = operators(igd, w);
	uint16_t slot = PM_NONE;
	int res;

	if (theirs)
		return add_over_operators(igd, w, theirs);
	res = portmap_add(igd->pm, &w->req, now_ms, &slot);
	switch (res) {
	case PM_DONE:
		tell_stored(igd, portmap_find(igd->pm, &w->req.rule));
		return UPNP_OK;
	case PM_STARTED:
	case PM_BUSY:
		return wait_for_op(igd, w, slot, res == PM_STARTED);
	case REFUSAL_CONFLICT:
		return deny(igd, w, REFUSAL_CONFLICT, WANIP_CONFLICT);
	case REFUSAL_FULL:
		return deny(igd, w, REFUSAL_FULL, full(w->version));
	case REFUSAL_CLIENT_FULL:
		return deny(igd, w, REFUSAL_CLIENT_FULL, full(w->version));
	default:
		return deny(igd, w, REFUSAL_FIREWALL, UPNP_ACTION_FAILED);
	}
}

/*
 * In secure mode a mapping is its client's, and that of who asked for it.
 * Version 1 has no code for "not yours": 718 would make no sense here, so the
 * mapping is one that the requester can not see.
 */
static int may_delete(struct igd *igd, struct igd_wait *w,
		      const struct pm_entry *e)
{
	enum refusal why = igd_may_change(igd, e, w->req.requester_ip);

	if (why == REFUSAL_NONE)
		return UPNP_OK;
	return deny(igd, w, why, w->version < 2 ? WANIP_NO_SUCH_ENTRY
						: UPNP_NOT_AUTHORIZED);
}

static int start_delete(struct igd *igd, struct igd_wait *w)
{
	uint16_t slot = portmap_find(igd->pm, &w->req.rule);
	struct nat_rule rule;
	int res;
	int err;

	if (slot == PM_NONE)
		return WANIP_NO_SUCH_ENTRY;
	err = may_delete(igd, w, portmap_entry(igd->pm, slot));
	if (err)
		return err;
	rule = portmap_entry(igd->pm, slot)->rule;
	res = portmap_delete(igd->pm, slot, &slot);
	switch (res) {
	case PM_DONE:
		igd_gone(igd, &rule);
		return UPNP_OK;
	case PM_STARTED:
	case PM_BUSY:
		return wait_for_op(igd, w, slot, res == PM_STARTED);
	case REFUSAL_NOT_FOUND:
		return WANIP_NO_SUCH_ENTRY;
	default:
		return UPNP_ACTION_FAILED;
	}
}

static int start_any(struct igd *igd, struct igd_wait *w, uint64_t now_ms)
{
	int err = anyport_pick(igd, w);

	return err ? err : start_add(igd, w, now_ms);
}

int wait_start(struct igd *igd, struct igd_wait *w, uint64_t now_ms)
{
	switch (w->what) {
	case IGD_WAIT_ADD:
		return start_add(igd, w, now_ms);
	case IGD_WAIT_ANY:
		return start_any(igd, w, now_ms);
	case IGD_WAIT_RANGE:
		return range_start(igd, w);
	default:
		return start_delete(igd, w);
	}
}

/* ---- answers of the monitor ---------------------------------------- */

static void tell_change(struct igd *igd, enum pm_change change, uint16_t slot,
			const struct nat_rule *gone)
{
	if (change == PM_ADDED || change == PM_UPDATED)
		tell_stored(igd, slot);
	else if (change == PM_REMOVED)
		igd_gone(igd, gone);
}

/* Take all that wait for @slot (never PM_NONE, which is the link's) off the
 * queue: the owner is returned, the others stand behind those that are ready
 * already. */
static struct igd_wait *take_waits(struct igd *igd, uint16_t slot)
{
	struct igd_wait **at = &igd->waiting, *w, *owner = NULL;

	while ((w = *at)) {
		if (w->slot != slot) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		if (w->owner)
			owner = w;
		else
			waitlist_add(&igd->ready, w);
	}
	return owner;
}

/*
 * A done() may cancel waits or start new ones: those that are to be tried
 * again stand in a list of the igd's, where wait_cancel() finds them, and
 * one that has to wait once more goes to the other list.
 */
static void try_again(struct igd *igd, uint64_t now_ms)
{
	struct igd_wait *w;
	int err;

	while ((w = list_pop(&igd->ready))) {
		err = wait_start(igd, w, now_ms);
		if (err != IGD_WAIT)
			w->done(w, err, w->req.rule.ext_port);
	}
}

/* The router itself has that port; the table can not know which. One that asked
 * for any port tries another one. */
static bool try_another(struct igd *igd, struct igd_wait *w, enum nat_err err)
{
	if (w->what != IGD_WAIT_ANY || err != NAT_ECONFLICT ||
	    ++w->tries >= PM_ANY_TRIES)
		return false;
	w->asked = 0;
	waitlist_add(&igd->ready, w);
	return true;
}

void wait_nat_done(struct igd *igd, uint32_t id, enum nat_err err,
		  uint64_t now_ms)
{
	struct nat_rule gone;
	uint16_t slot = PM_NONE;
	enum pm_change change;
	struct igd_wait *owner, *ranger;

	memset(&gone, 0, sizeof(gone));
	change = portmap_done(igd->pm, id, err, now_ms, &slot, &gone);
	if (slot == PM_NONE)
		return;
	tell_change(igd, change, slot, &gone);
	owner = take_waits(igd, slot);
	ranger = range_done(igd, slot, err);
	if (owner && !try_another(igd, owner, err))
		owner->done(owner, op_result(igd, owner, err),
			    owner->req.rule.ext_port);
	if (ranger)
		ranger->done(ranger, igd->range_failed ? UPNP_ACTION_FAILED
						       : UPNP_OK, 0);
	try_again(igd, now_ms);
}

void wait_cancel(struct igd *igd, struct igd_wait *w)
{
	if (!waitlist_del(&igd->waiting, w))
		waitlist_del(&igd->ready, w);
}

/* ---- the link ------------------------------------------------------ */

/* Another change is under way. One down while it comes up has no code of its
 * own (WANIPConnection:1 2.4.5, ForceTermination). */
static int link_is_busy(const struct igd *igd, bool up)
{
	if (!igd->link_to_up)
		return WANIP_DISCONNECT_IN_PROGRESS;
	return up ? WANIP_SETUP_IN_PROGRESS : UPNP_ACTION_FAILED;
}

int wait_link(struct igd *igd, struct igd_call *call, bool up, int fail)
{
	const struct refused no = {
		.why = REFUSAL_LINK, .client_ip = call->client_ip,
	};
	struct igd_wait *w = call->wait;

	if (!igd->allow_link)
		return igd_deny(igd, w, &no, UPNP_NOT_AUTHORIZED);
	if (igd->link_busy)
		return link_is_busy(igd, up);
	if (igd->wan.admin_up == up)
		return up ? UPNP_OK : WANIP_ALREADY_TERMINATED;
	if (!w || !igd->ops->link(igd->ops_arg, up))
		return fail;
	igd->link_busy = true;
	igd->link_to_up = up;
	w->what = IGD_WAIT_LINK;
	w->fail = fail;
	w->req.rule.ext_port = 0;
	return waitlist_queue(igd, w, PM_NONE, true);
}

void wait_link_done(struct igd *igd, enum nat_err err)
{
	struct igd_wait *w = igd->waiting;

	igd->link_busy = false;
	while (w && w->what != IGD_WAIT_LINK)
		w = w->next;
	if (!w)
		return;
	waitlist_del(&igd->waiting, w);
	w->done(w, err == NAT_OK ? UPNP_OK : w->fail, 0);
}
