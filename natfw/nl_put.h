/* SPDX-License-Identifier: ISC */
/*
 * nl_put.h - writes a rule as the expressions that nft makes of its text, so
 * that nft lists it as its own. Pure.
 *
 * A rule is a list of expressions. They load into registers, which start at
 * number 1 with 16 bytes each; the registers of four bytes that overlap them
 * start at number 8. The parts of a key are loaded one after the other.
 * Runs in: monitor
 */
#ifndef NATFW_NL_PUT_H
#define NATFW_NL_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "natfw/nfnl.h"
#include "natfw/nl_map.h"

/* Offsets in the header of IPv4. */
enum { NL_PUT_SADDR = 12, NL_PUT_DADDR = 16 };

/* A rule that is being written; its expressions are written to @m. */
struct nl_put {
	struct nfnl_batch *b;
	struct nlmsg *m;
	size_t list;
};

#define NL_PUT_APPEND	0	/* at the end, instead of before a handle */

/** nl_put_rule - begin a rule. @before: a handle or NL_PUT_APPEND */
struct nl_put nl_put_rule(struct nfnl_batch *, const struct nl_table *,
			  const char *chain, uint64_t before);

/** nl_put_end - end it. @comment: a literal for nft to show; NULL: none */
void nl_put_end(struct nl_put, const char *comment);

/* ---- conditions ---------------------------------------------------- */

/** nl_put_if - the interface has this name. @key: NFT_META_IIFNAME or
 * NFT_META_OIFNAME */
void nl_put_if(struct nlmsg *, uint32_t key, const char *name);

/** nl_put_not_if - it has another name. */
void nl_put_not_if(struct nlmsg *, uint32_t key, const char *name);

/** nl_put_byte - a property of the packet has this value. @key: NFT_META_*, of
 * one byte */
void nl_put_byte(struct nlmsg *, uint32_t key, uint8_t value);

/** nl_put_net - an address is in this network. @at: NL_PUT_SADDR or
 * NL_PUT_DADDR */
void nl_put_net(struct nlmsg *, uint32_t at, const struct addr_net *);

/** nl_put_addr - it is this address. */
void nl_put_addr(struct nlmsg *, uint32_t at, struct addr);

/** nl_put_dnat - the flow was translated by DNAT, or (@is: false) was not. */
void nl_put_dnat(struct nlmsg *, bool is);

/** nl_put_orig_dst - the flow's first packet was to this address. */
void nl_put_orig_dst(struct nlmsg *, struct addr);

/** nl_put_key - load the parts of a map's key, for a lookup. @to: of a packet
 * to the client or its external port; false: of one from the client */
void nl_put_key(struct nlmsg *, const struct nl_map *, bool to);

/** nl_put_answer - it goes against the direction of its flow's first packet. */
void nl_put_answer(struct nlmsg *);

/** nl_put_meta - load a property into the key's first register. */
void nl_put_meta(struct nlmsg *, uint32_t key);

/**
 * nl_put_lookup - look the key up.
 * @id: of a set without a name, or 0
 * @map: the value replaces the key; else the rule continues if the set has it
 */
void nl_put_lookup(struct nlmsg *, const char *set, uint32_t id, bool map);

/* ---- what the rule does -------------------------------------------- */

void nl_put_accept(struct nlmsg *);

/** nl_put_nat - translate to the address and port that a map lookup has left.
 * @type: NFT_NAT_SNAT or NFT_NAT_DNAT */
void nl_put_nat(struct nlmsg *, uint32_t type);

void nl_put_masquerade(struct nlmsg *);

/** nl_put_data - a value as data, as in an element. */
void nl_put_data(struct nlmsg *, uint16_t type, const void *p, size_t n);

#endif
