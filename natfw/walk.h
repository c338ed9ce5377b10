/* SPDX-License-Identifier: ISC */
/*
 * walk.h - follow a hypothetical packet through the administrator's rules
 * (ruleset.h), as the kernel would. Pure.
 *
 * A rule has an effect for certain, perhaps ("depends": on a mark, a limit, a
 * source address, a match that is not known), or not at all. Rules, chains and
 * tables of upnpd are skipped: the answer is that of the administrator's rules
 * alone.
 * Runs in: any
 */
#ifndef NATFW_WALK_H
#define NATFW_WALK_H

#include <net/if.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include "base/addr.h"
#include "base/wr.h"
#include "natfw/ruleset.h"

/* NF_CT_STATE_BIT(), which the kernel's header does not export. */
#define WALK_STATE_NEW		(1u << (IP_CT_NEW + 1))
#define WALK_STATE_ESTABLISHED	(1u << (IP_CT_ESTABLISHED + 1))

/* Does something hold, for the packets that are meant? */
enum walk_hold { WALK_NO, WALK_DEPENDS, WALK_YES };

/*
 * One packet, or the packets that differ only in what is left open.
 *
 * Addresses: a network means that the packet has any one address of it, so a
 * condition holds for certain only if it holds for all. A network of 0 bits is
 * "any host of the Internet": a condition that covers only private addresses
 * does not hold for it. Ports: 0 is any port.
 */
struct walk_packet {
	uint8_t family;			/* ADDR_IP4, ADDR_IP6 */
	uint8_t proto;			/* IPPROTO_TCP, IPPROTO_UDP */
	char iif[IF_NAMESIZE];		/* "": not known */
	char oif[IF_NAMESIZE];		/* "": not known, or none yet */
	uint32_t iif_index, oif_index;	/* 0: not known */
	struct addr_net src, dst;
	uint16_t sport, dport;
	uint32_t ct_state;		/* one of WALK_STATE_ */
	uint32_t ct_status;		/* IPS_DST_NAT, IPS_SEEN_REPLY ... */
	bool to_router;			/* @dst is an address of the router */
	struct addr orig_dst;		/* before DNAT; ADDR_NONE: as @dst, or
					 * not known */
	uint16_t orig_dport;		/* likewise; 0 */
};

/* What becomes of a packet in one base chain. */
struct walk_end {
	enum ruleset_verdict verdict;	/* ACCEPT, DROP, DNAT, SNAT or QUEUE of
				 * the first rule that certainly decides; its
				 * policy, ACCEPT or DROP, if none does */
	uint32_t rule;		/* that rule; RULESET_NONE: the policy */
	uint32_t chain;		/* the chain of that rule, or the base chain */
	/* the first rule before it that may decide otherwise, and its verdict
	 * (in a verdict map that of the element); RULESET_NONE: there is none.
	 * If several verdicts other than @verdict are possible, it is the first
	 * rule of DROP, else of DNAT, SNAT, QUEUE, ACCEPT */
	uint32_t may_rule;
	enum ruleset_verdict may_verdict;
	/* where a rule must be inserted to be the last one before the decision:
	 * in @at_chain before @at_rule; RULESET_NONE: at its end. If the
	 * decision is in a chain that was jumped to, and nothing there comes
	 * before it that could match the packet, it is the rule that jumps.
	 * Rules that only log the decision come after it */
	uint32_t at_chain, at_rule;
	/* the first rule of that chain before which it would have the same
	 * effect: none from there to @at_rule could match the packet */
	uint32_t at_from;
	bool capped;		/* there were too many rules or jumps to follow:
				 * nothing is certain */
};

/** walk_base - follow the packet through base chain @base, an index in
 * rs->chain. A chain that need not be on a hook may be given as well; then its
 * end counts as DROP. */
void walk_base(const struct ruleset *rs, uint32_t base,
	       const struct walk_packet *, struct walk_end *ret);

/** walk_in_base - is @chain a base chain on that hook that the packets of the
 * family meet? @hook: NF_INET_* */
bool walk_in_base(const struct ruleset *, uint32_t chain, int hook,
		  uint8_t family);

/* The rule that an answer is about. */
struct walk_rule {
	uint32_t chain;		/* RULESET_NONE: no rule */
	uint32_t rule;		/* RULESET_NONE: the policy of @chain */
};

/**
 * walk_forwarded - does a rule of the administrator send the packet elsewhere?
 * @p: as it arrives, before any translation
 *
 * Follows the chains of type nat on the prerouting hook: DNAT, redirect.
 * Return: WALK_YES for each of the packets that are meant; WALK_DEPENDS for
 * some; @ret is the first such rule
 */
enum walk_hold walk_forwarded(const struct ruleset *,
			      const struct walk_packet *p,
			      struct walk_rule *ret);

/* A rule that accepts the packet, and is not walked: upnpd's. */
struct walk_accept {
	uint32_t chain;
	uint32_t before;	/* this rule; RULESET_NONE: at the end */
};

/**
 * walk_dropped - is the packet dropped on that hook?
 * @hook: NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD
 * @accept: @n rules of upnpd that accept it; may be NULL
 * @ret: the rule or policy that drops it, or may drop it
 *
 * Follows all chains of the hook, in their order. (place.h asks it with upnpd's
 * accepts.)
 * Return: WALK_DEPENDS if a rule before the drop may accept the packet, or if
 * only some packets are dropped
 */
enum walk_hold walk_dropped(const struct ruleset *, int hook,
			    const struct walk_packet *,
			    const struct walk_accept *accept, size_t n,
			    struct walk_rule *ret);

/** walk_masqueraded - is the packet's source translated on its way out: SNAT or
 * masquerade in a nat chain on the postrouting hook? */
enum walk_hold walk_masqueraded(const struct ruleset *,
				const struct walk_packet *);

/** walk_rule_text - write what the operator needs to find a rule: its chain,
 * and "rule 3" or "policy". */
void walk_rule_text(const struct ruleset *, const struct walk_rule *,
		    struct wr *);

#endif
