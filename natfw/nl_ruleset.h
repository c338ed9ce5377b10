/* SPDX-License-Identifier: ISC */
/*
 * nl_ruleset.h - reads other people's nf_tables: a message of a dump becomes a
 * chain, a rule, a set or elements of a set. Pure, no allocation.
 *
 * A rule is a list of expressions that work on registers: one loads the source
 * address, the next compares it. The reader follows the registers and returns
 * conditions instead ("the source address is in 10.0.0.0/8") and one verdict.
 * An expression that it does not know becomes an unknown condition, so that a
 * caller never takes such a rule for one that always matches.
 *
 * Strings in the results are slices of the message and live as long as it.
 * Runs in: any
 */
#ifndef NATFW_NL_RULESET_H
#define NATFW_NL_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include "base/str.h"

/* Conditions of one rule. nft's own rules have up to ten; the kernel allows 128
 * expressions. A longer rule ends with an unknown condition. */
#define NL_RULESET_CONDS	32
/* Bytes of the longest field: an interface's name, an IPv6 address. */
#define NL_RULESET_BYTES	16

/* The subject of a condition, and the layout of its bytes. */
enum nl_ruleset_field {
	NL_FIELD_OTHER,		/* unknown, or several fields at once */
	NL_FIELD_IIF,		/* interface index, 32 bits, host order */
	NL_FIELD_OIF,
	NL_FIELD_IIFNAME,	/* 16 bytes, zero behind the name */
	NL_FIELD_OIFNAME,
	NL_FIELD_NFPROTO,	/* NFPROTO_*, one byte */
	NL_FIELD_ETHERTYPE,	/* ETH_P_*, 16 bits, network order */
	NL_FIELD_L4PROTO,	/* IPPROTO_*, one byte */
	NL_FIELD_MARK,		/* of the packet or its flow: 32 bits, host
				 * order */
	NL_FIELD_SADDR,		/* IPv4, network order */
	NL_FIELD_DADDR,
	NL_FIELD_SPORT,		/* at the offset of TCP and UDP, whatever the
				 * protocol is; network order */
	NL_FIELD_DPORT,
	NL_FIELD_CT_STATE,	/* NF_CT_STATE_BIT(), 32 bits, host order */
	NL_FIELD_CT_STATUS,	/* IPS_*, likewise */
	NL_FIELD__MAX,
};

enum nl_ruleset_op {
	NL_OP_UNKNOWN,	/* holds for some packets */
	NL_OP_MASK,	/* (field & mask) == value */
	NL_OP_RANGE,	/* value <= field <= upper, as memcmp() compares */
	NL_OP_SET,	/* the field is in the set */
};

struct nl_ruleset_cond {
	uint8_t field;			/* enum nl_ruleset_field */
	uint8_t op;			/* enum nl_ruleset_op */
	bool negate;			/* it holds if the test is false */
	uint8_t len;			/* bytes of the field that were loaded;
					 * if the keys of a set are longer,
					 * they are concatenations */
	uint8_t value[NL_RULESET_BYTES];
	uint8_t mask[NL_RULESET_BYTES];
	uint8_t upper[NL_RULESET_BYTES];
	struct str set;			/* its name, in the rule's table */
};

enum nl_ruleset_verdict {
	NL_VERDICT_NONE,	/* continues with the next rule */
	NL_VERDICT_ACCEPT,
	NL_VERDICT_DROP,	/* or reject */
	NL_VERDICT_RETURN,
	NL_VERDICT_JUMP,
	NL_VERDICT_GOTO,
	NL_VERDICT_MAP,		/* that of the element that is found */
	NL_VERDICT_SNAT,	/* or masquerade */
	NL_VERDICT_DNAT,	/* or redirect */
	NL_VERDICT_QUEUE,
};

struct nl_ruleset_rule {
	uint8_t family;			/* NFPROTO_* */
	struct str table, chain;
	size_t cond_n;
	struct nl_ruleset_cond cond[NL_RULESET_CONDS];
	enum nl_ruleset_verdict verdict;
	struct str target;		/* chain of NL_VERDICT_JUMP, _GOTO */
	struct nl_ruleset_cond map;	/* of NL_VERDICT_MAP: NL_OP_SET */
	bool opaque;			/* it has a match or target of the
					 * iptables command that is unknown */
};

struct nl_ruleset_chain {
	uint8_t family;
	struct str table, name;
	struct str type;		/* "filter", "nat", "route" */
	int hook;			/* NF_INET_*; -1: on none */
	int32_t priority;
	bool drop;			/* its policy */
};

struct nl_ruleset_set {
	uint8_t family;
	struct str table, name;
	uint32_t key_len;		/* bytes */
	bool interval;			/* an element begins or ends a range */
	bool verdicts;			/* its elements have verdicts */
};

struct nl_ruleset_elem {
	struct str key;			/* empty: any other key */
	struct str key_end;		/* of a range of a concatenation */
	bool end;			/* a range ends before this key */
	enum nl_ruleset_verdict verdict;
	struct str target;
};

/** nl_ruleset_generation - the ruleset's generation, 16 bits: every change of
 * nf_tables changes it, so dumps with the same one show one state. */
uint16_t nl_ruleset_generation(const struct nlmsghdr *h);

/** nl_ruleset_chain - read NFT_MSG_NEWCHAIN. Return: false: it is another
 * message, or a name is missing; @ret is then undefined */
bool nl_ruleset_chain(const struct nlmsghdr *h, struct nl_ruleset_chain *ret);

/** nl_ruleset_rule - read NFT_MSG_NEWRULE. @ret: large, about 3 KiB. Return: as
 * nl_ruleset_chain() */
bool nl_ruleset_rule(const struct nlmsghdr *h, struct nl_ruleset_rule *ret);

/** nl_ruleset_set - read NFT_MSG_NEWSET: a set, map or verdict map. Return: as
 * nl_ruleset_chain() */
bool nl_ruleset_set(const struct nlmsghdr *h, struct nl_ruleset_set *ret);

typedef void (*nl_ruleset_elem_fn)(void *arg, const struct nl_ruleset_elem *);

/**
 * nl_ruleset_elems - read NFT_MSG_NEWSETELEM.
 * @set: elements of other sets are skipped
 *
 * The elements come in the kernel's order. In a set of ranges each element
 * begins a range or, with .end, ends one before its key; a range without an end
 * extends to the last possible key.
 */
void nl_ruleset_elems(const struct nlmsghdr *h,
		      const struct nl_ruleset_set *set, nl_ruleset_elem_fn fn,
		      void *arg);

#endif
