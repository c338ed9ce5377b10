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

/** nl_rule_put_from - make the maps @new for mappings for one remote host, a
 * bit for each (nl_map_from()), and the rules that look up these and those that
 * exist, @old. Our own table must exist, and env->ext must be set. */
void nl_rule_put_from(struct nfnl_batch *, const struct natfw_env *,
		      unsigned old, unsigned new);

/** nl_rule_delete_table - delete it; no error if it is missing. */
void nl_rule_delete_table(struct nfnl_batch *, const struct nl_table *t);

/**
 * nl_rule_put_own6 - make our table of IPv6 with its chain. What exists stays as
 * it is, with its sets and counters; the rules are deleted.
 */
void nl_rule_put_own6(struct nfnl_batch *);

/** nl_rule_put_count6 - make a rule that counts the packets which found an
 * element in this set of pinholes. The chain and the set must exist. */
void nl_rule_put_count6(struct nfnl_batch *, const struct natfw_env *,
			const struct nl_map *);

/** nl_rule_put_set - make a set. @count: each element counts packets and
 * bytes */
void nl_rule_put_set(struct nfnl_batch *, const struct nl_table *,
		     const struct nl_map *, bool count);

/** nl_rule_delete_set - delete it; it must exist, and no rule may use it. */
void nl_rule_delete_set(struct nfnl_batch *, const struct nl_table *,
			const char *name);

/** nl_rule_flush_set - delete its elements; it must exist. */
void nl_rule_flush_set(struct nfnl_batch *, const struct nl_table *,
		       const char *name);

/* A place in nf_tables. */
struct nl_rule_spot {
	const struct nl_table *table;
	const char *chain;
	uint64_t before;	/* a handle, or 0: at the end of the chain */
	const struct place *place;	/* direction, interfaces, protocol */
};

/** nl_rule_put_accept - insert our rules in a foreign chain. @set: what they
 * accept, of the place's family; it must be in the table */
void nl_rule_put_accept(struct nfnl_batch *, const struct natfw_env *,
			const struct nl_rule_spot *, const struct nl_map *set);

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
