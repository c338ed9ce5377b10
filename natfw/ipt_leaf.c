/* SPDX-License-Identifier: ISC */
/* ipt_leaf.c - numbers, names and jumps of the leaves. Pure. Runs in: any */
#include <netinet/in.h>
#include "base/wr.h"
#include "natfw/ipt_leaf.h"

#define PER_PROTO	(IPT_LEAF_REST / 2)
#define PORTS		(65536 / PER_PROTO)

/* ---- sets ---------------------------------------------------------------- */

bool ipt_leaf_has(const struct ipt_leaves *l, enum ipt_chain chain,
		  unsigned leaf)
{
	return l->bits[chain][leaf / 64] >> leaf % 64 & 1;
}

void ipt_leaf_add(struct ipt_leaves *l, enum ipt_chain chain, unsigned leaf)
{
	l->bits[chain][leaf / 64] |= (uint64_t)1 << leaf % 64;
}

void ipt_leaf_count_add(struct ipt_leaf_count *c, const struct nat_rule *r)
{
	for (int chain = 0; chain < IPT_CHAINS; chain++)
		if (ipt_rule_specs[chain].kind == r->kind)
			c->n[chain][ipt_leaf_of(chain, r)]++;
}

void ipt_leaf_count_del(struct ipt_leaf_count *c, const struct nat_rule *r)
{
	for (int chain = 0; chain < IPT_CHAINS; chain++)
		if (ipt_rule_specs[chain].kind == r->kind)
			c->n[chain][ipt_leaf_of(chain, r)]--;
}

struct ipt_leaves ipt_leaf_used(const struct ipt_leaf_count *c)
{
	struct ipt_leaves ret = { 0 };

	for (int chain = 0; chain < IPT_CHAINS; chain++)
		for (unsigned leaf = 0; leaf < IPT_LEAVES; leaf++)
			if (c->n[chain][leaf])
				ipt_leaf_add(&ret, chain, leaf);
	return ret;
}

struct ipt_leaves ipt_leaf_minus(const struct ipt_leaves *a,
				 const struct ipt_leaves *b)
{
	struct ipt_leaves ret;

	for (int chain = 0; chain < IPT_CHAINS; chain++)
		for (int i = 0; i < IPT_LEAF_WORDS; i++)
			ret.bits[chain][i] = a->bits[chain][i] &
					     ~b->bits[chain][i];
	return ret;
}

/* ---- one ----------------------------------------------------------------- */

/* The leaf depends on the port that the rules of that chain match. */
unsigned ipt_leaf_of(enum ipt_chain chain, const struct nat_rule *r)
{
	bool ext = chain == IPT_ACCEPT || chain == IPT_DNAT;
	unsigned port = ext ? r->ext_port : r->int_port;

	if (chain == IPT_ACCEPT6 &&
	    (!port || (r->proto != IPPROTO_TCP && r->proto != IPPROTO_UDP)))
		return IPT_LEAF_REST;
	return (r->proto == IPPROTO_TCP ? 0 : PER_PROTO) + port / PORTS;
}

static const char *proto_name(unsigned leaf)
{
	return leaf < PER_PROTO ? "tcp" : "udp";
}

/* No mapping has port 0, and some versions print a range that begins with 0 in
 * another form. */
static unsigned first_port(unsigned leaf)
{
	unsigned port = leaf % PER_PROTO * PORTS;

	return port ? port : 1;
}

void ipt_leaf_name(struct wr *w, enum ipt_chain chain, unsigned leaf)
{
	const char *name = ipt_rule_specs[chain].chain;

	if (leaf == IPT_LEAF_REST)
		wr_fmt(w, "%s-rest", name);
	else
		wr_fmt(w, "%s-%s-%u", name, proto_name(leaf),
		       first_port(leaf));
}

void ipt_leaf_jump(struct wr *w, enum ipt_chain chain, unsigned leaf)
{
	const char *proto = proto_name(leaf);

	if (leaf != IPT_LEAF_REST) {
		if (chain == IPT_ACCEPT || chain == IPT_ACCEPT6)
			wr_fmt(w, " -m conntrack --ctproto %d --ctorigdstport",
			       leaf < PER_PROTO ? IPPROTO_TCP : IPPROTO_UDP);
		else
			wr_fmt(w, " -p %s -m %s --%cport", proto, proto,
			       chain == IPT_SNAT ? 's' : 'd');
		wr_fmt(w, " %u:%u", first_port(leaf),
		       leaf % PER_PROTO * PORTS + PORTS - 1);
	}
	wr_z(w, " -j ");
	ipt_leaf_name(w, chain, leaf);
	wr_ch(w, '\n');
}

/* ---- in a listing -------------------------------------------------------- */

bool ipt_leaf_read(struct str name, enum ipt_chain chain, unsigned *ret)
{
	struct str rest = name, head = str_z(ipt_rule_specs[chain].chain);
	unsigned proto = 0;
	uint32_t port;
	char buf[32];
	struct wr w = wr_init(buf, sizeof(buf));

	if (!str_starts(rest, head))
		return false;
	rest = str_skip(rest, head.n);
	if (chain == IPT_ACCEPT6 && str_eq(rest, STR("-rest"))) {
		*ret = IPT_LEAF_REST;
		return true;
	}
	if (str_starts(rest, STR("-udp-")))
		proto = PER_PROTO;
	if (str_u32(str_skip(rest, 5), 1, UINT16_MAX, &port))
		return false;
	ipt_leaf_name(&w, chain, proto + port / PORTS);
	if (!str_eq(name, wr_done(&w)))
		return false;
	*ret = proto + port / PORTS;
	return true;
}

bool ipt_leaf_is_ours(struct str name)
{
	unsigned leaf;

	for (int chain = 0; chain < IPT_CHAINS; chain++)
		if (str_eq(name, str_z(ipt_rule_specs[chain].chain)) ||
		    ipt_leaf_read(name, chain, &leaf))
			return true;
	return false;
}
