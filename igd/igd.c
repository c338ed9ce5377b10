/* SPDX-License-Identifier: ISC */
/*
 * igd.c - what the services of the gateway share: its state, refusals, expiry,
 * reading a state variable.
 *
 * Runs in: engine
 */
#include <string.h>
#include "base/wr.h"
#include "igd/upnp_err.h"
#include "igd/igd.h"

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

void igd_init(struct igd *igd, struct portmap *pm)
{
	igd->pm = pm;
	memset(&igd->adds, 0, sizeof(igd->adds));
	igd->adds.burst = igd->adds.per_s = igd->adds_per_s;
	igd->waiting = NULL;
	igd->ready = NULL;
	igd->link_busy = false;
	igd->link_to_up = false;
	igd->update_id = 0;
	igd->range_left = 0;
	igd->range_failed = false;
}

static void expired(void *arg, const struct nat_rule *rule)
{
	igd_gone(arg, rule);
}

uint64_t igd_tick(struct igd *igd, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	portmap_expire(igd->pm, now_ms, &next_ms, expired, igd);
	igd->ops->kick(igd->ops_arg);
	return next_ms;
}

static const struct igd_reader *find_reader(const struct igd_service *svc,
					    const char *name)
{
	const struct igd_reader *r;

	for (r = svc->reader; r->name; r++)
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}

int igd_read(struct igd *igd, const struct igd_service *svc, unsigned n,
	     const struct igd_var *var, uint64_t now_ms, struct wr *wr)
{
	const struct igd_reader *reader = find_reader(svc, var->name);
	struct igd_call call = { .svc = svc, .n = n, .now_ms = now_ms };
	const struct igd_out *out;
	int err;

	if (!reader)
		return UPNP_INVALID_VAR;
	err = reader->get(igd, &call);
	if (err)
		return err;
	out = &call.out[reader->out];
	if (out->s.p)
		wr_str(wr, out->s);
	else
		wr_u64(wr, out->u);
	return UPNP_OK;
}
