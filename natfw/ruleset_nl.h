/* SPDX-License-Identifier: ISC */
/*
 * ruleset_nl.h - reads the kernel's messages about nf_tables into the model:
 * tables, chains, sets and their elements, rules. Families ip, ip6 and inet.
 *
 * Of upnpd's own parts it reads what a writer needs to find its place: the
 * rules and sets in tables of others. What is inside its own table and chains
 * is left out, because there may be 60000 rules or elements.
 * Runs in: any
 */
#ifndef NATFW_RULESET_NL_H
#define NATFW_RULESET_NL_H

#include <linux/netlink.h>
#include "natfw/ruleset.h"

/* The state of one read. Initialize as { rules }, with an empty model. */
struct ruleset_nl {
	struct ruleset *rules;
	/* private */
	bool seen;		/* a message was read */
	bool mixed;		/* messages had different generations */
	uint32_t last;		/* the chain of the rule before */
	uint32_t table, chain;	/* of the rules of this dump; used with @only:
				 * RULESET_NONE: any chain */
	bool only;
	bool unfiltered;	/* an old kernel: it sends the rules of all
				 * tables */
	bool enough;		/* the set is longer than it may be, or the
				 * answer is complete */
	bool all_tables;	/* the dump of tables is complete: a table that
				 * it did not have is left out */
};

/**
 * ruleset_nl_message - read one message of a dump.
 * @arg: a struct ruleset_nl
 *
 * Pure. Pass tables first, then chains, sets, rules, and elements, all of one
 * set in a row.
 */
void ruleset_nl_message(void *arg, const struct nlmsghdr *h);

/** ruleset_nl_end - complete the model: make ranges of the elements that begin
 * and end them, and find the tables of the iptables command. */
void ruleset_nl_end(struct ruleset_nl *);

/** ruleset_nl_generation - note the generation of the rules that the message
 * has. @arg: a struct ruleset_nl */
void ruleset_nl_generation(void *arg, const struct nlmsghdr *h);

/** ruleset_nl_find_table - find a table of nf_tables by its name. Return: its
 * index, or RULESET_NONE */
uint32_t ruleset_nl_find_table(const struct ruleset *, uint8_t family,
			       struct str name);

/** ruleset_nl_is_read - are the tables of this family read? */
bool ruleset_nl_is_read(uint8_t family);

/** ruleset_nl_is_own, ruleset_nl_own_table - is it the table that upnpd makes?
 */
bool ruleset_nl_is_own(uint8_t family, struct str name);
bool ruleset_nl_own_table(const struct ruleset_table *);

#endif
