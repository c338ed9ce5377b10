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
#include "natfw/place.h"

/**
 * nl_rule_put_table - make our own table again, without elements, whatever its
 * state.
 * @t: nl_map_own, or a table for a trial
 * @count: each element of the set count counts packets and bytes; kernels
 *         before 5.7 ignore that
 */
void nl_rule_put_table(struct nfnl_batch *, const struct nl_table *t,
		       const struct natfw_env *, bool count);

/** nl_rule_delete_table - delete it; no error if it is missing. */
void nl_rule_delete_table(struct nfnl_batch *, const struct nl_table *t);

/** nl_rule_put_set - make our set in a foreign table. */
void nl_rule_put_set(struct nfnl_batch *, const struct nl_table *);

/** nl_rule_delete_set - delete it; it must exist, and no rule may use it. */
void nl_rule_delete_set(struct nfnl_batch *, const struct nl_table *);

/** nl_rule_flush_set - delete its elements; it must exist. */
void nl_rule_flush_set(struct nfnl_batch *, const struct nl_table *);

/**
 * nl_rule_put_accept - insert our rules in a foreign chain; our set must be in
 * its table.
 * @p: its direction, interfaces and protocol
 * @before: a handle, or 0: at the end of the chain
 */
void nl_rule_put_accept(struct nfnl_batch *, const struct natfw_env *,
			const struct nl_table *, const char *chain,
			const struct place *p, uint64_t before);

/** nl_rule_delete - delete the rule with that handle. */
void nl_rule_delete(struct nfnl_batch *, const struct nl_table *,
		    const char *chain, uint64_t handle);

/** nl_rule_table - the table of a message, by its family and name. Return:
 * false if it has none */
bool nl_rule_table(const struct nlmsghdr *, struct nl_table *ret);

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
