/* SPDX-License-Identifier: ISC */
/*
 * check_rules.h - apply a firewall's rules to two flows: outgoing, from an
 * internal network to the Internet; and incoming, from the Internet to an open
 * port. Pure: check_nft.c adds rules from the kernel's dumps, check_ipt.c from
 * iptables-save.
 *
 * This does not simulate a packet filter. A rule is understood as far as it
 * matches interfaces, addresses and the state of the flow. A rule with any
 * other condition may translate, but never counts as one that certainly drops.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_CHECK_RULES_H
#define UPNPCTL_CHECK_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "sys/netif.h"

#define CHECK_RULES_NETS_MAX	32	/* internal networks, a bit each */
#define CHECK_RULES_CHAINS_MAX	512	/* OpenWrt has 40, a container host
					 * 200 */
#define CHECK_RULES_JUMPS_MAX	1024
#define CHECK_RULES_BASES_MAX	8	/* chains on the forward hook */

/* The ends of the flows. */
struct check_rules_flow {
	char ext[IF_NAMESIZE];
	uint32_t ext_index;		/* 0: there is no such interface */
	struct netif_addr net[CHECK_RULES_NETS_MAX];
	size_t n;
};

/* Tables of the iptables command, a bit each; 0: another table. A table of
 * nf_tables with such a name need not belong to the iptables command. */
enum {
	CHECK_RULES_FILTER = 1, CHECK_RULES_NAT = 2, CHECK_RULES_MANGLE = 4,
	CHECK_RULES_RAW = 8, CHECK_RULES_SECURITY = 16,
};

struct check_rules_chain {
	uint64_t key;		/* check_rules_key() */
	/* networks whose incoming packets certainly get this verdict here */
	uint32_t accept, drop, leave;
	uint32_t masq;		/* networks that may be translated here */
	bool post;		/* a NAT chain on the postrouting hook */
	bool counts;		/* it filters or translates forwarded packets */
	uint8_t xt;		/* a base chain of iptables: bit of its table */
};

struct check_rules_jump {
	uint16_t from, to;	/* indices of chains */
	uint32_t in, out;	/* @in: certainly taken; @out: may be taken */
};

/* A chain on the forward hook. */
struct check_rules_base {
	uint16_t chain;
	bool drop;		/* its policy is drop */
	char name[112];		/* "inet fw4 forward" */
};

struct check_rules {
	const struct check_rules_flow *flow;
	struct check_rules_chain chain[CHECK_RULES_CHAINS_MAX];
	size_t chain_n;
	struct check_rules_jump jump[CHECK_RULES_JUMPS_MAX];
	size_t jump_n;
	struct check_rules_base base[CHECK_RULES_BASES_MAX];
	size_t base_n;
	bool over;		/* a table was full: something is missing */
	bool used;		/* it has rules that are not upnpd's */

	/* Tables of the iptables command, bits: */
	uint8_t xt_listed;	/* listed by iptables-save */
	uint8_t xt_used;	/* their base chains in nf_tables have rules
				 * or the policy drop */
	uint8_t xt_opaque;	/* they have rules in nf_tables that only
				 * iptables-save can decode */
	uint8_t xt_ignored;	/* set by the caller: tables that are checked
				 * by another listing */
};

/* The effect of a rule on a packet that it matches. */
enum check_rules_verdict {
	CHECK_RULES_NONE,	/* nothing that matters here */
	CHECK_RULES_ACCEPT,
	CHECK_RULES_OURS,	/* upnpd's own accept */
	CHECK_RULES_DROP,
	CHECK_RULES_RETURN,
	CHECK_RULES_MASQ,	/* translate the source */
	CHECK_RULES_JUMP,
	CHECK_RULES_GOTO,
};

struct check_match;

/* ---- adding rules ------------------------------------------------------- */

/** check_rules_begin - initialize @r without rules. @flow: borrowed as long as
 * @r is used */
void check_rules_begin(struct check_rules *r,
		       const struct check_rules_flow *flow);

/** check_rules_key - the key of a chain. @family: "" for iptables-save */
uint64_t check_rules_key(struct str family, struct str table, struct str chain);

/** check_rules_chain - find a chain by its key, or add it. Return: its index;
 * -1: there are too many, and r->over is set */
int check_rules_chain(struct check_rules *r, uint64_t key);

/** check_rules_base - mark chain @here as a chain on the forward hook. @drop:
 * its policy is drop. @name: "inet fw4 forward", cut if it is too long */
void check_rules_base(struct check_rules *r, int here, bool drop,
		      struct str name);

/**
 * check_rules_rule - add the next rule of chain @here.
 * @m: what the rule matches
 * @target: for a jump or goto: the key of its chain
 */
void check_rules_rule(struct check_rules *r, int here,
		      const struct check_match *m,
		      enum check_rules_verdict verdict, uint64_t target);

/** check_rules_xt - the bit of the iptables command's table of that name, or
 * 0. */
uint8_t check_rules_xt(struct str table);

/* ---- answers ---------------------------------------------------------- */

/** check_rules_used - are there rules that filter or translate and are not
 * upnpd's? */
bool check_rules_used(const struct check_rules *r);

/** check_rules_masquerade - the networks whose outgoing packets may be
 * translated, a bit each. */
uint32_t check_rules_masquerade(struct check_rules *r);

/**
 * check_rules_block - find a forward chain that certainly drops packets to an
 * open port.
 * @after: the chain that was returned before; NULL: start
 * @ret_nets: the networks that the packets do not reach
 *
 * An accept rule of upnpd counts if no rule before it drops; so does any other
 * rule that accepts translated packets. Return: NULL if there is no further one
 */
const struct check_rules_base *check_rules_block(const struct check_rules *r,
				const struct check_rules_base *after,
				uint32_t *ret_nets);

/** check_rules_has - does that chain exist? @table: "inet fw4" */
bool check_rules_has(struct check_rules *r, const char *table,
		     const char *chain);

#endif
