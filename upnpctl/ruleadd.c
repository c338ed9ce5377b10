/* SPDX-License-Identifier: ISC */
/* ruleadd.c - the command that adds a rule. Runs in: upnpctl */
#include "conf/confrule.h"
#include "upnpctl/ruleadd.h"

/* 0: every port, of a pinhole */
static void put_port(struct wr *w, uint16_t port)
{
	confrule_put_ports(w, port, port ? port : UINT16_MAX);
}

void ruleadd_put(struct wr *w, bool allow, const struct nat_rule *r)
{
	wr_fmt(w, "rules add action=%s external-ports=",
	       allow ? "allow" : "deny");
	put_port(w, nat_rule_port(r));
	wr_fmt(w, " network=%s", addr_text(r->client).text);
	if (!allow)
		return;
	wr_z(w, " internal-ports=");
	put_port(w, r->int_port);
}
