/* SPDX-License-Identifier: ISC */
/*
 * check_rules.h - what a firewall's rules do to two flows: out of an internal
 * network to the Internet, and in through an open port. Pure: reads a listing
 * line by line.
 *
 * No packet filter is played here. A rule is understood as far as it judges by
 * interfaces, addresses and the state of the flow; of what it asks beyond that,
 * nothing is known: such a rule may translate, but never surely drops.
 */
#ifndef UPNPCTL_CHECK_RULES_H
#define UPNPCTL_CHECK_RULES_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

#define RULES_NETS_MAX	32	/* internal networks: a bit each */
#define RULES_CHAINS_MAX 512	/* OpenWrt has 40, a container host 200 */
#define RULES_JUMPS_MAX	1024
#define RULES_BASES_MAX	8	/* chains on the forward hook */

struct rules_net {
	char ifname[IF_NAMESIZE];
	uint32_t ip, mask;
};

/* Between what the flows go. */
struct rules_flow {
	char ext[IF_NAMESIZE];
	struct rules_net net[RULES_NETS_MAX];
	size_t n;
};

struct rules_chain {
	uint64_t key;		/* hash of family, table and name */
	/* networks, to which what comes in is surely judged so here */
	uint32_t accept, drop, leave;
	uint32_t masq;		/* whose traffic may be translated here */
	bool post;		/* of NAT, on the postrouting hook */
};

struct rules_jump {
	uint16_t from, to;	/* places of chains */
	uint32_t in, out;	/* surely, for what comes in; maybe, out */
};

/* A chain on the forward hook. */
struct rules_base {
	uint16_t chain;
	bool drop;		/* its policy */
	char name[112];		/* "inet fw4 forward" */
};

struct rules {
	const struct rules_flow *flow;
	struct rules_chain chain[RULES_CHAINS_MAX];
	size_t chain_n;
	struct rules_jump jump[RULES_JUMPS_MAX];
	size_t jump_n;
	struct rules_base base[RULES_BASES_MAX];
	size_t base_n;
	bool over;		/* there was more than has room */
	bool used;		/* others filter or translate by it */
	/* private: where the next line stands */
	struct str_buf {
		char z[80];
	} table, name;
	bool skip, counts;
	int here;		/* chain, -1 none */
};

/** rules_begin - nothing is known yet. @flow lives as long as @r. */
void rules_begin(struct rules *r, const struct rules_flow *flow);

/** rules_nft - a line of "nft list ruleset". Tables of the iptables command
 * and our own are passed over. @r: a struct rules */
void rules_nft(void *r, struct str line);

/** rules_ipt - a line of iptables-save, of whatever variant. */
void rules_ipt(void *r, struct str line);

/** rules_masquerade - the networks that may be translated on their way out. */
uint32_t rules_masquerade(struct rules *r);

/**
 * rules_block - a forward chain that surely drops what a mapping lets in.
 * @ret_nets: on the way to these networks
 *
 * Our own accept counts, if nothing dropped before it; so does anybody's that
 * accepts what was translated. Return: NULL: there is none
 */
const struct rules_base *rules_block(struct rules *r, uint32_t *ret_nets);

/** rules_has - is there that chain? @table: "inet fw4" */
bool rules_has(struct rules *r, const char *table, const char *chain);

#endif
