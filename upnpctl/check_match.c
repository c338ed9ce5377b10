/* SPDX-License-Identifier: ISC */
/*
 * check_match.c - match the conditions of a rule against the two flows.
 * Runs in: upnpctl
 */
#include "upnpctl/check_match.h"

struct check_match check_match_init(const struct check_rules_flow *flow)
{
	uint32_t all = (uint32_t)((UINT64_C(1) << flow->n) - 1);

	return (struct check_match){ flow, all, all, all };
}

void check_match_add(struct check_match *m, enum check_hold in,
		     enum check_hold out)
{
	if (in == CHECK_NEVER)
		m->in = 0;
	if (in != CHECK_ALWAYS)
		m->sure = 0;
	if (out == CHECK_NEVER)
		m->out = 0;
}

void check_match_unknown(struct check_match *m)
{
	check_match_add(m, CHECK_MAYBE, CHECK_MAYBE);
}

void check_match_iface(struct check_match *m, bool in, bool ext, uint32_t nets)
{
	uint32_t outer = ext ? ~(uint32_t)0 : 0;

	m->in &= in ? outer : nets;
	m->sure &= m->in;
	m->out &= in ? nets : outer;
}

/* ---- addresses -------------------------------------------------------- */

static void cover(struct check_cover *c, uint32_t lo, uint32_t hi,
		  uint32_t first, uint32_t last)
{
	c->all |= lo <= first && hi >= last;
	c->some |= lo <= last && hi >= first;
}

void check_match_range(struct check_ranges *r,
		       const struct check_rules_flow *flow, uint32_t lo,
		       uint32_t hi)
{
	cover(&r->any, lo, hi, 0, UINT32_MAX);
	for (size_t i = 0; i < flow->n; i++) {
		const struct netif_addr *net = &flow->net[i];

		cover(&r->net[i], lo, hi,
		      addr_to_ip4(addr_net_first(&net->net)),
		      addr_to_ip4(addr_net_last(&net->net)));
	}
}

/* Match the internal end of the flow. */
static void inner_end(const struct check_match *m, bool negate,
		      const struct check_ranges *r, uint32_t *may,
		      uint32_t *sure)
{
	for (size_t i = 0; i < m->flow->n; i++) {
		bool all = r->net[i].all;
		bool none = !r->net[i].some && !r->unknown;
		uint32_t bit = UINT32_C(1) << i;

		if (negate ? all : none)
			*may &= ~bit;
		if (!(negate ? none : all))
			*sure &= ~bit;
	}
}

void check_match_addr(struct check_match *m, bool source, bool negate,
		      const struct check_ranges *r)
{
	/* Match the external end. A rule for some addresses of the Internet
	 * does not count as a rule for the Internet. */
	bool outer = negate || r->any.all;
	uint32_t unused = 0;

	if (source) {
		inner_end(m, negate, r, &m->out, &unused);
		m->sure &= outer ? m->sure : 0;
		return;
	}
	inner_end(m, negate, r, &m->in, &m->sure);
	m->sure &= m->in;
	m->out = outer ? m->out : 0;
}
