/* SPDX-License-Identifier: ISC */
/*
 * nft_rule.h - our table with its chains and rules, and our rules and sets in
 * foreign tables: all that nft is told but the elements.
 */
#ifndef NATFW_NFT_RULE_H
#define NATFW_NFT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw.h"
#include "natfw/nft_list.h"

/**
 * nft_put_clean - our old rules out of all foreign chains, and our sets empty
 * or, where they are not needed, gone.
 * @look: what was found by nft_look_chains()
 * @keep: false: no set is needed
 * @count: our sets count packets and bytes of each element, for which nft 0.9.5
 *	   is needed
 */
void nft_put_clean(struct wr *, const struct nft_look *look, bool keep,
		   bool count);

/** nft_put_accept - our two rules at the head of a foreign chain, in whose
 * table our set stands. */
void nft_put_accept(struct wr *, const struct nft_place *);

/** nft_put_table - our own table, new and without elements, whatever stands
 * there now. */
void nft_put_table(struct wr *, const struct natfw_env *);

/** nft_chain_lines - how many lines the chains of that table have when nft
 * lists them. */
size_t nft_chain_lines(const struct natfw_env *);

#endif
