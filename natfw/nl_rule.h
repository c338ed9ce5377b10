/* SPDX-License-Identifier: ISC */
/*
 * nl_rule.h - our table with its chains, sets and rules, and our rules and
 * sets in foreign tables, as messages to the kernel. Pure.
 */
#ifndef NATFW_NL_RULE_H
#define NATFW_NL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nft_map.h"
#include "natfw/nft_place.h"

/** nl_put_table - our own table, new and without elements, whatever stands
 * there now. */
void nl_put_table(struct nfnl_batch *, const struct natfw_env *);

/** nl_put_no_table - our own table is gone, and it is no error if it was. */
void nl_put_no_table(struct nfnl_batch *);

/** nl_put_set - our set in the table of @at. @count: packets and bytes of each
 * element, which kernels before 5.7 pass over */
void nl_put_set(struct nfnl_batch *, const struct nft_place *at, bool count);

/** nl_put_no_set - it goes; it must be there, and no rule use it. */
void nl_put_no_set(struct nfnl_batch *, const struct nft_place *at);

/** nl_put_accept - our two rules at the head of a foreign chain, in whose
 * table our set stands. */
void nl_put_accept(struct nfnl_batch *, const struct nft_place *);

/** nl_put_no_rule - the rule of that handle goes. */
void nl_put_no_rule(struct nfnl_batch *, const struct nft_place *,
		    uint64_t handle);

/* The user's data of a rule in which nft keeps its comment, "upnpd". */
#define NL_COMMENT	"\x00\x06upnpd"

/**
 * nl_module - the kernel module without which a message fails with -ENOENT or
 * -EOPNOTSUPP.
 * @msg: the message, as it was sent
 * @at: where the kernel found the fault in it, or 0
 *
 * Return: "nft_masq", "nft_chain_nat", valid as long as @msg; NULL: it is for
 * no want of a module, or it can not be told
 */
const char *nl_module(const struct nlmsghdr *msg, size_t at);

#endif
