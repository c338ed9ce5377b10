/* SPDX-License-Identifier: ISC */
/*
 * wait.c - the lists of control points that wait, and what else the changes of
 * the table share. Who wakes them is igd.c.
 */
#include "igd/igd.h"

void wait_list_add(struct igd_wait **list, struct igd_wait *w)
{
	while (*list)
		list = &(*list)->next;
	w->next = NULL;
	*list = w;
}

bool wait_list_del(struct igd_wait **list, const struct igd_wait *w)
{
	for (; *list; list = &(*list)->next) {
		if (*list != w)
			continue;
		*list = w->next;
		return true;
	}
	return false;
}

int wait_queue(struct igd *igd, struct igd_wait *w, uint16_t slot, bool owner)
{
	w->slot = slot;
	w->owner = owner;
	wait_list_add(&igd->waiting, w);
	return IGD_WAIT;
}

void igd_gone(struct igd *igd, const struct nat_rule *rule)
{
	igd->update_id++;
	igd->ops->gone(igd->ops_arg, rule);
}

enum refusal igd_may_change(const struct igd *igd,
				const struct pm_entry *e, uint32_t requester_ip)
{
	if (!requester_ip)
		return REFUSAL_NONE;
	if (!e->requester_ip)
		return REFUSAL_OPERATOR;
	if (!igd->policy.secure || igd_is_own(e, requester_ip))
		return REFUSAL_NONE;
	return REFUSAL_OWNER;
}

int igd_deny(struct igd *igd, struct igd_wait *w, const struct refused *r,
	     int code)
{
	if (w) {
		w->refusal = (uint8_t)r->why;
		w->line = r->line;
	}
	if (r->client_ip)
		igd->ops->refused(igd->ops_arg, r);
	return code;
}

bool igd_is_own(const struct pm_entry *e, uint32_t requester_ip)
{
	return e->rule.client.ip == requester_ip ||
	       e->requester_ip == requester_ip;
}
