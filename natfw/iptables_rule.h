/* SPDX-License-Identifier: ISC */
/*
 * iptables_rule.h - one mapping in the language of iptables: the rule it has
 * in each of our three chains, in the very form iptables-save prints.
 */
#ifndef NATFW_IPTABLES_RULE_H
#define NATFW_IPTABLES_RULE_H

#include "base/str.h"
#include "natfw.h"

#define IPT_ACCEPT_CHAIN	"UPNPD"		/* of table filter */
#define IPT_DNAT_CHAIN		"UPNPD"		/* of table nat */
#define IPT_SNAT_CHAIN		"UPNPD-POST"	/* of table nat */

/* One of the three. */
struct ipt_spec {
	const char *chain;
	/* the rest of the line after the chain's name, newline and all */
	void (*put)(struct wr *, const struct natfw_env *,
		    const struct nat_rule *);
};

extern const struct ipt_spec ipt_accept, ipt_dnat, ipt_snat;

#endif
