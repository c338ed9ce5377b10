/* SPDX-License-Identifier: ISC */
/*
 * check_match.h - what the conditions of a rule mean for the two flows that
 * check_rules.c judges, whoever's language they are written in. Pure.
 */
#ifndef UPNPCTL_CHECK_MATCH_H
#define UPNPCTL_CHECK_MATCH_H

#include "upnpctl/check_rules.h"

/* A rule as far as it was read: networks, a bit each. */
struct check_match {
	const struct check_rules_flow *flow;
	uint32_t in;		/* the rule may match what comes in */
	uint32_t sure;		/* and surely does */
	uint32_t out;		/* it may match what leaves */
};

/* Does a condition hold for a flow? */
enum check_hold { CHECK_NEVER, CHECK_MAYBE, CHECK_ALWAYS };

/** check_match_init - a rule without conditions. */
struct check_match check_match_init(const struct check_rules_flow *flow);

/**
 * check_match_add - one more condition.
 * @in: for what comes in by an open port
 * @out: for what leaves; CHECK_NEVER also where it holds for a small part of
 *       a network's traffic: such a rule does not translate the network
 */
void check_match_add(struct check_match *m, enum check_hold in,
		     enum check_hold out);

/** check_match_unknown - a condition of which nothing is known. */
void check_match_unknown(struct check_match *m);

/**
 * check_match_iface - by the interface a packet came in by (@in) or leaves by.
 * @ext: it holds for the external interface
 * @nets: and for those of these networks
 */
void check_match_iface(struct check_match *m, bool in, bool ext,
		       uint32_t nets);

/* ---- addresses -------------------------------------------------------- */

/* How ranges of addresses lie to a network. Only one range that has all of its
 * addresses counts as all. */
struct check_cover {
	bool all, some;
};

/* Ranges, in relation to each internal network and to the Internet. Begins as
 * { 0 }. */
struct check_ranges {
	struct check_cover net[CHECK_RULES_NETS_MAX], any;
	bool unknown;		/* there are more, of which nothing is known */
};

/** check_match_range - one more range. @lo, @hi: inclusive, host order */
void check_match_range(struct check_ranges *, const struct check_rules_flow *,
		       uint32_t lo, uint32_t hi);

/** check_match_addr - the packet's source (@source) or destination is in one
 * of the ranges, or with @negate in none. */
void check_match_addr(struct check_match *m, bool source, bool negate,
		      const struct check_ranges *);

#endif
