/* SPDX-License-Identifier: ISC */
/*
 * ipt_rule.h - a mapping as iptables rules: one rule in each of our three
 * chains (in a leaf of it, ipt_leaf.h), exactly as iptables-save prints it.
 * Runs in: any
 */
#ifndef NATFW_IPT_RULE_H
#define NATFW_IPT_RULE_H

#include "base/str.h"
#include "base/wr.h"
#include "natfw.h"

#define IPT_ACCEPT_CHAIN	"UPNPD"		/* of table filter */
#define IPT_DNAT_CHAIN		"UPNPD"		/* of table nat */
#define IPT_SNAT_CHAIN		"UPNPD-POST"	/* of table nat */

enum ipt_table { IPT_FILTER, IPT_NAT, IPT_TABLES };

extern const char *const ipt_rule_tables[IPT_TABLES];	/* their names */

enum ipt_chain { IPT_ACCEPT, IPT_DNAT, IPT_SNAT, IPT_CHAINS };

struct ipt_rule_spec {
	enum ipt_table table;
	char chain[12];
	/* the line after the chain's name, with its newline */
	void (*put)(struct wr *, const struct natfw_env *,
		    const struct nat_rule *);
};

extern const struct ipt_rule_spec ipt_rule_specs[IPT_CHAINS];

#endif
