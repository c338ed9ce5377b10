/* SPDX-License-Identifier: ISC */
/*
 * iptopt.h - the conditions of an iptables rule, as iptables-save prints them:
 * "-i wan0 -p tcp -m tcp --dport 80". Pure.
 *
 * A match, an option or a value that is not known becomes an unknown
 * condition. So no rule looks as if it had fewer conditions than it has.
 * Runs in: any
 */
#ifndef NATFW_IPTOPT_H
#define NATFW_IPTOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "natfw/ruleset.h"

#define IPTOPT_CONDS_MAX	24	/* a rule of shorewall has 8 */
#define IPTOPT_CHOICES_MAX	2	/* more are an unknown condition */

/* What stands between "-A CHAIN" and the target's options. Initialize rules and
 * table only. */
struct iptopt {
	struct ruleset *rules;	/* gets the anonymous sets */
	uint32_t table;
	struct str target;	/* "ACCEPT", a chain; "": the rule has none */
	bool go;		/* -g instead of -j */
	/* private */
	struct {
		struct ruleset_cond cond;
		uint8_t way;	/* 0: always; 1 + 2 * choice, or one more: in
				 * one of the two ways of that choice */
	} at[IPTOPT_CONDS_MAX];
	size_t n;
	unsigned choices;
	bool unknown;		/* it has an unknown condition of no field */
};

/** iptopt_read - parse the line behind "-A CHAIN ". The target stays a part of
 * the line. @line: without spaces at its end */
void iptopt_read(struct iptopt *, struct str line);

/** iptopt_unknown - add an unknown condition. */
void iptopt_unknown(struct iptopt *);

/** iptopt_ways - the number of rules that the line becomes in the model. It is
 * more than one if a match is true for this or for that ("--ctstate
 * NEW,DNAT"): each rule has the conditions of one way. */
unsigned iptopt_ways(const struct iptopt *);

/** iptopt_put - add the conditions of a way, 0 to iptopt_ways() - 1, to the
 * rule of the model that was added last. */
void iptopt_put(const struct iptopt *, unsigned way);

#endif
