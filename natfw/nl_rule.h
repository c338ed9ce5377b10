/* SPDX-License-Identifier: ISC */
/*
 * nl_rule.h - writes our table with its chains, sets and rules, and our rules
 * and sets in foreign tables, as messages to the kernel. Pure.
 * Runs in: monitor
 */
#ifndef NATFW_NL_RULE_H
#define NATFW_NL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "natfw.h"
#include "natfw/nfnl.h"
#include "natfw/nl_map.h"
#include "natfw/nl_place.h"

/** nl_rule_put_table - make our own table again, without elements, whatever its
 * state. */
void nl_rule_put_table(struct nfnl_batch *, const struct natfw_env *);

/** nl_rule_delete_table - delete our own table; no error if it is missing. */
void nl_rule_delete_table(struct nfnl_batch *);

/** nl_rule_put_set - make our set in the table of @at. @count: each element
 * counts packets and bytes; kernels before 5.7 ignore that */
void nl_rule_put_set(struct nfnl_batch *, const struct nl_place *at,
		     bool count);

/** nl_rule_delete_set - delete it; it must exist, and no rule may use it. */
void nl_rule_delete_set(struct nfnl_batch *, const struct nl_place *at);

/** nl_rule_put_accept - insert our two rules at the head of a foreign chain;
 * our set must be in its table. */
void nl_rule_put_accept(struct nfnl_batch *, const struct nl_place *);

/** nl_rule_delete - delete the rule with that handle. */
void nl_rule_delete(struct nfnl_batch *, const struct nl_place *,
		    uint64_t handle);

/* The user data of a rule, in which nft keeps its comment: "upnpd". */
#define NL_RULE_COMMENT	"\x00\x06upnpd"

/**
 * nl_rule_module - find the kernel module without which a message fails with
 * -ENOENT or -EOPNOTSUPP.
 * @msg: the message, as it was sent
 * @at: offset of the fault in it, or 0
 * Return: "nft_masq", "nft_chain_nat"; NULL: no module is missing, or it is
 * unknown
 */
const char *nl_rule_module(const struct nlmsghdr *msg, size_t at);

#endif
