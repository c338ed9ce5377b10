/* SPDX-License-Identifier: ISC */
/*
 * operator.c - mappings that the operator makes, by the same checks as a
 * control point's.
 */
#include "igd/igd.h"

int igd_operator_add(struct igd *igd, struct igd_wait *w, uint64_t now_ms)
{
	struct igd_refused r = { .rule = w->req.rule };
	enum policy_verdict v;

	w->what = IGD_WAIT_ADD;
	w->version = 2;
	v = policy_check(&igd->policy, &r.rule, 0, &r.line);
	r.why = (enum igd_refusal)v;
	if (v != POLICY_OK)
		return igd_deny(igd, w, &r, igd_refuse(w->version));
	return igd_start(igd, w, now_ms);
}
