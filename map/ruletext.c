/* SPDX-License-Identifier: ISC */
/* ruletext.c - write the parts of a rule for the log. Runs in: any */
#include "map/ruletext.h"

static void put_port(struct wr *w, uint16_t port)
{
	if (port)
		wr_fmt(w, ":%u", port);
	else
		wr_z(w, ":*");
}

void ruletext_ports(struct wr *w, const struct nat_rule *r)
{
	wr_fmt(w, "protocol=%s", nat_rule_proto(r->proto));
	if (r->kind == NAT_PORTMAP)
		wr_fmt(w, " external-port=%u", r->ext_port);
}

void ruletext_to(struct wr *w, const struct nat_rule *r)
{
	if (!addr_is_set(r->client))
		return;
	wr_z(w, "to=");
	addr_host_write(w, r->client);
	put_port(w, r->int_port);
}

void ruletext_remote(struct wr *w, const struct nat_rule *r)
{
	if (!addr_is_set(r->remote) && !r->remote_port)
		return;
	wr_z(w, "remote-host=");
	if (addr_is_set(r->remote))
		addr_host_write(w, r->remote);
	else
		wr_ch(w, '*');
	if (r->remote_port)
		put_port(w, r->remote_port);
}

void ruletext_put(struct wr *w, const struct nat_rule *r)
{
	ruletext_ports(w, r);
	if (addr_is_set(r->client))
		wr_ch(w, ' ');
	ruletext_to(w, r);
	if (addr_is_set(r->remote) || r->remote_port)
		wr_ch(w, ' ');
	ruletext_remote(w, r);
}
