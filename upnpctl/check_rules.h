/* SPDX-License-Identifier: ISC */
/*
 * check_rules.h - what a firewall's rules do to two flows: out of an internal
 * network to the Internet, and in through an open port. Pure: filled by
 * check_nft.c from the kernel's dumps or by check_ipt.c from iptables-save.
 *
 * No packet filter is played here. A rule is understood as far as it judges by
 * interfaces, addresses and the state of the flow; of what it asks beyond that,
 * nothing is known: such a rule may translate, but never surely drops.
 */
#ifndef UPNPCTL_CHECK_RULES_H
#define UPNPCTL_CHECK_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "sys/netif.h"

#define CHECK_RULES_NETS_MAX	32	/* internal networks: a bit each */
#define CHECK_RULES_CHAINS_MAX	512	/* OpenWrt has 40, a container host
					 * 200 */
#define CHECK_RULES_JUMPS_MAX	1024
#define CHECK_RULES_BASES_MAX	8	/* chains on the forward hook */

/* Between what the flows go. */
struct check_rules_flow {
	char ext[IF_NAMESIZE];
	uint32_t ext_index;		/* 0: there is no such interface */
	struct netif_addr net[CHECK_RULES_NETS_MAX];
	size_t n;
};

/* A table of the iptables command, a bit each; 0: another one. In nf_tables
 * such a table may be the command's or may only have its name. */
enum {
	CHECK_RULES_FILTER = 1, CHECK_RULES_NAT = 2, CHECK_RULES_MANGLE = 4,
	CHECK_RULES_RAW = 8, CHECK_RULES_SECURITY = 16,
};

struct check_rules_chain {
	uint64_t key;		/* check_rules_key() */
	/* networks, to which what comes in is surely judged so here */
	uint32_t accept, drop, leave;
	uint32_t masq;		/* whose traffic may be translated here */
	bool post;		/* of NAT, on the postrouting hook */
	bool counts;		/* it filters or translates what is forwarded */
	uint8_t xt;		/* a base chain of iptables: its table's bit */
};

struct check_rules_jump {
	uint16_t from, to;	/* places of chains */
	uint32_t in, out;	/* surely, for what comes in; maybe, out */
};

/* A chain on the forward hook. */
struct check_rules_base {
	uint16_t chain;
	bool drop;		/* its policy */
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
	bool over;		/* there was more than has room */
	bool used;		/* others filter or translate by it */

	/* Tables of the iptables command, bits: */
	uint8_t xt_listed;	/* that iptables-save listed */
	uint8_t xt_used;	/* whose base chains in nf_tables have rules or
				 * drop */
	uint8_t xt_opaque;	/* with rules in nf_tables that only
				 * iptables-save can show */
	uint8_t xt_ignored;	/* the caller's: judged by another listing */
};

/* What a rule does with a packet that it matches. */
enum check_rules_verdict {
	CHECK_RULES_NONE,	/* nothing that is of interest */
	CHECK_RULES_ACCEPT,
	CHECK_RULES_OURS,	/* upnpd's own accept */
	CHECK_RULES_DROP,
	CHECK_RULES_RETURN,
	CHECK_RULES_MASQ,	/* translate the source */
	CHECK_RULES_JUMP,
	CHECK_RULES_GOTO,
};

struct check_match;

/* ---- filling it ------------------------------------------------------- */

/** check_rules_begin - nothing is known yet. @flow lives as long as @r. */
void check_rules_begin(struct check_rules *r,
		       const struct check_rules_flow *flow);

/** check_rules_key - a chain's key. @family: "" in iptables-save */
uint64_t check_rules_key(struct str family, struct str table,
			 struct str chain);

/** check_rules_chain - the place of that chain; one that is new gets a place.
 * Return: -1: there are too many, and r->over is set */
int check_rules_chain(struct check_rules *r, uint64_t key);

/** check_rules_base - chain @here is on the forward hook. @name: "inet fw4
 * forward", cut where it is too long */
void check_rules_base(struct check_rules *r, int here, bool drop,
		      struct str name);

/**
 * check_rules_rule - the next rule of chain @here.
 * @m: what it matches
 * @target: key of the chain of a jump or goto
 */
void check_rules_rule(struct check_rules *r, int here,
		      const struct check_match *m,
		      enum check_rules_verdict verdict, uint64_t target);

/** check_rules_xt - the bit of the iptables command's table of that name;
 * 0. */
uint8_t check_rules_xt(struct str table);

/* ---- answers ---------------------------------------------------------- */

/** check_rules_used - do others filter or translate by these rules? */
bool check_rules_used(const struct check_rules *r);

/** check_rules_masquerade - the networks that may be translated on their way
 * out. */
uint32_t check_rules_masquerade(struct check_rules *r);

/**
 * check_rules_block - a forward chain that surely drops what a mapping lets in.
 * @after: the one that was returned before; NULL: begin
 * @ret_nets: on the way to these networks
 *
 * Our own accept counts, if nothing dropped before it; so does anybody's that
 * accepts what was translated. Return: NULL: there is none, or no other
 */
const struct check_rules_base *check_rules_block(const struct check_rules *r,
				const struct check_rules_base *after,
				uint32_t *ret_nets);

/** check_rules_has - is there that chain? @table: "inet fw4" */
bool check_rules_has(struct check_rules *r, const char *table,
		     const char *chain);

#endif
