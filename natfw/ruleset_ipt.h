/* SPDX-License-Identifier: ISC */
/*
 * ruleset_ipt.h - reads the output of iptables-save and ip6tables-save, of both
 * variants, into the model.
 *
 * Legacy iptables has its rules from here alone. The rules of the nft variant
 * are in the kernel's dump as well, which shows what nft has added to its
 * chains; iptables-save leaves such conditions out without a word. But the dump
 * does not show what the matches of iptables do. So only the rules with such a
 * match (xt) are read here, and replace those of the dump.
 * Runs in: any
 */
#ifndef NATFW_RULESET_IPT_H
#define NATFW_RULESET_IPT_H

#include "natfw/ruleset.h"

/* A reader of lines. Initialize as { rules, kind, family }. */
struct ruleset_ipt {
	struct ruleset *rules;
	enum ruleset_kind kind;
	uint8_t family;		/* NFPROTO_IPV4 or NFPROTO_IPV6 */
	bool changed;		/* out: there are other rules than in the dump:
				 * somebody changed them in between */
	bool refused;		/* out: the tool does not understand the table,
				 * and printed nothing of it */
	/* private */
	bool inside;		/* a table */
	bool replace;		/* the model has the table's rules already */
	uint32_t table;
	uint32_t chain, next;	/* of the line before, and the rule that the
				 * next line replaces */
	uint32_t number;	/* of the line in its chain */
	uint32_t missing;	/* rules in the dump of these chains, less those
				 * of the list */
	char name[32];		/* of the chain of upnpd */
};

/** ruleset_ipt_line - parse the next line. @arg: a struct ruleset_ipt */
void ruleset_ipt_line(void *arg, struct str line);

/**
 * ruleset_ipt_read - read a table.
 * @kind: RULESET_IPT_NFT or RULESET_IPT_LEGACY
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @tool: the save program of that kind and family
 * @table: "filter". One of legacy iptables must exist, because its tool would
 *         create it
 *
 * Chains and rules that are not in the model are added. Of rules that are,
 * only those with xt are changed. Rules of upnpd's own chains are left out.
 * Return: 0; -EINTR the rules changed since they were dumped; -EOPNOTSUPP the
 * tool refuses that table: the rules of the dump stay as they are; other -errno
 * of the run (the model is then incomplete)
 */
int ruleset_ipt_read(struct ruleset *, enum ruleset_kind kind, uint8_t family,
		     const char *tool, const char *table);

#endif
