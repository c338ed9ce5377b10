/* SPDX-License-Identifier: ISC */
/*
 * operator.c - mappings that the operator makes, by the same checks as a
 * control point's.
 */
#include "igd/igd.h"
#include "igd/operator.h"
#include "igd/upnp_err.h"
#include "igd/wait.h"

int operator_add(struct igd *igd, struct igd_wait *w, uint64_t now_ms)
{
	struct refused r = { .rule = w->req.rule };
	enum refusal v;

	w->what = IGD_WAIT_ADD;
	w->version = 2;
	v = policy_check(&igd->policy, &r.rule, 0, &r.line);
	r.why = (enum refusal)v;
	if (v != REFUSAL_NONE)
		return igd_deny(igd, w, &r, upnp_err_refused(w->version));
	return wait_start(igd, w, now_ms);
}
