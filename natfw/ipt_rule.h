/* SPDX-License-Identifier: ISC */
/*
 * ipt_rule.h - a mapping or a pinhole as iptables rules: one rule in each of
 * our chains for its kind (in a leaf of it, ipt_leaf.h), exactly as
 * iptables-save prints it.
 * Runs in: any
 */
#ifndef NATFW_IPT_RULE_H
#define NATFW_IPT_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw.h"

#define IPT_ACCEPT_CHAIN	IPT_PRINT_OURS	/* of table filter, both
						 * families */
#define IPT_DNAT_CHAIN		IPT_PRINT_OURS	/* of table nat */
#define IPT_SNAT_CHAIN		IPT_PRINT_OURS "-POST"	/* of table nat */

/* The last one is of ip6tables. */
enum ipt_table { IPT_FILTER, IPT_NAT, IPT_FILTER6, IPT_TABLES };

extern const char *const ipt_rule_tables[IPT_TABLES];	/* their names */

/** ipt_rule_ip6 - is it a table of ip6tables? */
static inline bool ipt_rule_ip6(enum ipt_table table)
{
	return table == IPT_FILTER6;
}

enum ipt_chain { IPT_ACCEPT, IPT_DNAT, IPT_SNAT, IPT_ACCEPT6, IPT_CHAINS };

struct ipt_rule_spec {
	enum ipt_table table;
	uint8_t kind;		/* enum nat_kind: of its rules */
	char chain[12];
	/* the line after the chain's name, with its newline */
	void (*put)(struct wr *, const struct natfw_env *,
		    const struct nat_rule *);
};

extern const struct ipt_rule_spec ipt_rule_specs[IPT_CHAINS];

/** ipt_rule_read6 - read the rule of a pinhole, as ipt_rule_specs[IPT_ACCEPT6]
 * writes it and a listing prints it. @rule: "UPNPD-tcp-1 -m conntrack ..."
 * Return: false: it is no such rule */
bool ipt_rule_read6(struct str rule, struct nat_rule *ret);

#endif
