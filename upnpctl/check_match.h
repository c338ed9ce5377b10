/* SPDX-License-Identifier: ISC */
/*
 * check_match.h - match the conditions of a rule against the two flows of
 * check_rules.h, for both readers of rules (check_nft.c, check_ipt.c). Pure.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_CHECK_MATCH_H
#define UPNPCTL_CHECK_MATCH_H

#include "upnpctl/check_rules.h"

/* The rule as far as it was read. Each mask has a bit for each internal
 * network. */
struct check_match {
	const struct check_rules_flow *flow;
	uint32_t in;		/* the rule may match incoming packets */
	uint32_t sure;		/* it certainly matches them */
	uint32_t out;		/* it may match outgoing packets */
};

/* Does a condition hold for a flow? */
enum check_hold { CHECK_NEVER, CHECK_MAYBE, CHECK_ALWAYS };

/** check_match_init - a rule without conditions. */
struct check_match check_match_init(const struct check_rules_flow *flow);

/**
 * check_match_add - add a condition.
 * @in: does it hold for packets to an open port?
 * @out: does it hold for outgoing packets? CHECK_NEVER also if it holds for a
 *       small part of a network's traffic: such a rule does not translate the
 *       network
 */
void check_match_add(struct check_match *m, enum check_hold in,
		     enum check_hold out);

/** check_match_unknown - add a condition that was not understood. */
void check_match_unknown(struct check_match *m);

/**
 * check_match_iface - add a condition on the interface that a packet arrived on
 * (@in) or leaves by.
 * @ext: it holds for the external interface
 * @nets: it holds for the interfaces of these networks
 */
void check_match_iface(struct check_match *m, bool in, bool ext, uint32_t nets);

/* ---- addresses -------------------------------------------------------- */

/* Do ranges of addresses cover a network? @all: one of them covers it
 * completely; @some: one of them overlaps it. */
struct check_cover {
	bool all, some;
};

/* Ranges of addresses against each internal network and the Internet.
 * Initialize as { 0 }. */
struct check_ranges {
	struct check_cover net[CHECK_RULES_NETS_MAX], any;
	bool unknown;		/* there are more ranges, which were not read */
};

/** check_match_range - add a range. @lo, @hi: inclusive, host order */
void check_match_range(struct check_ranges *, const struct check_rules_flow *,
		       uint32_t lo, uint32_t hi);

/** check_match_addr - add a condition: the packet's source (@source) or
 * destination is in one of the ranges, or with @negate in none. */
void check_match_addr(struct check_match *m, bool source, bool negate,
		      const struct check_ranges *);

#endif
