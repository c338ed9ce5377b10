/* SPDX-License-Identifier: ISC */
/*
 * ipt_leaf.h - the leaves of our chains: a chain for every 1024 ports of a
 * protocol that has rules, and one jump to it.
 *
 * A packet is compared with the rules of one leaf, not with those of all
 * mappings. The tool also searches only one leaf to delete a rule.
 * Runs in: any
 */
#ifndef NATFW_IPT_LEAF_H
#define NATFW_IPT_LEAF_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw/ipt_rule.h"

/* A leaf is a number: 64 for each of two protocols. A thousand mappings that
 * are scattered over the ports use all leaves, and so as many jumps. Pinholes
 * of other protocols, or for any port, are in one more leaf. */
#define IPT_LEAVES	129
#define IPT_LEAF_REST	(IPT_LEAVES - 1)

#define IPT_LEAF_WORDS	((IPT_LEAVES + 63) / 64)

/* A set of leaves of each of the chains. */
struct ipt_leaves {
	uint64_t bits[IPT_CHAINS][IPT_LEAF_WORDS];
};

/** ipt_leaf_has - is this leaf in the set? */
bool ipt_leaf_has(const struct ipt_leaves *, enum ipt_chain, unsigned leaf);

/** ipt_leaf_add - add a leaf. */
void ipt_leaf_add(struct ipt_leaves *, enum ipt_chain, unsigned leaf);

/** struct ipt_leaf_count - the number of rules in each leaf. */
struct ipt_leaf_count {
	uint32_t n[IPT_CHAINS][IPT_LEAVES];
};

/** ipt_leaf_count_add - count a rule, in the chains for its kind. */
void ipt_leaf_count_add(struct ipt_leaf_count *, const struct nat_rule *);

/** ipt_leaf_count_del - subtract a rule that was counted. */
void ipt_leaf_count_del(struct ipt_leaf_count *, const struct nat_rule *);

/** ipt_leaf_used - the leaves with rules. */
struct ipt_leaves ipt_leaf_used(const struct ipt_leaf_count *);

/** ipt_leaf_minus - the leaves in @a that are not in @b. */
struct ipt_leaves ipt_leaf_minus(const struct ipt_leaves *a,
				 const struct ipt_leaves *b);

/** ipt_leaf_of - the leaf of a rule. The chain must be for its kind. */
unsigned ipt_leaf_of(enum ipt_chain, const struct nat_rule *);

/** ipt_leaf_name - "UPNPD-tcp-39936": the chain and the first port; or
 * "UPNPD-rest". */
void ipt_leaf_name(struct wr *, enum ipt_chain, unsigned leaf);

/** ipt_leaf_jump - write the rule that jumps to the leaf, without the chain's
 * name at its start, in the form of iptables-save, with its newline. */
void ipt_leaf_jump(struct wr *, enum ipt_chain, unsigned leaf);

/** ipt_leaf_read - is this the name of a leaf of the chain? @ret: only then */
bool ipt_leaf_read(struct str name, enum ipt_chain, unsigned *ret);

/** ipt_leaf_is_ours - is @name one of our chains, or a leaf of one? */
bool ipt_leaf_is_ours(struct str name);

#endif
