/* SPDX-License-Identifier: ISC */
/*
 * check_match.h - what one condition of a rule means for the flows that
 * check_rules.c judges. Pure.
 */
#ifndef UPNPCTL_CHECK_MATCH_H
#define UPNPCTL_CHECK_MATCH_H

#include "upnpctl/check_rules.h"

/* A rule as far as it was read: networks, a bit each. */
struct match {
	const struct rules_flow *flow;
	uint32_t in;		/* the rule may fit what comes in */
	uint32_t sure;		/* and surely does */
	uint32_t out;		/* it may fit what goes out */
};

/* What a condition compares with: one value or several, by commas. */
struct values {
	bool negate;
	bool unknown;		/* a set's name, a map, a concatenation */
	struct str list;
};

/** match_init - a rule without conditions. */
struct match match_init(const struct rules_flow *flow);

/** match_unknown - a condition that nothing is known of. @narrow: one that
 * most of a network's traffic does not fulfil */
void match_unknown(struct match *m, bool narrow);

/** match_none - a condition that no such flow fulfils. */
void match_none(struct match *m);

/** match_iface - by the interface it came in by (@in) or leaves by. In a value
 * '*' or '+' at the end stands for any rest. */
void match_iface(struct match *m, bool in, struct values v);

/** match_addr - by its source (@source) or destination. */
void match_addr(struct match *m, bool source, struct values v);

/** match_state - by connection tracking's state or status, in lower or upper
 * case: both flows are new, and the one that comes in is "dnat". */
void match_state(struct match *m, struct values v);

/** match_token - the next word, or text in quotes, without a comma behind. */
bool match_token(struct str *rest, struct str *ret);

/** match_values - the values that follow in nft's language. */
struct values match_values(struct str *rest);

#endif
